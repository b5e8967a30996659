"""What is kept of trials, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from rag.feedback import Rated, Verdict
from rag.store.choices import Choice, Choices, Trial
from rag.store.database import Database
from rag.store.feedback import Draft, FeedbackLog
from rag.store.models import ShadowRow, SpendingRow, TraceRow
from rag.store.spending import SHADOW, Spending
from rag.store.traces import Traces
from rag.store.trials import Shadow, Trials
from rag.types import Principal
from tests.store.test_holdings import plant

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TRIAL = Trial(id="trial-1", model="new", how="shadow", share=1.0)


@pytest.fixture
def kept(tmp_path: Path, database_url: str) -> Iterator[tuple[Database, Traces]]:
    opened = Database(database_url)
    opened.migrate()
    yield opened, Traces(opened, tmp_path)
    opened.close()


def a_trace(opened: Database, traces: Traces) -> dict[str, Any]:
    """Every field of one, to be changed."""
    plant(opened, traces, "bob")
    with opened.read() as session:
        row = session.scalars(select(TraceRow)).one()
        return {column.key: getattr(row, column.key) for column in TraceRow.__table__.columns}


def test_both_sides_are_found_with_their_votes(kept: tuple[Database, Traces]) -> None:
    opened, traces = kept
    base = a_trace(opened, traces)
    store, log = Trials(opened), FeedbackLog(opened, lambda: NOW)
    bob = traces.pseudonym(Principal(id="bob"))
    answered = {"outcome": "answered", "code": ""}

    def save(n: int, *, fell_back: bool = False, trial: str = "trial-1", **more: Any) -> str:
        failed = [{"outcome": "failed", "code": "model_busy"}] if fell_back else []
        side = {"id": trial, "side": "champion", "fell_back": fell_back}
        route = {"price": "known", "attempts": [*failed, answered], "trial": side}
        given = {
            **base, "id": str(UUID(int=n)), "ts": NOW + timedelta(seconds=n), "route": route,
            "timings": {"generate": 30.0, "support": 12.0, "total": 99.0}, "domain": "d",
            "prompt_tokens": 10, "completion_tokens": 5, "abstained": False, "support": 0.5,
            "finish_reason": "stop", "told": [], "hits": [],
            "citations": [], "conflicts": [], **more,
        }  # fmt: skip
        traces.save(given)
        return given["id"]

    ids = [save(n) for n in (101, 102, 103)]
    save(104, trial="another")
    save(105, finish_reason="cancelled")
    save(106, domain="elsewhere")
    save(107, ts=NOW - timedelta(days=1))
    weak = save(108, abstained=True)
    broken = save(109, fell_back=True)
    for value in (1, -1):
        # The last one counts.
        draft = Draft(
            trace_id=ids[0], domain="d", subject=f"{ids[0]} answer", surface="api", rater="user",
            target=Rated(kind="answer"), verdict=Verdict(value=value),
        )  # fmt: skip
        log.add(bob, draft, key=None, digest=f"{value}", per_minute=100)
    shadow = Shadow(
        trace_id=ids[1], trial="trial-1", model="new", support=0.9, ms=50.0, prompt_tokens=7,
        completion_tokens=3, cost=2.0, at=NOW,
    )  # fmt: skip
    store.keep(shadow, "d", "known")
    found, missing = store.observed("d", TRIAL, NOW)
    told = {(one.trace_id, one.side): one for one in found}
    assert {key for key in told if key[1] == "champion"} == {
        (one, "champion") for one in (*ids, weak, broken)
    }
    first, other = told[ids[0], "champion"], told[ids[1], "challenger"]
    assert (first.useful, first.ms, first.tokens, first.fault) == (False, 42.0, 15, "")
    assert told[ids[1], "champion"].useful is None
    assert (other.support, other.ms, other.tokens, other.cost) == (0.9, 50.0, 10, 2.0)
    assert told[broken, "champion"].fault == "model_busy"
    assert missing == 3, "two that were answered, and one that a model did not know"
    spending = Spending(opened)
    for by, name in (("person", "bob"), ("domain", "d"), ("day", "2026-03-01")):
        sums = spending.totals(by, NOW.date())
        rated = {one.name: one for one in spending.with_votes(sums, by, NOW.date())}[name]
        assert (rated.rated, rated.useful, rated.cost_per_useful) == (1, 0, None)
    cost = base["cost"]
    for one in ids[1:]:
        draft = draft.model_copy(
            update={"trace_id": one, "subject": f"{one} answer", "verdict": Verdict(value=1)}
        )
        log.add(bob, draft, key=None, digest=one, per_minute=100)
    sums = spending.totals("model", NOW.date())
    voted = {one.name: one for one in spending.with_votes(sums, "model", NOW.date())}
    assert (voted[base["model"]].rated, voted[base["model"]].useful) == (3, 2)
    assert voted[base["model"]].cost_per_useful == pytest.approx(cost * 3 / 2)
    assert (voted["new"].rated, voted["new"].cost_per_useful) == (0, None)
    with opened.read() as session:
        (spent,) = session.scalars(select(SpendingRow).where(SpendingRow.model == "new"))
        assert (spent.principal_id, spent.cost, spent.domain) == (SHADOW, 2.0, "d")


def test_a_shadow_of_nothing_costs_all_the_same(kept: tuple[Database, Traces]) -> None:
    opened, _ = kept
    gone = Shadow(trace_id="gone", trial="t", model="new", cost=2.0, at=NOW)
    Trials(opened).keep(gone, "d", "known")
    with opened.read() as session:
        assert session.scalars(select(ShadowRow)).all() == []
        assert session.scalars(select(SpendingRow.cost)).all() == [2.0]


def test_the_last_choice_counts_though_a_clock_goes_back(kept: tuple[Database, Traces]) -> None:
    choices = Choices(kept[0])
    for n, at in enumerate((NOW, NOW - timedelta(hours=1), NOW)):
        choices.choose(
            "d",
            lambda past, n=n, at=at: Choice(
                domain="d", model=f"m{n}", score=None, floor=0.0, override="", chosen_by="anna",
                chosen_at=at, trial=TRIAL if n == 1 else None,
                before=past.last.id if past.last else None,
            ),
        )  # fmt: skip
    found = choices.chosen("d")
    assert [one.model for one in found] == ["m2", "m1", "m0"]
    assert [one.before for one in found] == [found[1].id, found[2].id, None]
    assert [one.model for one in choices.tried("d")] == ["m1"]
    assert choices.tried("elsewhere") == []
