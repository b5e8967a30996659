"""What was spent on models: one row a day for each person, domain and model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from rag.store.database import Database
from rag.store.models import SpendingRow
from rag.types import Data

NOBODY = "erased"
"""Whose sums are that were a person's who was erased."""
SHADOW = "shadow/answers"
"""Whose sums are that nobody asked for: of models on trial. No person's name has a slash."""
By = Literal["person", "domain", "model", "day"]
_COLUMNS = {
    "person": SpendingRow.principal_id,
    "domain": SpendingRow.domain,
    "model": SpendingRow.model,
    "day": SpendingRow.day,
}


class Spent(Data):
    """Sums over some time; `name` is whose. `unpriced` answers are counted as free."""

    name: str
    answers: int
    unpriced: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    """USD"""


class Spending:
    """What was spent, and on whom. Traces add to it when they are saved."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def save(self, trace: Mapping[str, Any]) -> None:
        """Count what was asked of a model though no trace is kept of it."""
        with self.database.write() as session:
            add(session, trace)

    def cost(self, since: date, **of: str) -> float:
        """USD from that day on, of one person, domain or model, or altogether."""
        statement = select(func.coalesce(func.sum(SpendingRow.cost), 0.0)).where(
            SpendingRow.day >= since.isoformat(),
            *(_COLUMNS[name] == value for name, value in of.items()),
        )
        with self.database.read() as session:
            return float(session.scalar(statement) or 0.0)

    def totals(self, by: By, since: date) -> list[Spent]:
        """Sums from that day on; the dearest first, days in order."""
        column = _COLUMNS[by]
        sums = [
            func.sum(one)
            for one in (
                SpendingRow.answers,
                SpendingRow.unpriced,
                SpendingRow.prompt_tokens,
                SpendingRow.completion_tokens,
                SpendingRow.cost,
            )
        ]
        statement = (
            select(column, *sums)
            .where(SpendingRow.day >= since.isoformat())
            .group_by(column)
            .order_by(*([column] if by == "day" else [sums[-1].desc(), column]))
        )
        with self.database.read() as session:
            return [_spent(row) for row in session.execute(statement).tuples()]


def spends(trace: Mapping[str, Any]) -> bool:
    """A model wrote."""
    return trace["route"].get("price") is not None


def add(session: Session, trace: Mapping[str, Any]) -> None:
    """Count a trace's tokens and cost, if a model wrote at all."""
    if not spends(trace):
        return
    counts = {
        "answers": 1,
        "unpriced": int(trace["route"]["price"] == "unknown"),
        "prompt_tokens": trace["prompt_tokens"],
        "completion_tokens": trace["completion_tokens"],
        "cost": trace["cost"],
    }
    key = {
        "day": trace["ts"].date().isoformat(),
        "domain": trace["domain"],
        "principal_id": trace["principal_id"],
        "model": trace["model"],
    }
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(SpendingRow).values(**key, **counts)
    more = {name: getattr(SpendingRow, name) + value for name, value in counts.items()}
    session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=more))


def _spent(row: Sequence[Any]) -> Spent:
    name, answers, unpriced, prompt, completion, cost = row
    return Spent(
        name=name,
        answers=int(answers),
        unpriced=int(unpriced),
        prompt_tokens=int(prompt),
        completion_tokens=int(completion),
        cost=float(cost),
    )
