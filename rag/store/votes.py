"""Which answers people found useful: the votes in effect on whole answers."""

from __future__ import annotations

from sqlalchemy import Subquery, exists, select
from sqlalchemy.orm import aliased

from rag.store.models import FeedbackRow


def votes() -> Subquery:
    """Trace and value of every vote on an answer that was neither replaced nor taken back.

    Above 0 the answer was useful.
    """
    later = aliased(FeedbackRow)
    replaced = exists().where(
        later.actor_pseudonym == FeedbackRow.actor_pseudonym,
        later.subject == FeedbackRow.subject,
        later.revision > FeedbackRow.revision,
    )
    return (
        select(FeedbackRow.trace_id, FeedbackRow.value)
        .where(
            # See rag.learn.feedback.subject.
            FeedbackRow.subject == FeedbackRow.trace_id + " answer",
            FeedbackRow.value.is_not(None),
            ~replaced,
        )
        .subquery()
    )
