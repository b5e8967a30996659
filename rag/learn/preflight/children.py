"""Programs that are waited for, and ended with whoever waits."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rag.errors import Superseded

Stopped = Callable[[], bool]
"""Whether what is being done is to end."""
LOOK_SECONDS = 0.2


def finished(
    command: Sequence[str | Path],
    *,
    stopped: Stopped,
    env: Mapping[str, str] | None = None,
    limit: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """How a program ended. It is killed, with its own children, where it is to be stopped or takes
    too long: raises Superseded, or subprocess.TimeoutExpired."""
    began = time.monotonic()
    with subprocess.Popen(
        command,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as child:
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    out, err = child.communicate(timeout=LOOK_SECONDS)
                    return subprocess.CompletedProcess(command, child.returncode, out, err)
                if stopped():
                    raise Superseded("It was stopped.")
                if limit is not None and time.monotonic() - began > limit:
                    raise subprocess.TimeoutExpired(command, limit)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            raise
