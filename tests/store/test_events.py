"""Feedback as it stood: all of it, once, and as fast where a few people said nearly everything."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from rag.learn.remembering import SPEC
from rag.store import events
from rag.store.events import Events
from tests.store.test_gaps import Told, told

__all__ = ("told",)


def test_each_answer_comes_once_with_the_last_word_of_each_person(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PAGE", 2)
    traces = sorted(told.ask("a", n, answered=True) for n in range(5))
    kept: dict[str, list[str]] = {}
    for trace in traces:
        told.rate("a", trace, value=-1)
        kept[trace] = [told.rate("a", trace, value=1), told.rate("b", trace, value=1)]
    found = Events(told.database)
    by_trace = list(found.by_trace("sample", found.moment(told.now), SPEC))
    assert [trace for trace, _ in by_trace] == traces
    assert {trace: [one.id for one in said] for trace, said in by_trace} == kept
    rest = found.by_trace("sample", found.moment(told.now), SPEC, after=traces[2])
    assert [trace for trace, _ in rest] == traces[3:]
    assert list(found.by_trace("other", found.moment(told.now), SPEC)) == []


def test_no_word_is_looked_for_among_all_that_its_person_said(told: Told) -> None:
    if not told.database.sqlite:
        pytest.skip("PostgreSQL knows how much everybody said")
    told.rate("a", told.ask("a", 1, answered=True), value=1)
    plans: list[str] = []

    @event.listens_for(told.database.engine, "before_cursor_execute")
    def planned(conn: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "feedback AS later" in statement:
            plan = conn.connection.cursor()
            plan.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in plan.fetchall())

    found = Events(told.database)
    list(found.by_trace("sample", found.moment(told.now), SPEC))
    [later] = [one for one in plans if "later" in one]
    assert "actor_pseudonym=? AND subject=? AND revision>?" in later
    # Nor is a page sorted out of all of a domain.
    assert any("ix_feedback_trace_id (trace_id>?)" in one for one in plans)
