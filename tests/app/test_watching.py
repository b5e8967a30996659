"""Watched folders on the real facade: what changes there is answered without a sync by hand."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from rag.app import App, watching
from rag.errors import EngineError
from rag.types import Principal, SearchRequest
from tests.app.test_app import BOB, open_app

ME = Principal(id="admin")
LOOK_SECONDS = 0.1


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "QUIET_MS", 20)
    monkeypatch.setattr(watching, "RETRY_SECONDS", 0.1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "watched"
    made.mkdir()
    return made


def run(root: Path, story: Callable[[App], Awaitable[None]]) -> None:
    async def told() -> None:
        app = open_app(root)
        task = asyncio.create_task(watching.watch(app, LOOK_SECONDS))
        try:
            async with asyncio.timeout(60):
                await story(app)
            assert not task.done(), "the watch ended by itself"
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await app.aclose()

    asyncio.run(told())


async def add(app: App, folder: Path, name: str = "watched", watch: bool = True) -> None:
    config = {"path": str(folder), "watch": watch}
    await app.add_source(ME, connector="files", config=config, name=name)


async def until(app: App, word: str, expected: list[str]) -> None:
    """Waits for the answers to follow; the test's own limit ends it otherwise."""
    while await found(app, word) != expected:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def found(app: App, word: str) -> list[str]:
    if app._parts.ledger.generations.live("test") is None:
        return []
    hits = (await app.search(BOB, SearchRequest(query=word))).hits
    return sorted(hit.payload.title for hit in hits if word in hit.payload.text)


def test_what_is_there_what_changes_and_what_goes_is_followed(tmp_path: Path, folder: Path) -> None:
    async def story(app: App) -> None:
        (folder / "before.txt").write_text("turbine")
        await add(app, folder)
        await until(app, "turbine", ["before.txt"])
        (folder / "sub").mkdir()
        (folder / "sub" / "new.txt").write_text("gasket")
        await until(app, "gasket", ["new.txt"])
        (folder / "before.txt").write_text("flange")
        await until(app, "flange", ["before.txt"])
        assert await found(app, "turbine") == []
        (folder / "before.txt").unlink()
        await until(app, "flange", [])
        assert {one.requested_by for one in await app.runs(ME)} == {"watch"}

    run(tmp_path, story)


def test_a_source_that_did_not_ask_or_is_paused_is_left_alone(tmp_path: Path, folder: Path) -> None:
    async def story(app: App) -> None:
        quiet, paused = tmp_path / "quiet", tmp_path / "paused"
        for path in (quiet, paused):
            path.mkdir()
            (path / f"{path.name}.txt").write_text("turbine")
        await add(app, quiet, "quiet", watch=False)
        await add(app, folder)
        (folder / "a.txt").write_text("turbine")
        await until(app, "turbine", ["a.txt"])
        await add(app, paused, "paused")
        await until(app, "turbine", ["a.txt", "paused.txt"])
        await app.pause_source(ME, "paused", True)
        (paused / "more.txt").write_text("turbine")
        (folder / "b.txt").write_text("turbine")
        await until(app, "turbine", ["a.txt", "b.txt", "paused.txt"])
        await app.pause_source(ME, "paused", False)
        await until(app, "turbine", ["a.txt", "b.txt", "more.txt", "paused.txt"])

    run(tmp_path, story)


def test_a_folder_that_vanishes_deletes_nothing_and_is_watched_when_it_returns(
    tmp_path: Path, folder: Path
) -> None:
    async def story(app: App) -> None:
        (folder / "a.txt").write_text("turbine")
        await add(app, folder)
        await until(app, "turbine", ["a.txt"])
        folder.rename(tmp_path / "elsewhere")
        other = tmp_path / "other"
        other.mkdir()
        (other / "o.txt").write_text("gasket")
        await add(app, other, "other")
        await until(app, "gasket", ["o.txt"])
        assert await found(app, "turbine") == ["a.txt"]
        folder.mkdir()
        (folder / "a.txt").write_text("turbine")
        (folder / "b.txt").write_text("turbine")
        await until(app, "turbine", ["a.txt", "b.txt"])
        (folder / "c.txt").write_text("turbine")
        await until(app, "turbine", ["a.txt", "b.txt", "c.txt"])

    run(tmp_path, story)


@pytest.mark.parametrize("error", [EngineError("gone"), ZeroDivisionError()], ids=["known", "bug"])
def test_a_sync_that_fails_is_tried_again_and_does_not_end_the_watch(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def story(app: App) -> None:
        sync, failures = app.sync, 0

        async def unsteady(*given: object, **named: object) -> object:
            nonlocal failures
            if failures < 2:
                failures += 1
                raise error
            return await sync(*given, **named)

        monkeypatch.setattr(app, "sync", unsteady)
        (folder / "a.txt").write_text("turbine")
        await add(app, folder)
        await until(app, "turbine", ["a.txt"])
        (folder / "b.txt").write_text("turbine")
        await until(app, "turbine", ["a.txt", "b.txt"])

    run(tmp_path, story)


def test_another_folder_in_its_place_is_followed(tmp_path: Path, folder: Path) -> None:
    async def story(app: App) -> None:
        other = tmp_path / "other"
        other.mkdir()
        for path in (folder, other):
            (path / "a.txt").write_text("turbine")
        await add(app, folder)
        await until(app, "turbine", ["a.txt"])
        (other / "b.txt").write_text("turbine")
        folder.rename(tmp_path / "elsewhere")
        other.rename(folder)
        await until(app, "turbine", ["a.txt", "b.txt"])
        (folder / "c.txt").write_text("turbine")
        await until(app, "turbine", ["a.txt", "b.txt", "c.txt"])

    run(tmp_path, story)


def test_what_cannot_be_watched_is_tried_again(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    awatch, tries = watching.awatch, 0

    def refusing(*paths: Path, **options: object):
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError(28, "No space left on device")
        return awatch(*paths, **options)

    monkeypatch.setattr(watching, "awatch", refusing)

    async def story(app: App) -> None:
        (folder / "a.txt").write_text("turbine")
        await add(app, folder)
        await until(app, "turbine", ["a.txt"])

    run(tmp_path, story)
    assert tries >= 2
