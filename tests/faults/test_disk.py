"""A sync while the disk is full, or cannot keep what it was given."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import func, select

from rag.store.models import PlacementRow
from rag.types import Run
from tests.faults.conftest import Disk
from tests.jobs.place import ALL, PATIENCE_SECONDS, Place

FEW = 3


def acknowledged(place: Place) -> int:
    with place.bench.database.read() as session:
        return session.scalar(select(func.count()).select_from(PlacementRow)) or 0


def finish(place: Place, run: Run) -> None:
    """See the run to its end, and ask again for what failed in it."""
    end = time.monotonic() + PATIENCE_SECONDS
    ended = place.until(run, lambda run: run.ended)
    while ended.state != "succeeded" or ended.report["failed"]:
        assert time.monotonic() < end, ended
        place.bench.ledger.retry(place.source.id)
        ended = place.until(place.ask(), lambda run: run.ended)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fault", ["low", "full", "broken"])
def test_a_bad_disk_loses_and_doubles_nothing(place: Place, disk: Disk, fault: str) -> None:
    run = place.ask()
    with place.worker(pace=0.02):
        place.until(run, lambda run: run.progress.done > FEW)
        with disk.fault(fault):
            time.sleep(0.5)
            before = acknowledged(place)
            time.sleep(0.5)
            assert acknowledged(place) == before, "nothing is that could not be kept"
            # The engine keeps some room free for itself, for with none at all it reads nothing.
            if fault == "low":
                assert len(place.live()) == before > FEW
        finish(place, run)
        assert place.live() == ALL
        again = place.until(place.ask(), lambda run: run.ended)
    assert (again.report["unchanged"], again.report["dead_lettered"]) == (len(ALL), 0)
    assert place.points() == sum(ALL.values())
    assert place.bench.ledger.placements.orphans() == []
    with place.bench.database.read() as session:
        assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
