# pyright: basic
"""`make bench`: every figure, one JSON object a line, as `{"section": ..., "result": ...}`.

`python -m bench [SECTION ...] [--data FOLDER]`. The sections that need a folder of data sets
(`techdocs/passages.jsonl.gz`, BEIR folders) say so where it is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench import embed, ingest, large, search, service, threads
from rag.app import evaluate_retrieval
from rag.config import load

DATA = Path(__file__).parents[2] / "shared" / "data"
PASSAGES = 50_000
DOCUMENTS = 40_000
BEIR = {
    "scifact": ("scifact", "en"),
    "anthropic_docs": ("anthropic_docs", "en"),
    "xquad_en": ("xquad/en", "en"),
    "xquad_de": ("xquad/de", "de"),
}


def _retrieval(data: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        settings = load(Path(scratch))
        return {
            name: asyncio.run(evaluate_retrieval(settings, data / folder, "test", language))
            for name, (folder, language) in BEIR.items()
        }


def _passages(data: Path, count: int) -> list[str]:
    return search.read(data / "techdocs" / "passages.jsonl.gz", count)


SECTIONS: Mapping[str, Callable[[Path], Any]] = {
    "embed": lambda _: embed.run(),
    "threads": lambda _: threads.run(),
    "service": lambda _: service.run(),
    "ingest": lambda _: ingest.run(),
    "search": lambda data: asyncio.run(search.measure(_passages(data, PASSAGES))),
    "large": lambda data: asyncio.run(large.measure(_passages(data, DOCUMENTS))),
    "retrieval": _retrieval,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", default=list(SECTIONS), help=", ".join(SECTIONS))
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args()
    os.environ |= large.ENVIRONMENT
    for name in given.sections:
        try:
            result = SECTIONS[name](given.data)
        except FileNotFoundError as error:
            result = {"skipped": f"no data: {error.filename}"}
        print(json.dumps({"section": name, "result": result}), flush=True)


if __name__ == "__main__":
    main()
