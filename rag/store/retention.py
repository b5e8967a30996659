"""Deleting what was kept long enough, a little at a time so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, Text, delete, exists, func, or_, select, update
from sqlalchemy import cast as as_type
from sqlalchemy.orm import Session

from rag.store.conversations import forget, unused_since
from rag.store.database import Database
from rag.store.erasing import Contents
from rag.store.models import (
    AuditRow,
    ConversationRow,
    DocumentRow,
    FeedbackRequestRow,
    FeedbackRow,
    TraceRow,
)

AT_ONCE = 200
"""Rows that one transaction deletes."""
Kind = Literal["traces", "comments", "conversations", "documents", "audit"]


class Retention:
    """Applies one setting after the other; cut off anywhere, the next time goes on."""

    def __init__(self, database: Database, contents: Contents, now: Callable[[], datetime]) -> None:
        self.database = database
        self._contents = contents
        self.now = now

    def apply(self, kind: Kind, days: int) -> int:
        """Delete what is of that kind and older. Returns how much it was."""
        before = self.now() - timedelta(days=days)
        step = {
            "traces": self._traces,
            "comments": self._comments,
            "conversations": self._conversations,
            "documents": self._documents,
            "audit": self._audit,
        }[kind]
        total = 0
        while count := step(before):
            total += count
        return total

    def stray(self) -> int:
        """Delete verdicts on answers that are no more, as when their person was just erased."""
        kept = exists().where(TraceRow.id == FeedbackRow.trace_id)
        with self.database.write() as session:
            found = session.scalars(select(FeedbackRow.id).where(~kept).limit(AT_ONCE)).all()
            _delete_verdicts(session, FeedbackRow.id.in_(found))
        return len(found)

    def _traces(self, before: datetime) -> int:
        with self.database.write() as session:
            ids = session.scalars(
                select(TraceRow.id).where(TraceRow.ts < before).order_by(TraceRow.ts).limit(AT_ONCE)
            ).all()
            on = or_(FeedbackRow.trace_id.in_(ids), FeedbackRow.other_trace_id.in_(ids))
            _delete_verdicts(session, on)
            session.execute(delete(TraceRow).where(TraceRow.id.in_(ids)))
        return len(ids)

    def _comments(self, before: datetime) -> int:
        said = or_(
            FeedbackRow.comment != "",
            func.coalesce(as_type(FeedbackRow.correction, Text), "null") != "null",
        )
        old = select(FeedbackRow.id).where(FeedbackRow.at < before, said).limit(AT_ONCE)
        with self.database.write() as session:
            ids = session.scalars(old).all()
            which = FeedbackRow.id.in_(ids)
            session.execute(update(FeedbackRow).where(which).values(comment="", correction=None))
        return len(ids)

    def _conversations(self, before: datetime) -> int:
        old = select(ConversationRow.id).where(unused_since(before)).limit(AT_ONCE)
        with self.database.write() as session:
            return forget(session, ConversationRow.id.in_(session.scalars(old).all()), self.now())

    def _documents(self, before: datetime) -> int:
        old = select(DocumentRow.id).where(
            DocumentRow.deleted_at < before, DocumentRow.erased_at.is_(None)
        )
        with self.database.read() as session:
            ids = session.scalars(old.order_by(DocumentRow.id).limit(AT_ONCE)).all()
        if ids:
            self._contents.mark(ids)
            self._contents.finish()
        return len(ids)

    def _audit(self, before: datetime) -> int:
        with self.database.write() as session:
            old = select(AuditRow.id).where(AuditRow.ts < before).order_by(AuditRow.id)
            ids = session.scalars(old.limit(AT_ONCE)).all()
            session.execute(delete(AuditRow).where(AuditRow.id.in_(ids)))
        return len(ids)


def _delete_verdicts(session: Session, which: ColumnElement[bool]) -> None:
    of = select(FeedbackRow.id).where(which)
    session.execute(delete(FeedbackRequestRow).where(FeedbackRequestRow.feedback_id.in_(of)))
    session.execute(delete(FeedbackRow).where(which))
