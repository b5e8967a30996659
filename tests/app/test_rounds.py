"""Candidates that are made, measured and promoted by themselves, where the settings say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from rag.app import App
from rag.app.housekeeping import SYSTEM
from rag.app.rounds import PATIENCE
from rag.candidates import GateReport, Judgement, Outcome
from rag.config.settings import TuningSettings
from tests.app.test_app import ANNA, BOB
from tests.app.test_datasets import CURATOR, tell
from tests.app.test_tuning import (
    Story,
    everything_is_learned_from,
    more_pumps,
    prefers,
)

__all__ = ["everything_is_learned_from", "tell"]


def by_itself(app: App, **settings: object) -> None:
    app.rounds._settings = TuningSettings.model_validate({"kinds": ["memory"], **settings})


async def names(app: App) -> list[str]:
    return [one.name for one in await app.tuning.list(CURATOR, None)]


def test_a_memory_is_made_then_measured_and_promoted_only_where_that_is_allowed(
    tell: Callable[[Story], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        await more_pumps(app, tmp_path)
        # Nothing is done by itself unless somebody says so, and nothing of nothing.
        assert await app.rounds.once() == 0
        by_itself(app)
        assert await app.rounds.once() == 0
        assert await names(app) == []
        await prefers(app, BOB, "tx-11.txt")
        assert await app.rounds.once() == 1
        assert await names(app) == ["memory-1"]
        # It waits for questions that come later.
        assert await app.rounds.once() == 0
        by_itself(app, days=0)
        says(monkeypatch, "insufficient")
        assert await app.rounds.once() == 1
        [made], [said] = await app.tuning.list(CURATOR, None), await reports(app)
        assert (made.state, said.report.outcome, said.by) == ("made", "insufficient", SYSTEM)
        says(monkeypatch, "passed")
        await app.rounds.once()
        assert (await reports(app))[0].report.outcome == "passed"
        # It passed, and waits for somebody to promote it; the next round makes another.
        assert await app.tuning.releases(CURATOR, None) == []
        await app.rounds.once()
        assert await names(app) == ["memory-2", "memory-1"]
        by_itself(app, days=0, promote=["memory"])
        await app.rounds.once()
        [release] = await app.tuning.releases(CURATOR, None)
        assert (release.made_by, release.memory) == (SYSTEM, await newest(app))
        assert "by itself" in release.why
        told = await app.accounts.audit(ANNA, 20, None)
        assert ("promote candidate", SYSTEM) in {(one.act, one.actor) for one in told}
        # What was refused makes way, and what nothing can be told of for long, too.
        says(monkeypatch, "insufficient")
        await app.rounds.once()
        assert await names(app) == ["memory-3", "memory-2", "memory-1"]
        for _ in range(PATIENCE):
            await app.rounds.once()
        assert len(await names(app)) == 3
        await app.rounds.once()
        assert len(await names(app)) == 4

    tell(story)


async def reports(app: App) -> list[Judgement]:
    return (await app.tuning.get(CURATOR, "memory-1", None))[1]


async def newest(app: App) -> str:
    return (await app.tuning.list(CURATOR, None))[0].id


def says(monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> None:
    """What a gate says is tried elsewhere."""
    said = GateReport(
        outcome=outcome, why="", conditions=(), strata={}, look=1, alpha=0.05, before=0, after=0
    )
    monkeypatch.setattr("rag.app.tuning.judged", lambda asked, **_: said)


def test_what_is_promoted_by_itself_has_to_be_made_by_itself() -> None:
    with pytest.raises(ValidationError, match="promote names adapter, which kinds does not make"):
        TuningSettings(kinds=("memory",), promote=("adapter",))
