"""Builds and exports datasets in processes that die: `python -m tests.faults.curator ROOT`.

It says `ready PID`. For each line, `STEP WHAT`, a process is forked, which saves it the imports;
`begun PID` and `ended CODE` tell of it. WHAT is `build` or the name of a format. STEP is a name of
STEPS and the turn at which it is the process's last, `gather:2`, or `-` to run through. It dies as
power does: by SIGKILL; with a `!` behind it, it gets no more memory from there on. Other
endings: 0, FULL or REFUSED in our own words, 1 for anything else.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rag.backends.presidio import Presidio
from rag.config.redaction import RedactionSettings
from rag.datasets import DatasetSpec
from rag.errors import RagError, StorageFull
from rag.learn import building, built, cards, exporting, writing
from rag.store.database import newest_schema
from rag.store.datasets import Datasets
from rag.store.opinions import Opinions
from rag.types import Principal, Role
from tests.app.test_app import open_app

CURATOR = Principal(id="local", roles=frozenset(Role))
SPEC = DatasetSpec(name="month", test_share=0.2, validation_share=0.2)
REFUSED, FULL = 3, 4
STEPS: dict[str, tuple[Any, str]] = {
    "gather": (Opinions, "think"),
    "gathered": (Opinions, "settle"),
    "row": (Opinions, "origin"),
    "file": (writing, "write_lines"),
    "card": (cards, "readme"),
    "keep": (Datasets, "add"),
    "sync": (built, "_sync"),
    "exporting": (cards, "of_export"),
    "listing": (exporting, "listed"),
}


def arm(step: str) -> None:
    """Make the step's Nth call the process's last."""
    starves = step.endswith("!")
    name, _, turn = step.removesuffix("!").partition(":")
    owner, method = STEPS[name]
    whole: Callable[..., Any] = getattr(owner, method)
    calls: Counter[str] = Counter()

    def dying(*args: Any, **kwargs: Any) -> Any:
        calls[name] += 1
        if calls[name] == int(turn):
            if starves:
                starve()
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return whole(*args, **kwargs)

    setattr(owner, method, dying)


BALLAST: list[bytearray] = []


def starve() -> None:
    """Take all the memory that there is, and have no more given."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    size = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    for piece in (1 << 20, 1 << 14, 1 << 9):
        with suppress(MemoryError):
            while True:
                BALLAST.append(bytearray(piece))


async def curate(root: Path, what: str) -> None:
    app = open_app(root)
    try:
        if what == "build":
            await app.datasets.build(CURATOR, SPEC, None, lambda _: None)
        else:
            await app.datasets.export(CURATOR, "month", what, None)
    finally:
        await app.aclose()


def run(root: Path, step: str, what: str) -> int:
    building.AT_ONCE = 1
    if step != "-":
        arm(step)
    try:
        asyncio.run(curate(root, what))
    except RagError as error:
        # Not written to the log, which may be on the disk that takes nothing.
        return FULL if isinstance(error, StorageFull) else REFUSED
    return 0


def prepare() -> None:
    """What takes long and is once in a process: those that are forked find it done."""
    exporting.formats()
    newest_schema()
    Presidio(RedactionSettings(), lambda said: said).find("Call Anna at +49 30 901820.")


def main(root: Path) -> None:
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever logs must not end up between two of our lines
    prepare()
    told.write(f"ready {os.getpid()}\n")
    told.flush()
    for line in sys.stdin:
        step, what = line.split()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = run(root, step, what)
            except BaseException:  # noqa: BLE001 -- the parent says that it failed
                traceback.print_exc()
            finally:
                # What the parent has open is the parent's to close.
                os._exit(code)
        told.write(f"begun {child}\n")
        told.flush()
        told.write(f"ended {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        told.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
