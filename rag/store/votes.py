"""Which answers people found useful: the votes in effect on whole answers and on pairs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Subquery, exists, select
from sqlalchemy.orm import Session, aliased

from rag.store.models import FeedbackRow


def votes() -> Subquery:
    """Every vote on an answer that was neither replaced nor taken back: of which, whose, when.

    Above 0 the answer was useful.
    """
    return (
        select(
            *(FeedbackRow.trace_id, FeedbackRow.value, FeedbackRow.at),
            *(FeedbackRow.actor_pseudonym, FeedbackRow.review, FeedbackRow.consent),
        )
        .where(
            # See rag.learn.feedback.subject.
            FeedbackRow.subject == FeedbackRow.trace_id + " answer",
            FeedbackRow.value.is_not(None),
            ~_replaced(),
        )
        .subquery()
    )


def preferences(session: Session, since: datetime) -> dict[str, float]:
    """By trace, the share that an answer has of the choices between it and another, made since
    then: 1 where it was preferred, 0 where the other was, half where neither was."""
    found = session.execute(
        select(FeedbackRow.trace_id, FeedbackRow.other_trace_id, FeedbackRow.value).where(
            FeedbackRow.at >= since,
            FeedbackRow.subject.startswith("pair "),
            FeedbackRow.value.is_not(None),
            ~_replaced(),
        )
    )
    shares: dict[str, float] = {}
    for one, other, value in found.tuples():
        won = 0.5 if not value else float(value > 0)
        shares |= {one: won, str(other): 1.0 - won}
    return shares


def _replaced() -> ColumnElement[bool]:
    later = aliased(FeedbackRow)
    return exists().where(
        later.actor_pseudonym == FeedbackRow.actor_pseudonym,
        later.subject == FeedbackRow.subject,
        later.revision > FeedbackRow.revision,
    )
