"""Datasets built and taken in by durable runs: kept, stopped, gone on with, as whoever asked."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from rag.app import App
from rag.datasets import DatasetSpec, ToVerify
from rag.errors import Conflict, InvalidInput, NotFound, Unavailable
from rag.learn.preflight import verifying
from rag.types import Run
from tests.app.stages import CURATOR, agreed
from tests.app.test_app import ANNA, open_app
from tests.app.test_datasets import UP, WEIGHT, rated

MONTH = DatasetSpec(name="month", test_share=0.0, validation_share=0.0)
Story = Callable[[App], Awaitable[None]]
SHAPE = ToVerify(consumer="openai-shape", format="openai-sft")
BEIR = ToVerify(consumer="beir", format="beir")


@pytest.fixture
def tell(tmp_path: Path) -> Callable[[Story], None]:
    """Plays a story in an app with an accepted verdict; a worker serves when told to."""

    def told(story: Story) -> None:
        async def whole() -> None:
            async with agreed(open_app(tmp_path), tmp_path) as app:
                await rated(app, ANNA, WEIGHT, UP)
                async with asyncio.timeout(60):
                    await story(app)

        asyncio.run(whole())

    return told


async def until(app: App, run: Run, there: Callable[[Run], bool]) -> Run:
    """The run as it is when that is true, with a worker that then leaves in good order."""
    working = asyncio.create_task(app.work())
    try:
        async for seen in app.dataset_runs.follow(CURATOR, run.id, None):
            if there(seen):
                return seen
        raise AssertionError("It ended otherwise.")
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


def ended(run: Run) -> bool:
    return run.ended


def test_a_version_is_built_and_taken_in_by_runs_and_the_word_is_kept(
    tell: Callable[[Story], None],
) -> None:
    async def story(app: App) -> None:
        me, runs = app.person(None), app.dataset_runs
        asked = await runs.build(me, MONTH, None)
        assert await runs.build(me, MONTH, None) == asked, "it waits already"
        assert [one.id for one in await runs.builds(CURATOR, None)] == [asked.id]
        made = await until(app, asked, ended)
        assert (made.state, made.report["dataset"]) == ("succeeded", "month@1"), made.error
        with pytest.raises(InvalidInput, match="does not read the format"):
            await runs.verify(me, "month", ToVerify(consumer="trl", format="beir"), None)
        with pytest.raises(NotFound):
            await runs.verify(me, "none", SHAPE, None)
        run = await until(app, await runs.verify(me, "month", SHAPE, None), ended)
        assert run.report["format"] == "openai-sft", run.error
        [said], left = await runs.verifications(CURATOR, "month@1", None)
        assert (said.id, said.by, left) == (run.id, me.id, [])
        assert said.report.folder == "month@1", "nobody is told where it lies"
        assert [one.act for one in await app.accounts.audit(me, 2, None)] == [
            "verify dataset",
            "build dataset",
        ]
        [other] = await app.runs(me, limit=1)
        assert (other.id, other.kind) == (run.id, "verify"), "admins see them, too"
        await app.privacy.erase(me, ANNA.id)
        with pytest.raises(Conflict, match="withdrawn"):
            await runs.verifications(CURATOR, "month@1", None)
        version = (await app.datasets.get(CURATOR, "month@1", None)).version
        assert app.datasets._kept.verifications(version) == [], "it may quote what was erased"

    tell(story)


def test_what_is_cut_off_is_begun_anew_and_what_is_stopped_leaves_nothing_running(
    tell: Callable[[Story], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    slow.chmod(0o700)
    python = [slow]
    monkeypatch.setattr(verifying, "environment", lambda *_: python[0])

    def begun(run: Run) -> bool:
        return run.state == "running" and (tmp_path / "pid").exists()

    def gone() -> bool:
        pid = (tmp_path / "pid").read_text().strip()
        (tmp_path / "pid").unlink()
        return not Path("/proc", pid).exists()

    async def story(app: App) -> None:
        me, runs = app.person(None), app.dataset_runs
        await app.datasets.build(me, MONTH, None, lambda _: None)
        run = await until(app, await runs.verify(me, "month", BEIR, None), begun)
        assert gone(), "with the worker goes what it waited for"
        assert (await runs.run(me, run.id, None)).state == "queued"
        python[0] = Path(sys.executable)
        run = await until(app, run, ended)
        assert run.report["ok"] is False, "this interpreter has no beir"
        [said], _ = await runs.verifications(me, "month", None)
        assert [one.code for one in said.report.problems if one.found_by == "consumer"] == [
            "failed"
        ]
        python[0] = slow
        run = await runs.verify(me, "month", BEIR, None)
        working = asyncio.create_task(app.work())
        async for seen in runs.follow(me, run.id, None):
            if begun(seen):
                break
        with pytest.raises(Conflict, match="month@1"):
            await runs.verify(me, "month", BEIR, None)
        await runs.cancel(me, run.id, None)
        async for seen in runs.follow(me, run.id, None):
            run = seen
        assert (run.state, gone()) == ("cancelled", True)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working

    tell(story)


def test_where_no_environment_can_be_made_the_run_says_why(
    tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> Path:
        raise Unavailable("The environment cannot be made.", hint="It needs an index.")

    monkeypatch.setattr(verifying, "environment", none)

    async def story(app: App) -> None:
        me, runs = app.person(None), app.dataset_runs
        await app.datasets.build(me, MONTH, None, lambda _: None)
        run = await until(app, await runs.verify(me, "month", BEIR, None), ended)
        assert run.error is not None
        assert (run.state, run.error.hint) == ("failed", "It needs an index.")
        assert await runs.verifications(me, "month", None) == ([], [run])

    tell(story)
