"""Questions that were not answered are gaps: what most people asked is first, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from rag.errors import InvalidInput
from rag.feedback import Rated, Verdict
from rag.store.database import Database
from rag.store.feedback import Draft, FeedbackLog
from rag.store.gaps import Asked, Gaps, place
from rag.store.models import AccountRow
from rag.store.traces import Traces
from tests.store.test_questions import at, trace

START = datetime(2026, 1, 1, tzinfo=UTC)
NO_DOCUMENT = {"kind": "missing_document", "name": 'The "manual"'}


class Told:
    """A database with a way to ask and to rate, a minute after one another."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.traces = Traces(database, folder)
        self.gaps = Gaps(database)
        self.count = 0
        self.now = START
        self.step = timedelta(minutes=1)
        self.log = FeedbackLog(database, lambda: self.now)

    def pass_time(self) -> None:
        self.count += 1
        self.now += self.step

    def ask(self, who: str, about: int, *, answered: bool = False, **more: Any) -> str:
        self.pass_time()
        fields = {
            **trace(self.count, f"{about}"),
            "ts": self.now,
            "principal_id": who,
            "actor_pseudonym": f"{who}-of-this-folder",
            "abstained": not answered,
            "lang": "en",
            **more,
        }
        self.traces.save(fields, vector=at(0.1, about + 1).tolist())
        return fields["id"]

    def rate(self, who: str, trace_id: str, **said: Any) -> str:
        self.pass_time()
        verdict = Verdict.model_validate(said)
        target = Rated.model_validate(verdict.target.model_dump())
        subject = f"{trace_id} {target.kind}"
        draft = Draft(
            trace_id=trace_id, domain="sample", subject=subject, surface="ui", rater="user",
            target=target, verdict=verdict,
        )  # fmt: skip
        made = self.log.add(f"{who}-of-this-folder", draft, key=None, digest="", per_minute=99)
        return made.id

    def page(self, limit: int = 50, after: str | None = None, **asked: Any) -> list[Any]:
        return self.gaps.page("sample", Asked(**asked), limit, after)


@pytest.fixture
def told(tmp_path: Path, database_url: str) -> Iterator[Told]:
    opened = Database(database_url)
    opened.migrate()
    yield Told(opened, tmp_path)
    opened.close()


def test_what_most_people_asked_is_first_and_pages_go_on(told: Told) -> None:
    for who, about in (("a", 1), ("b", 1), ("a", 2), ("a", 2), ("a", 3), ("a", 4)):
        told.ask(who, about)
    told.ask("a", 5, answered=True)
    found = told.page()
    assert [(one.people, one.questions) for one in found] == [(2, 2), (1, 2), (1, 1), (1, 1)]
    assert found[0].first == START + timedelta(minutes=1)
    assert found[0].example == "trace-2"
    pages = [told.page(1)[0]]
    while more := told.page(1, place(pages[-1])):
        pages += more
    assert pages == found
    for none in ("", "x-1-y", "1", "9" * 30 + "-1-y"):
        with pytest.raises(InvalidInput):
            told.page(1, none)


def test_who_misses_a_document_was_not_answered_and_says_which(told: Told) -> None:
    down = told.ask("a", 1, answered=True)
    told.rate("a", down, value=-1, reasons=["missed_document"])
    assert [one.missed for one in told.page()] == [()]
    for who in ("a", "b"):
        told.rate(who, down, value=1, target=NO_DOCUMENT)
    [one] = told.page()
    assert [(each.name, each.people) for each in one.missed] == [('The "manual"', 2)]
    assert (one.people, one.answered) == (1, None)
    [question] = told.gaps.questions("sample", one.cluster, Asked(), 9)
    assert (question.missed, question.answered, question.by) == (True, False, "a-of-thi")
    said = told.gaps.said([down])[down]
    assert [each.target.kind for each in said] == ["answer", *["missing_document"] * 2]


def test_what_was_taken_back_or_said_otherwise_is_no_gap(told: Told) -> None:
    asked = told.ask("a", 1, answered=True)
    told.rate("a", asked, value=-1, reasons=["missed_document"])
    missing = told.rate("b", asked, value=1, target=NO_DOCUMENT)
    told.rate("a", asked, value=-1, reasons=["style"])
    assert len(told.page()) == 1
    told.log.retract("b-of-this-folder", asked, missing)
    assert told.page() == []
    other = told.ask("c", 2, answered=True)
    told.rate("c", other, value=-1, comment='"missed_document"', reasons=["style"])
    assert told.page() == []


def test_a_gap_tells_when_it_was_answered_last(told: Told) -> None:
    told.ask("a", 1)
    [one] = told.page()
    assert one.answered is None
    told.ask("b", 1, answered=True)
    [one] = told.page()
    assert one.answered == told.now
    assert [each.answered for each in told.gaps.questions("sample", one.cluster, Asked(), 9)] == [
        True,
        False,
    ]
    [older] = told.gaps.questions("sample", one.cluster, Asked(), 9, before=2)
    assert older.trace_id == "trace-1"


def test_only_what_is_asked_for_is_counted_and_nobody_who_left(told: Told) -> None:
    told.ask("a", 1)
    told.ask("b", 1, lang="de")
    told.ask("a", 2, domain="other", lang="fr")
    assert told.gaps.languages("sample") == ["de", "en"]
    assert [one.people for one in told.page()] == [2]
    assert [one.people for one in told.page(language="de")] == [1]
    assert [one.people for one in told.page(until=START + timedelta(minutes=2))] == [1]
    assert told.page(since=START + timedelta(minutes=3)) == []
    with told.database.write() as session:
        session.add(
            AccountRow(
                id="b",
                password="",
                roles=["user"],
                groups=[],
                suspended=True,
                created_at=START,
                created_by="a",
            )
        )
    [one] = told.page()
    assert one.people == 1
    assert [each.by for each in told.gaps.questions("sample", one.cluster, Asked(), 9)] == [
        "a-of-thi"
    ]


def test_no_page_reads_every_trace(told: Told) -> None:
    told.ask("a", 1)
    if not told.database.sqlite:
        pytest.skip("with so few rows PostgreSQL reads all of them, and is right to")
    plans: list[str] = []

    @event.listens_for(told.database.engine, "before_cursor_execute")
    def planned(conn: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            plan = conn.connection.cursor()
            plan.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in plan.fetchall())

    [one] = told.page(since=START)
    told.gaps.questions("sample", one.cluster, Asked(since=START), 9)
    assert any("ix_traces_abstained" in one for one in plans)
    assert any("ix_feedback_missing" in one for one in plans)
    tables = ("traces", "feedback", "questions")
    assert [one for one in plans if one in {f"SCAN {table}" for table in tables}] == []
