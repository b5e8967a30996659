"""What several people can judge: an answer in the same words to much the same question, or a
passage for such a question. Verdicts on it bear one name, by which they are compared.

An answer's is that of the trace of whoever judged it first: a hash of the words would tell who
guesses them that they were said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from rag.store.database import fetched
from rag.store.learning import QuestionRow
from rag.store.models import FeedbackRow, TraceRow, table_of

MOST_ASKED = 200
"""The last questions of a cluster, among whose answers the same is looked for."""

_F, _Q, _T = table_of(FeedbackRow), table_of(QuestionRow), table_of(TraceRow)
_CLUSTER = select(_Q.c.cluster_id).where(_Q.c.trace_id == bindparam("trace"))
_ASKED = (
    select(_Q.c.trace_id)
    .where(_Q.c.cluster_id == bindparam("cluster"))
    .order_by(_Q.c.n.desc())
    .limit(MOST_ASKED)
    .subquery()
)
_MINE = select(_T.c.answer_sha).where(_T.c.id == bindparam("trace")).scalar_subquery()
_SAME = (
    select(_F.c.unit)
    .join(_ASKED, _ASKED.c.trace_id == _F.c.trace_id)
    .join(_T, _T.c.id == _F.c.trace_id)
    # See rag.learn.feedback.subject.
    .where(_F.c.subject == _F.c.trace_id + " answer", _T.c.answer_sha == _MINE)
    .order_by(_F.c.at)
    .limit(1)
)


def cluster_of(session: Session, trace_id: str) -> str | None:
    """Of the question that was answered; None where it is in none."""
    return session.scalar(_CLUSTER, {"trace": trace_id})


def unit_of(session: Session, event: Mapping[str, Any], cluster: str | None) -> str | None:
    """What an event that is about to be added judges; None where nobody else could."""
    trace_id, target = event["trace_id"], event["target"]
    if target["kind"] in ("citation", "chunk"):
        return f"{cluster or trace_id} {target['chunk_id']}"
    if target["kind"] != "answer":
        return None
    same = fetched(session, _SAME, cluster=cluster, trace=trace_id) if cluster else None
    return same["unit"] if same is not None and same["unit"] else trace_id
