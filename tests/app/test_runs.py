"""Runs on the real facade: several sources at once, one run of each, schedules, rebuilds alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest
import structlog
from pydantic import BaseModel, ConfigDict

from rag import jobs, plugins
from rag.app import App
from rag.errors import Conflict, InvalidInput, NotFound, SourceError, Unavailable
from rag.types import Change, Cursor, Principal, RawDocument, Run, Schedule
from tests.app.test_app import open_app

ME = Principal(id="local")
DOCUMENTS = 12


class TapConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    tap: str


class TapConnector:
    """Lists twelve documents; those of a closed tap come only when it is opened."""

    Config: ClassVar[type[BaseModel]] = TapConfig
    opened: ClassVar[dict[str, asyncio.Event]]
    reading: ClassVar[set[str]]

    def __init__(self, config: TapConfig) -> None:
        self.tap = config.tap

    async def check(self) -> str:
        return "a tap"

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        for number in range(DOCUMENTS):
            yield Change(kind="upsert", key=str(number), uri=f"tap:{number}", revision="1")
        yield Change(kind="complete")

    async def fetch(self, change: Change) -> RawDocument:
        self.reading.add(self.tap)
        try:
            if change.key != "0":
                await self.opened[self.tap].wait()
        finally:
            self.reading.discard(self.tap)
        text = f"{self.tap} {change.key} turbine"
        return RawDocument(key=change.key, uri=change.uri, name=text, data=text.encode())

    async def aclose(self) -> None: ...


@pytest.fixture
def taps(monkeypatch: pytest.MonkeyPatch) -> type[TapConnector]:
    made = type("Taps", (TapConnector,), {"opened": {}, "reading": set()})
    load = plugins.load
    monkeypatch.setattr(
        plugins, "load", lambda group, name: made if name == "tap" else load(group, name)
    )
    return made


def run(
    root: Path, taps: type[TapConnector], story: Callable[[App], Awaitable[None]], *names: str
) -> None:
    """The story, with a worker beside it and a source for every name."""

    async def told() -> None:
        app = open_app(root, apart=True)
        for name in names:
            taps.opened[name] = asyncio.Event()
            await app.add_source(ME, connector="tap", config={"tap": name}, name=name)
        working = asyncio.create_task(app.work())
        try:
            async with asyncio.timeout(60):
                await story(app)
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
            await app.aclose()

    asyncio.run(told())


async def ended(app: App, asked: Run) -> Run:
    return [seen async for seen in app.follow_run(ME, asked.id)][-1]


async def until(good: Callable[[], Awaitable[bool]]) -> None:
    while not await good():  # noqa: ASYNC110
        await asyncio.sleep(0.02)


def test_a_slow_source_holds_up_no_other(tmp_path: Path, taps) -> None:
    async def story(app: App) -> None:
        taps.opened["first"].set()
        assert (await app.sync(ME, source="first")).added == DOCUMENTS
        slow = await app.start_sync(ME, "slow")
        await until(lambda: _one_live(app))
        assert (await app.sync(ME, source="first")).unchanged == DOCUMENTS
        assert (await app.run(ME, slow.id)).state == "running"
        taps.opened["slow"].set()
        assert (await ended(app, slow)).report["added"] == DOCUMENTS

    async def _one_live(app: App) -> bool:
        return len(await app.documents(app.person(None))) > DOCUMENTS

    run(tmp_path, taps, story, "first", "slow")


def test_a_source_is_worked_on_by_one_run_at_a_time(tmp_path: Path, taps) -> None:
    async def story(app: App) -> None:
        first = await app.start_sync(ME, "slow")
        await until(lambda: _running(app, first))
        for verb in (app.start_sync, app.remove_source, app.release_hold):
            with pytest.raises(Conflict, match=first.id):
                await verb(ME, "slow")
        waiting = asyncio.create_task(app.sync(ME, source="slow"))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        taps.opened["slow"].set()
        assert (await waiting).unchanged == DOCUMENTS, "it is read again after the first"
        history = await app.runs(ME, source="slow")
        assert [one.state for one in history] == ["succeeded", "succeeded"]
        assert await app.remove_source(ME, "slow") == DOCUMENTS
        [removal] = await app.runs(ME, limit=1)
        assert (removal.kind, removal.source, removal.report) == (
            "change",
            "slow",
            {"documents": 12},
        )
        assert removal.progress.phase == "remove"

    run(tmp_path, taps, story, "slow")


def test_asked_twice_before_it_begins_is_one_run(tmp_path: Path, taps) -> None:
    async def story(app: App) -> None:
        # The first sync of a domain makes its index, which the others wait for.
        first = await app.start_sync(ME, "slow")
        await until(lambda: _running(app, first))
        taps.opened["slow"].set()
        one, same = [await app.start_sync(ME, "other") for _ in range(2)]
        taps.opened["other"].set()
        assert one.id == same.id
        assert (await ended(app, one)).report["added"] == DOCUMENTS

    run(tmp_path, taps, story, "slow", "other")


def test_a_cancelled_run_stops_reading_and_can_be_done_again(tmp_path: Path, taps) -> None:
    async def story(app: App) -> None:
        asked = await app.start_sync(ME, "slow")
        await until(lambda: _running(app, asked))
        await until(lambda: _reading(taps))
        assert (await app.cancel_run(ME, asked.id)).cancelling
        assert (await ended(app, asked)).state == "cancelled"
        assert taps.reading == set(), "it ends when the work has stopped"
        taps.opened["slow"].set()
        report = await app.sync(ME, source="slow")
        assert report.added + report.unchanged == DOCUMENTS

    async def _reading(taps) -> bool:
        return bool(taps.reading)

    run(tmp_path, taps, story, "slow")


def test_who_asked_and_leaves_stops_the_work(tmp_path: Path, taps) -> None:
    async def story(app: App) -> None:
        asking = asyncio.create_task(app.sync(ME, source="slow"))
        await until(lambda: _reading())
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        [left] = await app.runs(ME)
        assert (await ended(app, left)).state == "cancelled"
        assert taps.reading == set()

    async def _reading() -> bool:
        return bool(taps.reading)

    run(tmp_path, taps, story, "slow")


def test_a_domain_is_rebuilt_alone(tmp_path: Path, taps) -> None:
    async def story(app: App) -> None:
        taps.opened["first"].set()
        await app.sync(ME, source="first")
        slow = await app.start_sync(ME, "slow")
        await until(lambda: _running(app, slow))
        rebuilding = asyncio.create_task(app.rebuild(ME))
        await until(lambda: _asked(app))
        late = await app.start_sync(ME, "first")
        await asyncio.sleep(0.3)
        assert {one.kind: one.state for one in (await app.runs(ME))[:2]} == {
            "rebuild": "queued",
            "sync": "queued",
        }
        taps.opened["slow"].set()
        assert await rebuilding == 2 * DOCUMENTS
        assert (await ended(app, late)).report["unchanged"] == DOCUMENTS

    async def _asked(app: App) -> bool:
        return (await app.runs(ME, limit=1))[0].kind == "rebuild"

    run(tmp_path, taps, story, "first", "slow")


def test_a_schedule_asks_by_itself_and_says_when(tmp_path: Path, taps) -> None:
    async def story(app: App) -> None:
        taps.opened["first"].set()
        now = app._parts.ledger.now()
        found = await app.schedule_source(ME, "first", Schedule(every_seconds=3_600))
        assert found.next_sync is not None
        assert 3_590 < (found.next_sync - now).total_seconds() < 3_700
        assert await app.runs(ME) == []
        app._parts.ledger.sources.schedule(found.id, found.schedule, now)
        await until(lambda: _ran(app))
        [asked] = await app.runs(ME)
        assert asked.requested_by == "schedule"
        after = await app.source(ME, "first")
        assert after.next_sync is not None
        assert after.next_sync > now
        assert (await app.pause_source(ME, "first", True)).next_sync is None, "it is not due"
        assert (await app.pause_source(ME, "first", False)).next_sync == after.next_sync
        assert (await app.schedule_source(ME, "first", None)).next_sync is None
        for wrong in ("often", "* * * *", "0 0 30 2 *", "99 * * * *"):
            with pytest.raises(InvalidInput, match="cron"):
                await app.schedule_source(ME, "first", Schedule(cron=wrong))

    async def _ran(app: App) -> bool:
        return [one.state for one in await app.runs(ME)] == ["succeeded"]

    run(tmp_path, taps, story, "first")


def test_what_a_sync_raises_is_not_logged_as_well(tmp_path: Path, taps) -> None:
    async def story(app: App) -> None:
        for name in ("first", "second"):
            folder = tmp_path / name
            folder.mkdir()
            await app.add_source(ME, connector="files", config={"path": str(folder)}, name=name)
            folder.rmdir()
        with structlog.testing.capture_logs() as logs, pytest.raises(SourceError, match="first"):
            await app.sync(ME)
        told = [(one["source"], one["log_level"]) for one in logs if one["event"] == "sync_failed"]
        assert told == [("first", "info"), ("second", "warning")]

    run(tmp_path, taps, story)


def test_a_run_that_fails_says_why_and_one_of_another_domain_is_unknown(
    tmp_path: Path, taps
) -> None:
    async def story(app: App) -> None:
        folder = tmp_path / "gone"
        folder.mkdir()
        await app.add_source(ME, connector="files", config={"path": str(folder)}, name="gone")
        folder.rmdir()
        asked = await app.start_sync(ME, "gone")
        found = await ended(app, asked)
        assert found.state == "failed"
        assert found.error is not None
        assert found.error.code == "source"
        assert (await app.run(ME, asked.id)) == found
        for verb in (app.run, app.cancel_run):
            with pytest.raises(NotFound):
                await verb(ME, asked.id, "pumps")

    run(tmp_path, taps, story)


def test_what_a_killed_process_left_is_done_by_the_next_sync(tmp_path: Path, taps) -> None:
    async def told() -> None:
        app = open_app(tmp_path)
        try:
            for name in ("one", "two"):
                taps.opened[name] = asyncio.Event()
                taps.opened[name].set()
                await app.add_source(ME, connector="tap", config={"tap": name}, name=name)
            left = [(await app.start_sync(ME, name)).id for name in ("one", "two")]
            dead = f"{jobs._place()}:{2**22 + 1}:1"
            assert app._parts.runs.claim(dead, left[0]) is not None
            async with asyncio.timeout(30):
                assert (await app.sync(ME)).added == 2 * DOCUMENTS
            found = await app.runs(ME)
            assert [(one.id, one.state) for one in found] == [
                (one, "succeeded") for one in left[::-1]
            ]
        finally:
            await app.aclose()

    asyncio.run(told())


def test_what_a_killed_process_left_holds_up_no_admin(tmp_path: Path, taps) -> None:
    async def told() -> None:
        app = open_app(tmp_path)
        try:
            dead = f"{jobs._place()}:{2**22 + 1}:1"
            await app.add_source(ME, connector="tap", config={"tap": "one"}, name="one")
            asked = await app.start_sync(ME, "one")
            assert app._parts.runs.claim(dead) is not None
            assert (await app.cancel_run(ME, asked.id)).state == "cancelled"
            source = await app.source(ME, "one")
            app._parts.runs.begin("change", "test", source, "me", dead)
            assert await app.remove_source(ME, "one") == 0
        finally:
            await app.aclose()

    asyncio.run(told())


def test_a_change_whose_end_is_not_known_is_not_called_cancelled(
    tmp_path: Path, taps, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*given: object, **named: object) -> bool:
        raise Unavailable("The database is away.")

    async def told() -> None:
        app = open_app(tmp_path)
        try:
            await app.add_source(ME, connector="tap", config={"tap": "one"}, name="one")
            monkeypatch.setattr(app._parts.runs, "finish", away)
            with pytest.raises(Unavailable, match="could not be recorded"):
                await app.remove_source(ME, "one")
        finally:
            await app.aclose()

    asyncio.run(told())


async def _running(app: App, asked: Run) -> bool:
    return (await app.run(ME, asked.id)).state == "running"
