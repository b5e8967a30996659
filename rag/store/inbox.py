"""What people said that waits to be reviewed, or was: verdicts in effect, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import aliased

from rag.datasets import ReviewState
from rag.errors import InvalidInput
from rag.feedback import Correction, Rated
from rag.store.database import Database
from rag.store.feedback import RETRACT
from rag.store.flags import Flag, FlagKind, flags_of
from rag.store.learning import AssignmentRow, FlagRow, QuestionRow
from rag.store.models import FeedbackRow, corrected, missing_document
from rag.store.reviews import latest
from rag.types import Data


class Wanted(Data):
    """Which verdicts to tell; what is empty leaves none out."""

    state: ReviewState | None = None
    good: bool | None = None
    """only those above 0, or only those below"""
    corrected: bool = False
    missing: bool = False
    """only that a document was missing"""
    ids: tuple[str, ...] = ()
    """only these"""
    reviewer: str = ""
    flag: FlagKind | None = None
    unit: str = ""
    """only on this: see rag.store.units"""
    trace: str = ""
    """only on that answer"""
    cluster: str = ""
    """only on answers to questions of that cluster"""


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
    flags: tuple[Flag, ...]
    """What looks odd about it."""


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
        # Flags have the time of their verdicts: a page of the flagged reads no others.
        at, place = (
            (FlagRow.at, FlagRow.feedback_id) if wanted.flag else (FeedbackRow.at, FeedbackRow.id)
        )
        few = wanted.ids or wanted.reviewer or wanted.trace or wanted.cluster
        statement = (
            select(FeedbackRow, AssignmentRow.reviewer)
            .outerjoin(AssignmentRow, AssignmentRow.trace_id == FeedbackRow.trace_id)
            .where(
                # Those are looked for, not the newest of the domain.
                (FeedbackRow.domain + "" if few else FeedbackRow.domain) == domain,
                FeedbackRow.explicit,
                FeedbackRow.signal != RETRACT,
                ~exists().where(
                    later.actor_pseudonym == FeedbackRow.actor_pseudonym,
                    later.subject == FeedbackRow.subject,
                    later.revision > FeedbackRow.revision,
                ),
                *_chosen(wanted),
            )
            .order_by(at.desc(), place)
            .limit(limit)
        )
        if wanted.flag:
            statement = statement.join(FlagRow, FlagRow.feedback_id == FeedbackRow.id).where(
                FlagRow.domain == domain, FlagRow.kind == wanted.flag
            )
        with self.database.read() as session:
            if after is not None:
                row = session.get(FeedbackRow, after)
                if row is None or row.domain != domain:
                    raise InvalidInput(f"The list has no verdict '{after}' to go on after.")
                # The first says where to begin in an index; a disjunction alone does not.
                same = and_(at == row.at, place > row.id)
                statement = statement.where(at <= row.at, or_(at < row.at, same))
            found = session.execute(statement).tuples().all()
            ids = [event.id for event, _ in found]
            flags = flags_of(session, ids)
            reviews = {one.feedback_id: one for one in session.scalars(latest(ids))}
        return [
            Waiting(
                feedback=told(event),
                state=_state(event.review),
                note=review.note if (review := reviews.get(event.id)) else "",
                reviewed_by=review.by if review else "",
                reviewer=reviewer or "",
                flags=flags.get(event.id, ()),
            )
            for event, reviewer in found
        ]


def _chosen(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.state is not None:
        yield FeedbackRow.review == wanted.state
    if wanted.ids:
        yield FeedbackRow.id.in_(wanted.ids)
    if wanted.good is not None:
        yield FeedbackRow.value > 0 if wanted.good else FeedbackRow.value < 0
    if wanted.corrected:
        yield corrected()
    if wanted.missing:
        yield missing_document()
        yield FeedbackRow.target["kind"].as_string() == "missing_document"
    if wanted.unit:
        yield FeedbackRow.unit == wanted.unit
    if wanted.trace:
        yield FeedbackRow.trace_id == wanted.trace
    if wanted.cluster:
        asked = select(QuestionRow.trace_id).where(QuestionRow.cluster_id == wanted.cluster)
        yield FeedbackRow.trace_id.in_(asked)
    if wanted.reviewer:
        yield AssignmentRow.reviewer == wanted.reviewer


def told(row: FeedbackRow) -> Said:
    """An event as the data team may know it."""
    names = Said.model_fields.keys() - {"by"}
    said = {name: getattr(row, name) for name in names}
    return Said.model_validate({**said, "by": row.actor_pseudonym[:8]})


def _state(kept: str) -> ReviewState:
    return kept  # pyright: ignore[reportReturnType] - written by `Reviews` alone
