"""What is told of ended runs counts each of them, whoever asked for it and however it ended."""

import shutil
from pathlib import Path

import pytest

from rag.api.metrics import Metrics
from rag.app import App
from rag.errors import RagError
from tests.app.test_app import run


def test_every_ended_run_of_the_last_day_is_counted(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        me, folder = app.person(None), tmp_path / "some"
        folder.mkdir()
        (folder / "a.txt").write_text("turbine")
        (folder / "b.txt").write_text("too much of it")
        config = {"path": str(folder), "max_bytes": 10}
        await app.add_source(me, connector="files", config=config, name="some")
        await app.sync(me, source="some")
        shutil.rmtree(folder)
        with pytest.raises(RagError):
            await app.sync(me, source="some")
        await app.remove_source(me, "some")
        counted = {one.kind: one for one in await app.ended_runs() if one.source == "some"}
        assert counted["sync"].states == {"succeeded": 1, "failed": 1}
        outcomes = counted["sync"].outcomes
        assert (outcomes["added"], outcomes["rejected"], outcomes["held"]) == (1, 1, 0)
        assert (counted["change"].states, counted["change"].outcomes) == ({"succeeded": 1}, {})
        told = Metrics().text([], await app.ended_runs()).decode()
        assert (
            'ratchet_runs_last_day{domain="test",kind="sync",source="some",state="failed"} 1.0'
            in told
        )

    run(tmp_path, story)
