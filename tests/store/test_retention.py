"""What was kept long enough goes, and nothing that was not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from rag.store import retention
from rag.store.blobs import Blobs
from rag.store.database import Database
from rag.store.erasing import Contents
from rag.store.models import (
    AuditRow,
    ConversationRow,
    DocumentRow,
    FeedbackRow,
    TraceRow,
    TurnRow,
    VersionRow,
)
from rag.store.retention import Retention
from rag.store.traces import Traces
from tests.store.test_holdings import NOW, dumped, kept

__all__ = ["kept"]
LATER = NOW + timedelta(days=30)
AGES = {
    "traces": (
        TraceRow,
        TraceRow.ts,
        dict.fromkeys(
            (
                *("traces", "shadows", "questions", "assignments"),
                *("feedback", "feedback_requests", "reviews", "candidate_votes", "flags"),
                "prompt_examples",
                "question_vectors",
            ),
            1,
        ),
    ),
    "comments": (FeedbackRow, FeedbackRow.at, {}),
    "conversations": (ConversationRow, ConversationRow.updated_at, {"conversations": 1}),
    "documents": (DocumentRow, DocumentRow.deleted_at, {"versions": 1, "placements": 1}),
    "audit": (AuditRow, AuditRow.ts, {"audit": 1}),
}


def counts(opened: Database) -> dict[str, int]:
    return {name: len(rows) for name, rows in dumped(opened).items()}


@pytest.mark.parametrize("kind", AGES)
def test_only_what_is_older_goes(
    tmp_path: Path, kept: tuple[Database, Traces], kind: retention.Kind,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    opened, _ = kept
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    table, at, gone = AGES[kind]
    (key,) = table.__table__.primary_key.columns
    with opened.write() as session:
        session.execute(update(DocumentRow).values(erased_at=None))
        session.execute(update(table).values({at: LATER}))
        first = session.scalars(select(key).order_by(key)).first()
        session.execute(update(table).where(key == first).values({at: NOW}))
        # Each verdict is on the trace of the same person.
        for name in ("trace_id", "other_trace_id"):
            traces = {len(row.principal_id): row.id for row in session.scalars(select(TraceRow))}
            for row in session.scalars(select(FeedbackRow)).all():
                setattr(row, name, traces[int(row.comment.split()[-1])])
    before = counts(opened)
    contents = Contents(opened, Blobs(tmp_path / "blobs"), lambda: LATER)
    applied = Retention(opened, contents, lambda: LATER)
    assert applied.apply(kind, 30) == 0, "not a moment before"
    assert counts(opened) == before
    assert applied.apply(kind, 29) == 1
    after = counts(opened)
    lost = {name: before[name] - after[name] for name in before if after[name] < before[name]}
    if kind == "conversations":
        gone = {**gone, "turns": 1}
    assert lost == gone
    with opened.read() as session:
        rows = session.scalars(select(FeedbackRow)).all()
        said = [(row.comment != "", row.correction is not None) for row in rows]
        assert said.count((False, False)) == (kind == "comments")
        if kind == "documents":
            blanked = [row.id for row in session.scalars(select(DocumentRow)) if not row.title]
            assert blanked == [first]
            assert session.scalars(select(VersionRow.document_id)).one() != first
        if kind == "conversations":
            assert session.scalars(select(TurnRow.conversation_id)).one() != first
    assert applied.apply(kind, 29) == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_verdicts_on_answers_that_are_no_more_go(
    tmp_path: Path, kept: tuple[Database, Traces]
) -> None:
    opened, _ = kept
    applied = Retention(opened, Contents(opened, Blobs(tmp_path), lambda: NOW), lambda: NOW)
    with opened.write() as session:
        rows = session.scalars(select(FeedbackRow).order_by(FeedbackRow.id)).all()
        rows[0].trace_id = session.scalars(select(TraceRow.id)).first() or ""
        rows[1].trace_id = "0" * 36
        stays = rows[0].id
    assert [applied.stray(), applied.stray()] == [1, 0]
    with opened.read() as session:
        assert session.scalars(select(FeedbackRow.id)).all() == [stays]
