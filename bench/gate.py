# pyright: basic
"""What the gate takes, and what a memory adds to a search: `python -m bench.gate FOLDER`.

The sample domain is asked and rated as in `bench.demo_loop`, all of it accepted; a memory is made
of the first 600 questions, and the gate measures it on those that came later. Then the same
questions are searched with and without the memory, in turns, and what it adds is told by pairs.
FOLDER keeps the simulated use, so that a second call only measures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.demo_loop import REVIEWER, SEED, Month, review
from rag.app import App, build
from rag.config import load
from rag.retrieve.levers import NONE

EARLIER = 600
SEARCHED = 300
ROUNDS = 3


async def prepared(folder: Path, later: int) -> None:
    folder.mkdir(parents=True)
    (folder / "rag.toml").write_text("[feedback]\nper_minute = 1000000\n")
    app = await build(load(folder))
    try:
        await app.add_pack_sources(REVIEWER)
        await app.sync(REVIEWER)
        month = Month(app, SEED)
        await month.agree()
        await review(app, await month.use(EARLIER, later=False), "accepted")
        await app.tuning.make(REVIEWER, "memory", None)
        await month.use(later, later=True)
    finally:
        await app.aclose()


async def measured(folder: Path) -> dict[str, Any]:
    app = await build(load(folder))
    try:
        known = await app.tuning.list(REVIEWER, None)
        memory = next(one for one in known if one.kind == "memory")
        await app.warm()
        since = time.perf_counter()
        said = await app.tuning.measure(REVIEWER, memory.name, None)
        seconds = time.perf_counter() - since
        result = {
            "questions": len(said.asked),
            "gate_seconds": round(seconds, 1),
            "seconds_for_1000": round(1_000 * seconds / len(said.asked), 1),
            "outcome": said.report.outcome,
            **await added(app, memory),
        }
    finally:
        await app.aclose()
    return result


async def added(app: App, memory: Any) -> dict[str, Any]:
    """What a search takes longer for the memory, by pairs of the same question in turns."""
    domain = app._domains.get(None)
    generation = await app._generations.answering(domain)
    levers = await app.tuning.of(domain, generation, {"memory": memory.id})
    cases = [one for one in app.pack().evals() if one.answerable]
    chosen = random.Random(SEED).choices(cases, k=SEARCHED)
    laps: dict[bool, list[float]] = {False: [], True: []}
    moved = 0
    for turn in range(ROUNDS):
        for n, case in enumerate(chosen):
            who = app.person(case.as_user)
            for remembers in (True, False) if (n + turn) % 2 else (False, True):
                since = time.perf_counter()
                found = await domain.retriever.retrieve(
                    who, case.question, generation=generation.id, limit=10,
                    levers=levers if remembers else NONE,
                )  # fmt: skip
                laps[remembers].append(1_000 * (time.perf_counter() - since))
                moved += any(one.stage == "memory" for hit in found.hits for one in hit.scores)
    pairs = [new - old for new, old in zip(laps[True], laps[False], strict=True)]
    return {
        "searches": len(pairs),
        "moved_something": moved,
        "search_ms_p50": round(statistics.median(laps[False]), 2),
        "with_memory_ms_p50": round(statistics.median(laps[True]), 2),
        "added_ms_p50": round(statistics.median(pairs), 2),
        "added_ms_p95": round(statistics.quantiles(pairs, n=20)[18], 2),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--later", type=int, default=1_000)
    given = parser.parse_args(arguments)
    if not given.folder.exists():
        asyncio.run(prepared(given.folder, given.later))
    print(json.dumps({"name": "machine", "cores": os.cpu_count(), "load": os.getloadavg()}))
    print(json.dumps({"name": "gate", **asyncio.run(measured(given.folder))}))


if __name__ == "__main__":
    main()
