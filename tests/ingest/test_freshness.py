"""From a change at the source to its effect in answers, measured per source and kept."""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rag.ingest.freshness import Stopwatch
from rag.store.database import Database
from rag.store.freshness import BOUNDS
from rag.store.ledger import Ledger
from tests.support import Bench

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def after(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


def test_the_sources_own_time_counts_and_else_when_it_was_listed() -> None:
    clock = Clock()
    watch = Stopwatch(NOON - timedelta(seconds=60), clock)
    for key in ("told", "untold", "moved in with an old date", "from the future"):
        watch.listed(key)
    watch.modified("told", NOON - timedelta(seconds=7))
    watch.modified("untold", None)
    watch.modified("moved in with an old date", NOON - timedelta(days=9))
    watch.modified("from the future", NOON + timedelta(days=9))
    clock.after(2)
    watch.ended()
    clock.after(1)
    for key in ("told", "untold", "moved in with an old date", "from the future"):
        watch.effective("change", key)
    watch.effective("delete", "vanished")
    assert watch.taken == {"change": [10, 3, 63, 0], "delete": [1]}


def test_of_a_first_sync_nothing_counts() -> None:
    watch = Stopwatch(None, Clock())
    watch.listed("a")
    watch.modified("a", NOON - timedelta(days=900))
    watch.effective("change", "a")
    assert watch.taken == {}


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    database = Database(database_url)
    database.migrate()
    yield Ledger(database)
    database.close()


def test_what_was_measured_adds_up(ledger: Ledger) -> None:
    source = ledger.sources.add("d", "docs", "files", {}).id
    ledger.freshness.add(source, {"change": [0.5] * 18, "delete": [3.0]})
    ledger.freshness.add(source, {"change": [200.0, 9e9]})
    found = ledger.sources.get("d", "docs").freshness
    assert (found["change"].count, found["change"].last, found["change"].p95) == (20, 9e9, 300)
    assert (found["delete"].count, found["delete"].p95) == (1, 5)
    change, _ = ledger.freshness.all()
    assert (change.domain, change.source, change.kind) == ("d", "docs", "change")
    assert change.counts == (18, 0, 0, 0, 1, *[0] * (len(BOUNDS) - 5), 1)
    ledger.sources.remove(source)
    assert ledger.freshness.all() == []


def test_a_sync_measures_changes_deletions_and_revocations(tmp_path: Path) -> None:
    async def story() -> None:
        bench = Bench(tmp_path)
        for name in ("a", "b", "c", "d"):
            bench.write(f"{name}.txt", f"The turbine {name}.")
        await bench.sync()
        assert bench.ledger.freshness.all() == []
        await bench.sync()
        assert bench.ledger.freshness.all() == [], "nothing happened"
        bench.write("a.txt", "Another turbine.")
        os.utime(bench.folder / "a.txt", (NOON.timestamp() - 9e8,) * 2)
        (bench.folder / "b.txt").unlink()
        await bench.sync(config={"readers": [{"pattern": "c.txt", "allow": ["user:ann"]}]})
        counts = {one.kind: sum(one.counts) for one in bench.ledger.freshness.all()}
        # c is written anew for those who may still read it, which is a change as well.
        assert counts == {"change": 2, "delete": 1, "revoke": 1}
        assert all(one.total < 3600 for one in bench.ledger.freshness.all()), "no old dates"
        await bench.close()

    asyncio.run(story())
