"""What came of the trial of a model: the answers that people got, and those of a shadow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import select

from rag.store.choices import Trial
from rag.store.database import Database
from rag.store.models import ShadowRow, TraceRow
from rag.store.spending import SHADOW, add
from rag.store.votes import preferences, votes
from rag.types import Data

MOST = 20_000
"""Answers that are compared, the newest."""
Side = Literal["champion", "challenger"]


class Shadow(Data):
    """How a model on trial answered a question after it was answered; none of its words."""

    trace_id: str
    trial: str
    model: str
    abstained: bool = False
    support: float | None = None
    citations: int = 0
    ms: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    fault: str = ""
    at: datetime


class Observed(NamedTuple):
    """One answer of one side. With a `fault` it made none itself, and the rest says nothing."""

    trace_id: str
    """Of the answer that was given first, where both sides answered."""
    thread: str
    """The conversation: answers of one are alike."""
    side: Side
    fault: str
    abstained: bool
    support: float | None
    ms: float
    """To write the answer and to check it: what comes before is the same whoever answers."""
    tokens: int
    cost: float
    useful: bool | None
    """None where nobody rated it."""
    preferred: float | None = None
    """Its share of the choice between it and the other side's; None where nobody chose."""


class Trials:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def keep(self, shadow: Shadow, domain: str, price: str | None) -> None:
        """What it cost counts, of nobody; the rest is kept as long as the trace is, if it still is.

        `price` is where the price is from, None where no model wrote.
        """
        spent = {
            **shadow.model_dump(include={"model", "prompt_tokens", "completion_tokens", "cost"}),
            "route": {"price": price},
            "ts": shadow.at,
            "domain": domain,
            "principal_id": SHADOW,
        }
        with self.database.write() as session:
            add(session, spent)
            trace = session.get(TraceRow, shadow.trace_id, with_for_update={"read": True})
            if trace is not None:
                session.add(ShadowRow(**shadow.model_dump()))

    def observed(self, domain: str, trial: Trial, since: datetime) -> tuple[list[Observed], int]:
        """Every answer of both sides that was waited for, and how many a shadow did not repeat."""
        vote = votes()
        statement = (
            select(
                TraceRow.id,
                TraceRow.thread_id,
                TraceRow.finish_reason,
                TraceRow.abstained,
                TraceRow.support,
                TraceRow.route,
                TraceRow.timings,
                TraceRow.prompt_tokens + TraceRow.completion_tokens,
                TraceRow.cost,
                TraceRow.sibling_ids,
                vote.c.value,
                ShadowRow,
            )
            .outerjoin(vote, vote.c.trace_id == TraceRow.id)
            .outerjoin(ShadowRow, ShadowRow.trace_id == TraceRow.id)
            .where(
                TraceRow.domain == domain,
                TraceRow.ts >= since,
                TraceRow.route[("trial", "id")].as_string() == trial.id,
                TraceRow.finish_reason != "cancelled",
            )
            .order_by(TraceRow.ts.desc(), TraceRow.id)
            .limit(MOST)
        )
        found: list[Observed] = []
        missing = 0
        with self.database.read() as session:
            chosen = preferences(session, since) if trial.how == "pair" else {}
            for row in session.execute(statement).tuples():
                trace_id, thread, finish, abstained, support, route, timings, tokens, cost = row[:9]
                siblings, value, shadow = row[9:]
                if not route["trial"].get("pair", True):
                    continue
                fault = _fault(finish, route)
                found.append(
                    Observed(
                        trace_id=siblings[0] if siblings else trace_id,
                        thread=thread,
                        side=route["trial"]["side"],
                        fault=fault,
                        abstained=abstained,
                        support=support,
                        ms=writing_ms(timings),
                        tokens=tokens,
                        cost=cost,
                        useful=None if value is None else value > 0,
                        preferred=chosen.get(trace_id),
                    )
                )
                if shadow is not None:
                    found.append(_of_shadow(shadow, thread))
                elif trial.how == "shadow" and not fault and _asked(abstained, route):
                    missing += trial.takes(trace_id)
        return found, missing


def writing_ms(timings: Mapping[str, float]) -> float:
    return timings.get("generate", 0.0) + timings.get("support", 0.0)


def _fault(finish: str, route: Mapping[str, Any]) -> str:
    """Why that side did not answer itself, as a code; empty where it did."""
    failed = [one["code"] for one in route["attempts"] if one["outcome"] == "failed"]
    if finish == "error" or route["trial"]["fell_back"]:
        return failed[0] if failed else "not_asked"
    return ""


def _asked(abstained: bool, route: Mapping[str, Any]) -> bool:
    """Somebody was to answer: the passages were not too weak for anyone."""
    return not abstained or any(one["outcome"] == "answered" for one in route["attempts"])


def _of_shadow(shadow: ShadowRow, thread: str) -> Observed:
    return Observed(
        trace_id=shadow.trace_id,
        thread=thread,
        side="challenger",
        fault=shadow.fault,
        abstained=shadow.abstained,
        support=shadow.support,
        ms=shadow.ms,
        tokens=shadow.prompt_tokens + shadow.completion_tokens,
        cost=shadow.cost,
        useful=None,
    )
