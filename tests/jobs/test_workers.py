"""Workers as processes: killed, put to sleep and woken, told to stop."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from rag.errors import Conflict
from tests.jobs.place import ALL, DOCUMENTS, NEVER, PATIENCE_SECONDS, Place


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    made = Place(tmp_path, database_url)
    yield made
    made.bench.database.close()


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


@pytest.mark.parametrize("sending", [False, True])
def test_a_sleeper_keeps_nothing_locked(place: Place, sending: bool) -> None:
    if place.bench.database.sqlite:
        pytest.skip("one process alone works on a folder with SQLite")
    with place.bench.database.read() as session:
        limit = session.scalar(text("SHOW idle_in_transaction_session_timeout"))
    assert limit == "20s", "and the lease is longer"
    place.url += "&options=-c%20idle_in_transaction_session_timeout%3D500"
    run = place.ask()
    with place.worker(freeze_within=5, sending=sending) as sleeper:
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
    # It hears of the cancellation with a heartbeat; that is time enough to ask for another run.
    with place.worker(pace=0.8, jobs={"heartbeat_seconds": 1.5, "lease_seconds": 30.0}):
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
