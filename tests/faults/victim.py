"""Syncs in processes that die at a step: `python -m tests.faults.victim ROOT URL [real]`.

With `real` the encoder and the parsers are the product's. For each line, a STEP, a process is
forked, which saves it the imports; `begun PID` and `ended CODE` tell of it.
STEP is `NAME:before:N` or `NAME:after:N`, the Nth time that step is taken, or `-` to run through.
The steps are the calls that leave something behind. It dies as power does: by SIGKILL.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support import Bench, RealBench

STEPS = (
    "ledger.sources.synced",
    "ledger.fail",
    "ledger.touch",
    "ledger.delete",
    "ledger.hold",
    "ledger.placements.reserve",
    "ledger.placements.commit",
    "ledger.placements.swept",
    "blobs.put",
    "index.upsert",
    "index.count",
    "index.delete",
)


def arm(bench: Bench, step: str) -> None:
    """Wrap the step so that its Nth call is the process's last."""
    name, when, turn = step.split(":")
    *above, method = name.split(".")
    owner: Any = bench
    for part in above:
        owner = getattr(owner, part)
    whole = getattr(owner, method)
    calls: Counter[str] = Counter()

    def due() -> bool:
        calls[name] += 1
        return calls[name] == int(turn)

    setattr(owner, method, _wrapped(whole, when, due))


def _wrapped(whole: Callable[..., Any], when: str, due: Callable[[], bool]) -> Callable[..., Any]:
    if asyncio.iscoroutinefunction(whole):

        async def step(*args: Any, **kwargs: Any) -> Any:
            last = due()
            if last and when == "before":
                _die()
            result = await whole(*args, **kwargs)
            if last:
                _die()
            return result

        return step

    def step_now(*args: Any, **kwargs: Any) -> Any:
        last = due()
        if last and when == "before":
            _die()
        result = whole(*args, **kwargs)
        if last:
            _die()
        return result

    return step_now


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def run(root: Path, url: str, step: str, say: Callable[[str], None], *, real: bool) -> None:
    bench = RealBench(root, url) if real else Bench(root, url)
    if step != "-":
        arm(bench, step)
    say(f"begun {os.getpid()}")
    try:
        await bench.sync()
    finally:
        await bench.close()


def main(root: Path, url: str, *, real: bool) -> None:
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever logs must not end up between two of our lines

    def say(line: str) -> None:
        told.write(f"{line}\n")
        told.flush()

    for line in sys.stdin:
        victim = os.fork()
        if victim == 0:
            code = 1
            try:
                asyncio.run(run(root, url, line.strip(), say, real=real))
                code = 0
            except BaseException:  # noqa: BLE001 -- the parent says that it failed
                traceback.print_exc()
            finally:
                # What the parent has open is the parent's to close.
                os._exit(code)
        say(f"ended {os.waitstatus_to_exitcode(os.waitpid(victim, 0)[1])}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], real="real" in sys.argv[3:])
