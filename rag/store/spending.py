"""What was spent on models: one row a day for each person, domain and model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Literal

from sqlalchemy import Function, bindparam, case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from rag.store.database import Database
from rag.store.models import KeyRow, SpendingRow, TraceRow, table_of
from rag.store.votes import votes
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
_OF_TRACES: Mapping[By, InstrumentedAttribute[Any]] = {
    "person": TraceRow.principal_id,
    "domain": TraceRow.domain,
    "model": TraceRow.model,
    "day": TraceRow.ts,
}
_SPENDING, _KEYS = table_of(SpendingRow), table_of(KeyRow)
_TOKENS = select(func.sum(_SPENDING.c.prompt_tokens + _SPENDING.c.completion_tokens)).where(
    _SPENDING.c.day == bindparam("day"), _SPENDING.c.principal_id == bindparam("person")
)
_TOKENS_OF_KEY = select(_KEYS.c.tokens).where(
    _KEYS.c.id == bindparam("key"), _KEYS.c.day == bindparam("day")
)


class Spent(Data):
    """Sums over some time; `name` is whose. `unpriced` answers are counted as free."""

    name: str
    answers: int
    unpriced: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    """USD"""
    rated: int = 0
    """Answers with a vote in effect."""
    useful: int = 0
    """Those of them with one above 0."""
    cost_per_useful: float | None = None
    """USD that the rated answers cost, for each that was useful."""


class Spending:
    """What was spent, and on whom. Traces add to it when they are saved."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def tokens(self, person: str, day: date) -> int:
        """What models read and wrote for somebody on one day."""
        with self.database.read() as session:
            return int(session.scalar(_TOKENS, {"person": person, "day": day.isoformat()}) or 0)

    def tokens_of_key(self, key: str, day: date) -> int:
        """... through one key."""
        with self.database.read() as session:
            return session.scalar(_TOKENS_OF_KEY, {"key": key, "day": day.isoformat()}) or 0

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

    def totals(self, by: By, since: date, domain: str | None = None) -> list[Spent]:
        """Sums from that day on, in one domain or all; the dearest first, days in order."""
        column = _COLUMNS[by]
        summed = sums()
        statement = (
            select(column, *summed)
            .where(SpendingRow.day >= since.isoformat())
            .group_by(column)
            .order_by(*([column] if by == "day" else [summed[-1].desc(), column]))
        )
        if domain is not None:
            statement = statement.where(SpendingRow.domain == domain)
        with self.database.read() as session:
            return [_spent(row) for row in session.execute(statement).tuples()]

    def with_votes(
        self, totals: Sequence[Spent], by: By, since: date, domain: str | None = None
    ) -> list[Spent]:
        """The sums with what people thought of the answers that are still kept."""
        vote = votes()
        statement = (
            select(_OF_TRACES[by], TraceRow.cost, vote.c.value)
            .join(vote, vote.c.trace_id == TraceRow.id)
            .where(
                TraceRow.ts >= datetime.combine(since, time.min, UTC),
                TraceRow.route["price"].as_string().is_not(None),
            )
        )
        if domain is not None:
            statement = statement.where(TraceRow.domain == domain)
        found: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
        with self.database.read() as session:
            for name, cost, value in session.execute(statement).tuples():
                key = name.date().isoformat() if isinstance(name, datetime) else str(name)
                found[key].append((cost, value > 0))
        return [_voted(one, found[one.name]) for one in totals]


def sums() -> list[Function[Any]]:
    """What rows of spending come to together, in the order that `Spent` counts it."""
    return [
        func.sum(SpendingRow.answers),
        func.sum(SpendingRow.unpriced),
        func.sum(SpendingRow.prompt_tokens),
        func.sum(SpendingRow.completion_tokens),
        func.sum(SpendingRow.cost),
    ]


def spends(trace: Mapping[str, Any]) -> bool:
    """A model wrote."""
    return trace["route"].get("price") is not None


def add(session: Session, trace: Mapping[str, Any], api_key: str = "") -> None:
    """Count a trace's tokens and cost, if a model wrote at all; also of the key it came by."""
    if not spends(trace):
        return
    if api_key:
        _add_to_key(session, trace, api_key)
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


def _voted(one: Spent, rated: Sequence[tuple[float, bool]]) -> Spent:
    useful = sum(liked for _, liked in rated)
    per = sum(cost for cost, _ in rated) / useful if useful else None
    return one.model_copy(update={"rated": len(rated), "useful": useful, "cost_per_useful": per})


def _add_to_key(session: Session, trace: Mapping[str, Any], api_key: str) -> None:
    used = trace["prompt_tokens"] + trace["completion_tokens"]
    day = trace["ts"].date().isoformat()
    so_far = case((KeyRow.day == day, KeyRow.tokens), else_=0)
    # Another process that ended a day later has begun that one: what comes late is not of it.
    session.execute(
        update(KeyRow)
        .where(KeyRow.id == api_key, KeyRow.day <= day)
        .values(day=day, tokens=so_far + used)
    )


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
