# pyright: basic
"""A source of many small documents: rate, memory, re-syncs, searches while it is read and after.

`python -m bench.large PASSAGES_GZ [COUNT]` prints JSON. Every passage is a text file of its own,
read by the real connector, parsers, encoder and engine. The embed-only rate is taken on a sample
before and after, since a machine is not equally fast for half an hour.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import linear_regression, median, quantiles

import psutil

from bench.search import read
from rag.app import App, build
from rag.config import load
from rag.errors import Unavailable
from rag.ingest.write import embedded_text
from rag.types import Match, Principal, Progress, RawDocument, SearchRequest

DELETED = 10_000
# Warnings only; and what goes is meant to go.
ENVIRONMENT = {"RAG_LOG__LEVEL": "warning", "RAG_SYNC__HOLD_SHARE": "0.5"}
SAMPLE = 1_000
ASKED = 100
EVERY = 500
"""Documents between two looks at memory."""
PAUSE_S = 0.5
"""Between two questions asked while something else goes on."""


def write_files(folder: Path, passages: list[str]) -> list[Path]:
    """One file a passage; every fifth goes to the smaller of two sources."""
    files: list[Path] = []
    for number, text in enumerate(passages):
        source = "minor" if number % 5 == 0 else "major"
        path = folder / source / f"{number // 1000:03}" / f"{number:06}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        files.append(path)
    return files


class Memory:
    """Resident megabytes of this process, its parsers and its engine as documents go by."""

    def __init__(self) -> None:
        self.done = 0
        self.seen: list[tuple[int, dict[str, float]]] = []

    def look(self, _: Progress) -> None:
        """Called once a document."""
        self.done += 1
        if self.done % EVERY == 0:
            self.seen.append((self.done, resident()))

    def slopes(self) -> dict[str, object]:
        """Megabytes per 1,000 documents, from the second 1,000 on."""
        late = [(done, held) for done, held in self.seen if done >= 1_000]
        at = [done / 1_000 for done, _ in late]
        return {
            name: {
                "first_mb": round(late[0][1].get(name, 0)),
                "last_mb": round(late[-1][1].get(name, 0)),
                "mb_per_1000": round(
                    linear_regression(at, [held.get(name, 0) for _, held in late]).slope, 2
                ),
            }
            for name in ("app", "engine", "parsers")
        }


def resident() -> dict[str, float]:
    held = {"app": psutil.Process().memory_info().rss / 2**20, "engine": 0.0, "parsers": 0.0}
    for process in psutil.process_iter(["cmdline", "memory_info"]):
        line = " ".join(process.info["cmdline"] or ())
        for name, mark in (("engine", "qdrant_edge"), ("parsers", "parser_process")):
            if mark in line and process.info["memory_info"]:
                held[name] += process.info["memory_info"].rss / 2**20
    return held


async def embed_rate(app: App, files: list[Path]) -> float:
    texts: list[str] = []
    for path in files[:: max(1, len(files) // SAMPLE)]:
        raw = RawDocument(key=path.name, uri=str(path), name=path.name, data=path.read_bytes())
        document = await app._parts.parsers.parse(raw)
        texts.extend(embedded_text(chunk) for chunk in app._parts.chunker.chunk(document))
    started = time.perf_counter()
    for start in range(0, len(texts), 256):
        await app._parts.embedder.embed_documents(texts[start : start + 256])
    return len(texts) / (time.perf_counter() - started)


Ask = Callable[[str], Awaitable[float]]


@asynccontextmanager
async def asking(ask: Ask, questions: list[str]) -> AsyncIterator[list[float]]:
    """Milliseconds of searches made one after another while the block runs."""
    took: list[float] = []

    async def go_on() -> None:
        while True:
            for question in questions:
                # Before the first document is live there is nothing to ask.
                with suppress(Unavailable):
                    took.append(await ask(question))
                await asyncio.sleep(PAUSE_S)

    task = asyncio.create_task(go_on())
    try:
        yield took
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def spread(took: list[float]) -> dict[str, float]:
    return {
        "searches": len(took),
        "p50_ms": round(median(took), 1),
        "p95_ms": round(quantiles(took, n=20)[-1], 1),
        "worst_ms": round(max(took), 1),
    }


def _stages(timings: dict[str, list[float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, took in timings.items():
        found[f"{name}_p50_ms"] = round(median(took), 2)
        found[f"{name}_p95_ms"] = round(quantiles(took, n=20)[-1], 2)
    return found


async def measure(passages: list[str]) -> dict[str, object]:
    with tempfile.TemporaryDirectory(
        prefix="ratchet-bench-", ignore_cleanup_errors=True
    ) as scratch:
        root = Path(scratch)
        files = write_files(root / "documents", passages)
        app = await build(load(root / "data"))
        try:
            return await story(app, app.person(None), root / "documents", files, passages)
        finally:
            await app.aclose()


async def story(
    app: App, me: Principal, folder: Path, files: list[Path], passages: list[str]
) -> dict[str, object]:
    found: dict[str, object] = {"documents": len(files)}
    await app.warm()
    for name in ("major", "minor"):
        await app.add_source(me, connector="files", config={"path": str(folder / name)}, name=name)
    before = await embed_rate(app, files)
    questions = [" ".join(text.split()[:12]) for text in passages[:: len(passages) // ASKED]]
    timings: dict[str, list[float]] = {}

    async def ask(question: str, filter: Match | None = None) -> float:
        started = time.perf_counter()
        result = await app.search(me, SearchRequest(query=question, limit=10, filter=filter))
        for name, milliseconds in result.timings.items():
            timings.setdefault(name, []).append(milliseconds)
        return 1000 * (time.perf_counter() - started)

    memory = Memory()
    async with asking(ask, questions) as during:
        first = await app.sync(me, progress=memory.look)
    after = await embed_rate(app, files)
    rate = first.chunks / first.seconds
    found |= {
        "chunks": first.chunks,
        "ingest_chunks_per_s": round(rate, 1),
        "embed_chunks_per_s": [round(before, 1), round(after, 1)],
        "ratio": round(rate / ((before + after) / 2), 3),
        "memory": memory.slopes(),
        "search_while_ingesting": spread(during) | _stages(timings),
    }

    unchanged = await app.sync(me)
    files[3].write_text(files[3].read_text() + "\n\nOne more sentence.")
    one = await app.sync(me)
    found |= {
        "first_s": first.seconds,
        "unchanged_s": unchanged.seconds,
        "unchanged_share": round(unchanged.seconds / first.seconds, 5),
        "one_changed_share": round(one.seconds / first.seconds, 5),
    }

    timings.clear()
    idle = [await ask(question) for question in questions]
    only = Match(field="source", any_of=("minor",))
    filtered = [await ask(question, only) for question in questions]
    found |= {"search": spread(idle) | _stages(timings), "search_filtered": spread(filtered)}

    major = [path for path in files if path.is_relative_to(folder / "major")]
    gone = major[: min(DELETED, len(major) * 2 // 5)]
    for path in gone:
        path.unlink()
    async with asking(ask, questions) as meanwhile:
        deletion = await app.sync(me)
    found |= {
        "deleted": deletion.deleted,
        "held": deletion.held,
        "deletion_s": deletion.seconds,
        "search_while_deleting": spread(meanwhile) if len(meanwhile) > 1 else {},
    }
    return found


if __name__ == "__main__":
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 50_000
    os.environ |= ENVIRONMENT
    print(json.dumps(asyncio.run(measure(read(Path(sys.argv[1]), count))), indent=2))
