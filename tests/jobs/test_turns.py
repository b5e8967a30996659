"""Who gets a run: one of many who ask at once, whoever's clock, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rag.errors import Conflict, InvalidInput, NotFound, RagError, Superseded
from rag.jobs import next_due
from rag.store.database import Database
from rag.store.ledger import Ledger
from rag.store.runs import MAX_LOST, Held, Runs
from rag.types import Run, RunProgress, Schedule, SourceInfo

DONE = RunProgress(phase="sync", seen=2, done=2)
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class Setup:
    """Two sources of a domain, whose index exists, and a clock that is set by hand."""

    def __init__(self, url: str) -> None:
        self.now = NOON
        self.database = Database(url)
        self.database.migrate()
        self.ledger = Ledger(self.database, lambda: self.now)
        self.runs = Runs(self.database, lambda: self.now)
        self.ledger.generations.add("test", {}, 4, "live")
        self.docs, self.mail = (
            self.ledger.sources.add("test", name, "files", {}) for name in ("docs", "mail")
        )

    def ask(self, source: SourceInfo | None = None) -> Run:
        return self.runs.request("sync", "test", source or self.docs, "me")[0]

    def claimed(self) -> Run:
        self.ask()
        run = self.runs.claim("one")
        assert run is not None
        return run

    def held(self) -> Held:
        [held] = self.runs.held()
        return held


@pytest.fixture
def at(database_url: str) -> Iterator[Setup]:
    made = Setup(database_url)
    yield made
    made.database.close()


def all_at_once(work: Callable[[int], object], times: int = 8) -> list[object]:
    """The result or the error of each."""

    def one(number: int) -> object:
        try:
            return work(number)
        except RagError as error:
            return error

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def test_many_who_ask_at_once_get_one_run_that_one_worker_does(at: Setup) -> None:
    asked = all_at_once(lambda _: at.runs.request("sync", "test", at.docs, "me"))
    assert len({run.id for run, _ in asked}) == 1  # type: ignore[misc]
    assert sum(new for _, new in asked) == 1  # type: ignore[misc]
    claimed = all_at_once(lambda number: at.runs.claim(f"worker {number}"))
    [run] = [one for one in claimed if isinstance(one, Run)]
    assert (run.state, run.fence) == ("running", 1)
    assert {one for one in claimed if one is not run} == {None}
    with pytest.raises(Conflict, match=run.id):
        at.ask()
    at.ask(at.mail)
    assert at.runs.claim("another") is not None, "another source is another matter"


def test_two_changes_at_once_are_done_one_by_one(at: Setup) -> None:
    begun = all_at_once(lambda n: at.runs.begin("change", "test", at.docs, "me", f"worker {n}"), 4)
    assert [type(one) for one in begun].count(Run) == 1
    assert [type(one) for one in begun].count(Conflict) == 3


def test_only_the_latest_fence_may_write(at: Setup) -> None:
    old = at.claimed()
    at.runs.take_back(at.held())
    stale = at.ledger.guarded(at.runs.guard(old))
    for moment in ("queued", "running", "ended"):
        for write in (
            lambda: stale.sources.synced(at.docs.id, "cursor", complete=True),
            lambda: stale.placements.reserve("g", at.docs.id, "test", [("a", "a")]),
            lambda: stale.set_readers(["a"], frozenset()),
            lambda: stale.delete(["a"]),
            lambda: stale.fail(
                *(at.docs.id, "test", "a", "a"),
                state="failed", reason="r", message="m", revision="1", max_attempts=3,
            ),
            lambda: stale.generations.switch("g"),
        ):  # fmt: skip
            with pytest.raises(Superseded):
                write()
        assert at.runs.beat(old, DONE) == "lost", moment
        assert not at.runs.finish(old, "succeeded", progress=DONE)
        assert not at.runs.give_back(old)
        if moment == "queued":
            new = at.runs.claim("two")
            assert new is not None
            assert (new.id, new.fence) == (old.id, 2)
            at.ledger.guarded(at.runs.guard(new)).sources.visited(at.docs.id)
        elif moment == "running":
            assert at.runs.finish(new, "succeeded", progress=DONE, report={"added": 1})
    assert at.runs.get(old.id).report == {"added": 1}
    assert at.ledger.sources.cursor(at.docs.id)[0].value is None


def test_a_heartbeat_in_between_saves_the_run(at: Setup) -> None:
    run = at.claimed()
    seen = at.held()
    assert at.runs.beat(run, DONE) == "go on"
    at.runs.take_back(seen)
    assert at.runs.get(run.id).state == "running"
    assert at.runs.get(run.id).progress == DONE


def test_a_run_that_kills_its_workers_is_given_up(at: Setup) -> None:
    at.ask()
    for fence in range(1, MAX_LOST + 1):
        run = at.runs.claim("mortal")
        assert run is not None
        assert run.fence == fence
        at.runs.take_back(at.held())
    assert at.runs.claim("mortal") is None
    ended = at.runs.get(run.id)
    assert ended.state == "failed"
    assert ended.error is not None
    assert ended.error.code == "lost"
    assert at.ask().id != run.id


def test_cancelled_is_what_was_told_to_stop_or_never_began(at: Setup) -> None:
    assert at.runs.cancel(at.ask().id).state == "cancelled"
    run = at.claimed()
    assert at.runs.cancel(run.id).cancelling
    assert at.runs.beat(run, DONE) == "stop"
    at.runs.take_back(at.held())
    assert at.runs.get(run.id).state == "cancelled", "nobody begins it again"
    with pytest.raises(NotFound):
        at.runs.cancel("none")


def test_the_first_sync_of_a_domain_goes_alone(at: Setup) -> None:
    live = at.ledger.generations.live("test")
    assert live is not None
    at.ledger.generations.forget(live.id)
    first = at.claimed()
    at.ask(at.mail)
    assert at.runs.claim("two") is None
    at.runs.finish(first, "succeeded", progress=DONE)
    assert at.runs.claim("two") is not None


def test_history_is_kept_newest_first_and_not_for_ever(at: Setup) -> None:
    ids = []
    for _ in range(3):
        run = at.claimed()
        at.runs.finish(run, "succeeded", progress=DONE)
        ids.append(run.id)
        at.now += timedelta(days=40)
    assert [run.id for run in at.runs.history("test")] == ids[::-1]
    assert [run.id for run in at.runs.history("test", at.docs.id, 1)] == ids[2:]
    walked = [at.runs.history("test", limit=1)[0]]
    while page := at.runs.history("test", limit=1, after=walked[-1].id):
        walked += page
    assert [run.id for run in walked] == ids[::-1]
    for domain, after in (("test", "none"), ("other", ids[0])):
        with pytest.raises(InvalidInput):
            at.runs.history(domain, after=after)
    assert at.runs.history("test", at.mail.id) == at.runs.history("other") == []
    at.runs.finish(at.claimed(), "succeeded", progress=DONE)
    assert ids[0] not in [run.id for run in at.runs.history("test")]


# --- schedules ---


def test_what_is_due_is_asked_for_once_by_all_workers_together(at: Setup) -> None:
    hourly = Schedule(every_seconds=3_600)
    at.ledger.sources.schedule(at.docs.id, hourly, next_due(hourly, at.now))
    at.runs.plan(next_due)
    assert at.runs.history("test") == [], "it is not due yet"
    at.now += timedelta(days=2)  # nobody was there for two days
    all_at_once(lambda _: at.runs.plan(next_due))
    [run] = at.runs.history("test")
    assert (run.state, run.requested_by, run.source) == ("queued", "schedule", "docs")
    assert at.ledger.sources.get("test", "docs").next_sync == at.now + timedelta(hours=1)
    at.now += timedelta(hours=1)
    at.runs.plan(next_due)
    assert len(at.runs.history("test")) == 1, "the one before goes on"
    at.runs.cancel(run.id)
    at.ledger.sources.pause(at.docs.id, True)
    at.now += timedelta(hours=1)
    at.runs.plan(next_due)
    assert len(at.runs.history("test")) == 1, "a paused source is not read"
    at.ledger.sources.pause(at.docs.id, False)
    at.now += timedelta(hours=1)
    at.runs.plan(next_due)
    assert len(at.runs.history("test")) == 2
    at.now -= timedelta(hours=3)  # a clock that was set back asks for nothing twice
    at.runs.plan(next_due)
    assert len(at.runs.history("test")) == 2
    at.ledger.sources.remove(at.docs.id)
    at.now += timedelta(days=1)
    at.runs.plan(next_due)
    assert len(at.runs.history("test")) == 2


@pytest.mark.parametrize(
    ("cron", "due"),
    [
        ("* * * * *", NOON + timedelta(minutes=1)),
        ("15 * * * *", NOON + timedelta(minutes=15)),
        ("0 3 * * 1-5", datetime(2026, 3, 5, 3, tzinfo=UTC)),
        ("0 0 29 2 *", datetime(2028, 2, 29, tzinfo=UTC)),
    ],
)
def test_cron_means_the_clock_of_utc(cron: str, due: datetime) -> None:
    assert next_due(Schedule(cron=cron), NOON) == due


@pytest.mark.parametrize(
    "cron", ["x", "* * * *", "* * * * * *", "60 * * * *", "0 0 31 2 *", "@hourly"]
)
def test_what_is_no_cron_is_refused(cron: str) -> None:
    with pytest.raises(InvalidInput, match="cron"):
        next_due(Schedule(cron=cron), NOON)


def test_versions_are_never_given_twice(tmp_path: Path, at: Setup) -> None:
    placements = at.ledger.placements
    first = placements.reserve("g", at.docs.id, "test", [("a", "a")])
    placements.swept(placements.orphans())
    second = placements.reserve("g", at.docs.id, "test", [("a", "a")])
    assert (first["a"][1], second["a"][1]) == (1, 2)


def test_a_sweep_leaves_what_another_source_is_writing(at: Setup) -> None:
    placements = at.ledger.placements
    for source in (at.docs, at.mail):
        placements.reserve("g", source.id, "test", [("a", "a")])
    [mine] = placements.orphans(at.docs.id)
    assert mine in placements.orphans()
    assert len(placements.orphans()) == 2
    at.ledger.sources.remove(at.mail.id)
    assert len(placements.orphans(at.docs.id)) == 2, "what was removed is swept by any"
