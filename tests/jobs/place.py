"""A folder of documents and the workers that read it, each a process."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from rag.store.models import DocumentRow, PlacementRow, RunRow, SourceRow, VersionRow
from rag.store.runs import Runs
from rag.types import Run, utc_now
from tests.support import Bench

REPO = Path(__file__).parents[2]
PATIENCE_SECONDS = 40
"""Shorter than the lease of those who are taken over from at once."""
DOCUMENTS = 30
QUICK = {"heartbeat_seconds": 0.1, "lease_seconds": 1.0}
NEVER = {"heartbeat_seconds": 0.1, "lease_seconds": 55.0}
ALL = {f"{number}.txt": 2 for number in range(DOCUMENTS)}
"""What answers once every document is live: how many passages of each."""


class Place:
    """A folder of documents, and the runs that workers do on it."""

    def __init__(self, root: Path, url: str) -> None:
        self.root, self.url = root, url
        self.bench = Bench(root, url)
        self.runs = Runs(self.bench.database, utc_now)
        self.source = self.bench.ledger.sources.add("test", "docs", "files", {})
        for number in range(DOCUMENTS):
            self.bench.write(f"{number}.txt", f"turbine {number}\n\ngasket {number}")

    @contextmanager
    def worker(self, **options: object) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.jobs.worker", str(self.root), self.url),
                json.dumps({"jobs": QUICK, **options}),
            ],
            cwd=REPO,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n", process.stdout.read()[-2_000:]
            yield process
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def ask(self) -> Run:
        return self.runs.request("sync", "test", self.source, "me")[0]

    def until(self, run: Run, good: Callable[[Run], bool]) -> Run:
        end = time.monotonic() + PATIENCE_SECONDS
        while not good(found := self.runs.get(run.id)):
            assert time.monotonic() < end, found
            time.sleep(0.02)
        return found

    def ledger(self) -> list[object]:
        """Everything that the ledger says."""
        tables = (DocumentRow, VersionRow, PlacementRow, SourceRow, RunRow)
        with self.bench.database.read() as session:
            return [
                row
                for table in tables
                for row in sorted(
                    map(tuple, session.execute(select(*table.__table__.columns))), key=str
                )
            ]

    def live(self) -> dict[str, int]:
        """How many passages of each document answer."""

        async def answering() -> dict[str, int]:
            found = await self.bench.answering()
            await self.bench.index.aclose()
            return {title: len(passages) for title, passages in found.items()}

        return asyncio.run(answering())

    def points(self) -> int:
        async def count() -> int:
            found = await self.bench.index.count((await self.bench.generation()).id)
            await self.bench.index.aclose()
            return found

        return asyncio.run(count())
