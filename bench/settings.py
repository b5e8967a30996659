# pyright: basic
"""What a search for settings by answers finds on the sample domain, and what the gate says of it on
the other half of its evals: `python -m bench.settings FOLDER --budget 10`.

Answers are quoted, so no model and no wording takes part. FOLDER keeps the index, so that a second
call only searches.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

from rag.app import build
from rag.config import load
from rag.errors import InvalidInput
from rag.types import Principal, Role

WHO = Principal(id="bench", roles=frozenset({Role.ADMIN, Role.DATA}))


async def searched(folder: Path, minutes: float) -> dict[str, Any]:
    app = await build(load(folder))
    try:
        if await app.add_pack_sources(WHO):
            await app.sync(WHO)
        load_before, started = os.getloadavg()[0], time.monotonic()
        said: dict[str, Any] = {"budget": minutes, "load": round(load_before, 1)}
        try:
            made = await app.tuning.make(WHO, "configuration", None, budget=minutes, answers=True)
        except InvalidInput as error:
            seconds = round(time.monotonic() - started, 1)
            return {**said, "chosen": None, "why": error.message, "search_seconds": seconds}
        said |= {
            "chosen": made.lineage["changes"],
            "choices": made.lineage["tried"],
            "figures": dict(made.figures),
            "search_seconds": round(time.monotonic() - started, 1),
        }
        report = (await app.tuning.measure(WHO, made.name, None)).report
        return said | {
            "outcome": report.outcome,
            "conditions": {
                one.name: [
                    one.holds,
                    one.interval.questions,
                    round(one.interval.mean, 4),
                    [round(one.interval.low, 4), round(one.interval.high, 4)],
                ]
                for one in report.conditions
            },
            "why": report.why,
        }
    finally:
        await app.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--budget", type=float, default=10.0, help="minutes")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    print(json.dumps(asyncio.run(searched(asked.folder, asked.budget)), indent=2))
