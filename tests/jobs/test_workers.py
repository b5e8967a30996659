"""Workers as processes: killed, put to sleep and woken, told to stop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, text

from rag.errors import Conflict
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


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    made = Place(tmp_path, database_url)
    yield made
    made.bench.database.close()


ALL = {f"{number}.txt": 2 for number in range(DOCUMENTS)}


def test_a_worker_does_what_was_asked_while_there_was_none(place: Place) -> None:
    run = place.ask()
    with place.worker():
        ended = place.until(run, lambda run: run.ended)
    assert ended.state == "succeeded"
    assert ended.report["added"] == DOCUMENTS
    assert (ended.progress.seen, ended.progress.done, ended.progress.failed) == (30, 30, 0)
    assert ended.progress.rate > 0
    assert place.live() == ALL


def test_a_killed_worker_is_taken_over_from_at_once(place: Place) -> None:
    run = place.ask()
    with place.worker(jobs=NEVER, pace=0.05) as first:
        place.until(run, lambda run: run.progress.done > 3)
        first.kill()
        first.wait()
    with place.worker(jobs=NEVER):
        ended = place.until(run, lambda run: run.ended)
    assert (ended.state, ended.fence) == ("succeeded", 2)
    assert ended.report["unchanged"] > 3, "what was live is not read again"
    assert place.live() == ALL


def test_a_stopped_worker_gives_its_run_back(place: Place) -> None:
    run = place.ask()
    with place.worker(pace=0.1) as first:
        place.until(run, lambda run: run.progress.done > 1)
        first.terminate()
        assert first.wait(PATIENCE_SECONDS) == 0
        assert place.runs.get(run.id).state == "queued"
    with place.worker():
        assert place.until(run, lambda run: run.ended).state == "succeeded"


def test_a_woken_worker_changes_nothing(place: Place) -> None:
    run = place.ask()
    with place.worker(freeze=2) as sleeper:
        assert sleeper.stdout is not None
        asleep = place.until(run, lambda run: run.fence == 1)
        os.waitid(os.P_PID, sleeper.pid, os.WSTOPPED)
        with place.worker():
            ended = place.until(run, lambda run: run.ended)
        assert (ended.state, ended.fence) == ("succeeded", 2)
        assert ended.worker != asleep.worker
        before, clean = place.ledger(), place.points()
        assert clean == 2 * DOCUMENTS
        place.bench.write("new.txt", "it is not for the sleeper to read this")
        sleeper.send_signal(signal.SIGCONT)
        assert any("taken over" in line for line in sleeper.stdout)
        assert place.ledger() == before
        assert place.live() == ALL
        late = place.points() - clean
        assert late > 0, "it had nothing to write, so nothing was shown"
        assert sum(1 for _ in place.bench.ledger.placements.orphans()) > 0
    run = place.ask()
    with place.worker():
        assert place.until(run, lambda run: run.ended).report["added"] == 1
    assert place.live() == {**ALL, "new.txt": 1}
    assert place.points() == 2 * DOCUMENTS + 1, "what arrived late was swept"
    assert place.bench.ledger.placements.orphans() == []


def test_a_sleeper_keeps_nothing_locked(place: Place) -> None:
    if place.bench.database.sqlite:
        pytest.skip("one process alone works on a folder with SQLite")
    with place.bench.database.read() as session:
        limit = session.scalar(text("SHOW idle_in_transaction_session_timeout"))
    assert limit == "20s", "and the lease is longer"
    place.url += "&options=-c%20idle_in_transaction_session_timeout%3D500"
    run = place.ask()
    with place.worker(freeze_within=5) as sleeper:
        os.waitid(os.P_PID, sleeper.pid, os.WSTOPPED)
        with place.worker():
            ended = place.until(run, lambda run: run.ended)
            assert (ended.state, ended.fence) == ("succeeded", 2)
        before = place.ledger()
        sleeper.send_signal(signal.SIGCONT)
        assert sleeper.stdout is not None
        assert any("taken over" in line for line in sleeper.stdout)
        assert place.ledger() == before
    assert place.live() == ALL


def test_cancel_stops_the_work_before_it_frees_the_source(place: Place) -> None:
    run = place.ask()
    with place.worker(pace=0.2):
        place.until(run, lambda run: run.progress.done > 1)
        assert place.runs.cancel(run.id).cancelling
        assert place.runs.cancel(run.id).id == run.id, "it may be said again"
        with pytest.raises(Conflict, match=run.id):
            place.ask()
        ended = place.until(run, lambda run: run.ended)
        assert ended.state == "cancelled"
        before = place.ledger()
        time.sleep(1.0)
        assert place.ledger() == before, "nothing is written after the end"
        assert place.runs.cancel(run.id) == ended, "what has ended stays as it is"
        again = place.ask()
        assert again.id != run.id
    assert 1 < ended.progress.done < DOCUMENTS
