"""An interpreter of its own for each consumer, made when it is first wanted.

Consumers' pins conflict with each other's and with ours. What each needs is pinned by hash beside
this file. torch, which is most of the bytes, is not installed again: it is linked from where we
have it, so that a machine's own build of it serves everybody.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import sysconfig
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from rag.errors import Superseded, Unavailable
from rag.learn.preflight.children import LOOK_SECONDS, Stopped, finished

PINS = Path(__file__).parent / "requirements"
_READY = ".ready"
_LINKED = ("torch", "torchgen", "functorch")


def environment(
    data: Path,
    consumer: str,
    say: Callable[[str], None] = lambda _: None,
    stopped: Stopped = lambda: False,
) -> Path:
    """The interpreter that has this consumer, under the data folder.

    Made again where the pins have changed. Two at once wait for one another. Needs a package
    index as pip is configured to find one. Raises Unavailable, or Superseded where it is stopped.
    """
    pins = PINS / f"{consumer}.txt"
    key = f"{sys.version_info[:3]} {pins.read_text(encoding='utf-8')}"
    name = f"{consumer}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    folder = data / "consumers" / name
    python = folder / "bin" / "python"
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _wait(lock, stopped)
        if not (folder / _READY).exists():
            say(f"Making an environment for {consumer}; this is done once.")
            shutil.rmtree(folder, ignore_errors=True)
            _make(folder, python, pins, stopped)
            (folder / _READY).touch()
            _clear(folder)
    finally:
        os.close(lock)
    return python


def _wait(lock: int, stopped: Stopped) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if stopped():
                raise Superseded("It was stopped.") from None
            time.sleep(LOOK_SECONDS)


def _make(folder: Path, python: Path, pins: Path, stopped: Stopped) -> None:
    _run(stopped, sys.executable, "-m", "venv", "--without-pip", str(folder))
    hashed = ("--no-deps", "--require-hashes", "-r", str(pins))
    if find_spec("uv"):
        _run(
            stopped, sys.executable, "-m", "uv", "--system-certs", "pip", "install", "-q",
            "--python", str(python), "--link-mode", "copy", *hashed,
        )  # fmt: skip
    else:
        _run(
            stopped, sys.executable, "-m", "pip", "--python", str(python), "install", "-q", *hashed
        )
    _link_torch(Path(sysconfig.get_path("purelib", vars={"base": str(folder)})))


def _link_torch(packages: Path) -> None:
    """Link ours; what it loads is found from where it really lies."""
    spec = find_spec("torch")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    ours = Path(spec.submodule_search_locations[0]).parent
    for one in (*(ours / name for name in _LINKED), *ours.glob("torch-*.dist-info")):
        if one.is_dir() and not (packages / one.name).exists():
            (packages / one.name).symlink_to(one)


def _run(stopped: Stopped, *command: str) -> None:
    done = finished(command, stopped=stopped)
    if done.returncode:
        why = done.stderr.strip().splitlines()
        raise Unavailable(
            f"The environment cannot be made: {why[-1] if why else done.returncode}.",
            hint="It needs a package index, as pip is configured to find one.",
        )


def _clear(folder: Path) -> None:
    """Remove what older pins were installed for."""
    stem = folder.name.rpartition("-")[0]
    for old in folder.parent.glob(f"{stem}-????????????"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
            old.with_suffix(".lock").unlink(missing_ok=True)
