"""What people said that waits to be reviewed, or was: verdicts in effect, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Text, and_, exists, func, or_, select
from sqlalchemy import cast as as_type
from sqlalchemy.orm import aliased

from rag.datasets import ReviewState
from rag.errors import InvalidInput
from rag.feedback import Correction, Rated
from rag.store.database import Database
from rag.store.feedback import RETRACT
from rag.store.learning import AssignmentRow, ReviewRow
from rag.store.models import FeedbackRow
from rag.types import Data

BURST = 20
"""Verdicts of one person within `AROUND` of one of theirs, from which on they are a burst."""
AROUND = timedelta(minutes=5)


class Wanted(Data):
    """Which verdicts to tell; what is empty leaves none out."""

    state: ReviewState | None = None
    good: bool | None = None
    """only those above 0, or only those below"""
    corrected: bool = False
    missing: bool = False
    """only that a document was missing"""
    reviewer: str = ""


class Said(Data):
    """A verdict, of somebody who is known by a few letters of their pseudonym."""

    id: str
    trace_id: str
    at: datetime
    surface: str
    by: str
    rater: str
    target: Rated
    signal: str
    value: float | None
    reasons: tuple[str, ...]
    comment: str
    correction: Correction | None


class Waiting(Data):
    """A verdict with what reviewers made of it."""

    feedback: Said
    state: ReviewState
    note: str
    reviewed_by: str
    reviewer: str
    """Who is to review what was said of that answer; empty where nobody is."""
    burst: int
    """How many verdicts that person gave within five minutes, where it is suspiciously many."""


class Inbox:
    """Reads; every method is one snapshot."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def page(
        self, domain: str, wanted: Wanted, limit: int, after: str | None = None
    ) -> list[Waiting]:
        """The newest verdicts in effect that are wanted, or those after the one of that id.

        Raises InvalidInput where that one is none of the domain's.
        """
        later = aliased(FeedbackRow)
        newest = (
            select(ReviewRow.feedback_id, func.max(ReviewRow.revision).label("revision"))
            .group_by(ReviewRow.feedback_id)
            .subquery()
        )
        last = and_(
            ReviewRow.feedback_id == newest.c.feedback_id,
            ReviewRow.revision == newest.c.revision,
        )
        statement = (
            select(
                FeedbackRow,
                *(ReviewRow.state, ReviewRow.note, ReviewRow.by),
                AssignmentRow.reviewer,
            )
            .outerjoin(newest, newest.c.feedback_id == FeedbackRow.id)
            .outerjoin(ReviewRow, last)
            .outerjoin(AssignmentRow, AssignmentRow.trace_id == FeedbackRow.trace_id)
            .where(
                FeedbackRow.domain == domain,
                FeedbackRow.explicit,
                FeedbackRow.signal != RETRACT,
                ~exists().where(
                    later.actor_pseudonym == FeedbackRow.actor_pseudonym,
                    later.subject == FeedbackRow.subject,
                    later.revision > FeedbackRow.revision,
                ),
                *_chosen(wanted),
            )
            .order_by(FeedbackRow.at.desc(), FeedbackRow.id)
            .limit(limit)
        )
        with self.database.read() as session:
            if after is not None:
                row = session.get(FeedbackRow, after)
                if row is None or row.domain != domain:
                    raise InvalidInput(f"The list has no verdict '{after}' to go on after.")
                same = and_(FeedbackRow.at == row.at, FeedbackRow.id > row.id)
                statement = statement.where(or_(FeedbackRow.at < row.at, same))
            found = session.execute(statement).tuples().all()
            bursts: dict[tuple[str, datetime], int] = {}
            for event, *_ in found:
                bursts[event.actor_pseudonym, event.at] = (
                    session.scalar(
                        select(func.count())
                        .select_from(FeedbackRow)
                        .where(
                            FeedbackRow.actor_pseudonym == event.actor_pseudonym,
                            FeedbackRow.at.between(event.at - AROUND, event.at + AROUND),
                        )
                    )
                    or 0
                )
            return [
                Waiting(
                    feedback=told(event),
                    state=_state(state or "raw"),
                    note=note or "",
                    reviewed_by=by or "",
                    reviewer=reviewer or "",
                    burst=count
                    if (count := bursts[event.actor_pseudonym, event.at]) >= BURST
                    else 0,
                )
                for event, state, note, by, reviewer in found
            ]


def _chosen(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.state == "raw":
        yield or_(ReviewRow.state == "raw", ReviewRow.state.is_(None))
    elif wanted.state is not None:
        yield ReviewRow.state == wanted.state
    if wanted.good is not None:
        yield FeedbackRow.value > 0 if wanted.good else FeedbackRow.value < 0
    if wanted.corrected:
        yield func.coalesce(as_type(FeedbackRow.correction, Text), "null") != "null"
    if wanted.missing:
        yield FeedbackRow.target["kind"].as_string() == "missing_document"
    if wanted.reviewer:
        yield AssignmentRow.reviewer == wanted.reviewer


def told(row: FeedbackRow) -> Said:
    """An event as the data team may know it."""
    names = Said.model_fields.keys() - {"by"}
    said = {name: getattr(row, name) for name in names}
    return Said.model_validate({**said, "by": row.actor_pseudonym[:8]})


def _state(kept: str) -> ReviewState:
    return kept  # pyright: ignore[reportReturnType] - written by `Reviews` alone
