"""The answers that a prompt candidate shows to models, as long as what they are of is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import insert, select

from rag.store.database import Database
from rag.store.models import FeedbackRow, table_of
from rag.store.tuning import PromptExampleRow

_P = table_of(PromptExampleRow)


class Shown(NamedTuple):
    """A question with an answer to it that people found good; what was personal is replaced."""

    feedback_id: str
    trace_id: str
    question: str
    answer: str
    documents: Sequence[str]


class Examples:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def keep(self, candidate_id: str, shown: Sequence[Shown]) -> int:
        """Keep them, but for what was erased since it was gathered. Returns how many."""
        with self.database.write() as session:
            events = [one.feedback_id for one in shown]
            there = {*session.scalars(select(FeedbackRow.id).where(FeedbackRow.id.in_(events)))}
            rows = [
                {"candidate_id": candidate_id, "n": n, **one._asdict()}
                for n, one in enumerate(shown)
                if one.feedback_id in there
            ]
            if rows:
                session.execute(insert(_P), rows)
            return len(rows)

    def of(self, candidate_id: str) -> list[Shown]:
        """What is left of them, in their order."""
        columns = (_P.c.feedback_id, _P.c.trace_id, _P.c.question, _P.c.answer, _P.c.documents)
        statement = select(*columns).where(_P.c.candidate_id == candidate_id).order_by(_P.c.n)
        with self.database.read() as session:
            return [Shown(*row) for row in session.execute(statement)]
