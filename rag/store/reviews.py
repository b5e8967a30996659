"""What reviewers made of feedback: states that are only ever added to; the last one counts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from rag.datasets import ReviewState
from rag.errors import NotFound
from rag.store.database import Database
from rag.store.learning import AssignmentRow, ReviewRow
from rag.store.models import FeedbackRow, TraceRow


class Reviews:
    """Every method is one transaction."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def set(
        self, domain: str, feedback_ids: Sequence[str], state: ReviewState, note: str, by: str
    ) -> int:
        """Put these events of a domain into a state, all or none. Returns how many were in another.

        Raises NotFound for an event that is not there, or is of another domain.
        """
        wanted = sorted(set(feedback_ids))
        with self.database.write() as session:
            known = session.scalars(
                select(FeedbackRow.id).where(
                    FeedbackRow.id.in_(wanted), FeedbackRow.domain == domain
                )
            ).all()
            if missing := sorted({*wanted} - {*known}):
                raise NotFound(f"There is no feedback '{missing[0]}'.")
            last = _last(session, wanted)
            changed = 0
            for feedback_id in wanted:
                revision, before, said = last.get(feedback_id, (0, "raw", ""))
                if (before, said) == (state, note):
                    continue
                if before != state:
                    changed += 1
                    session.get_one(FeedbackRow, feedback_id).review = state
                session.add(
                    ReviewRow(
                        id=str(uuid4()),
                        feedback_id=feedback_id,
                        revision=revision + 1,
                        state=state,
                        note=note,
                        at=self.now(),
                        by=by,
                    )
                )
            return changed

    def states(self, feedback_ids: Collection[str]) -> dict[str, tuple[ReviewState, str, str]]:
        """State, note and who said so, of those that were reviewed."""
        with self.database.read() as session:
            rows = session.scalars(latest(feedback_ids))
            return {row.feedback_id: (_state(row.state), row.note, row.by) for row in rows}

    def assign(self, domain: str, trace_ids: Sequence[str], reviewer: str, by: str) -> None:
        """Let somebody review what was said of these answers; nobody where the name is empty."""
        with self.database.write() as session:
            for trace_id in trace_ids:
                trace = session.get(TraceRow, trace_id)
                if trace is None or trace.domain != domain:
                    raise NotFound(f"There is no trace '{trace_id}'.")
                row = session.get(AssignmentRow, trace_id)
                if not reviewer:
                    if row is not None:
                        session.delete(row)
                elif row is None:
                    session.add(
                        AssignmentRow(trace_id=trace_id, reviewer=reviewer, by=by, at=self.now())
                    )
                else:
                    row.reviewer, row.by, row.at = reviewer, by, self.now()


def latest(feedback_ids: Collection[str]) -> Select[tuple[ReviewRow]]:
    """The last review of each that was reviewed."""
    highest = (
        select(ReviewRow.feedback_id, func.max(ReviewRow.revision).label("revision"))
        .where(ReviewRow.feedback_id.in_(feedback_ids))
        .group_by(ReviewRow.feedback_id)
        .subquery()
    )
    return select(ReviewRow).join(
        highest,
        (ReviewRow.feedback_id == highest.c.feedback_id)
        & (ReviewRow.revision == highest.c.revision),
    )


def _last(session: Session, feedback_ids: Sequence[str]) -> dict[str, tuple[int, str, str]]:
    rows = session.scalars(latest(feedback_ids))
    return {row.feedback_id: (row.revision, row.state, row.note) for row in rows}


def _state(kept: str) -> ReviewState:
    return kept  # pyright: ignore[reportReturnType] - written by `set` alone
