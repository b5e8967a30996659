"""What models did day by day: what was spent on them, and how long their answers took."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Literal

from sqlalchemy import Select, select

from rag.store.database import Database
from rag.store.models import SpendingRow, TraceRow
from rag.store.spending import sums
from rag.types import Data

MOST = 20_000
"""Answers whose time is looked at, the newest."""
Split = Literal["model", "domain"]
_SPENT = {"model": SpendingRow.model, "domain": SpendingRow.domain}
_TIMED = {"model": TraceRow.model, "domain": TraceRow.domain}


class Pace(Data):
    """How long answers took, from the question to their last word, in milliseconds.

    Of those that are still kept; what was given again or was left or failed says nothing.
    """

    timed: int = 0
    ms_p50: float | None = None
    ms_p95: float | None = None


class Daily(Data):
    """One day (UTC) of a model, or of a domain. Quoting is no spending, but takes time."""

    name: str
    day: date
    answers: int = 0
    """That a model wrote; `unpriced` ones are counted as free."""
    unpriced: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    """USD"""
    pace: Pace = Pace()


class Daybook:
    """Reads what was done; each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def days(
        self, by: Split, since: date, domain: str | None = None
    ) -> tuple[list[Daily], dict[str, Pace]]:
        """Each day on which there was something, in order; and the pace of all of them together."""
        kept: dict[tuple[date, str], Daily] = {}
        taken: defaultdict[tuple[date, str], list[float]] = defaultdict(list)
        with self.database.read() as session:
            for day, name, answers, unpriced, read, written, cost in session.execute(
                _spending(by, since, domain)
            ).tuples():
                on = date.fromisoformat(day)
                kept[on, name] = Daily(
                    name=name,
                    day=on,
                    answers=int(answers),
                    unpriced=int(unpriced),
                    prompt_tokens=int(read),
                    completion_tokens=int(written),
                    cost=float(cost),
                )
            for name, at, ms in session.execute(_times(by, since, domain)).tuples():
                taken[at.date(), name].append(ms)
        altogether: defaultdict[str, list[float]] = defaultdict(list)
        for key, times in taken.items():
            on, name = key
            altogether[name] += times
            found = kept.get(key) or Daily(name=name, day=on)
            kept[key] = found.model_copy(update={"pace": pace(times)})
        return [kept[key] for key in sorted(kept)], {
            name: pace(times) for name, times in sorted(altogether.items())
        }


def pace(times: Iterable[float]) -> Pace:
    ordered = sorted(times)
    return Pace(timed=len(ordered), ms_p50=_least(ordered, 0.5), ms_p95=_least(ordered, 0.95))


def _least(ordered: Sequence[float], share: float) -> float | None:
    """The least value that so many are not above."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _spending(by: Split, since: date, domain: str | None) -> Select[Any]:
    statement = (
        select(SpendingRow.day, _SPENT[by], *sums())
        .where(SpendingRow.day >= since.isoformat())
        .group_by(SpendingRow.day, _SPENT[by])
    )
    return statement if domain is None else statement.where(SpendingRow.domain == domain)


def _times(by: Split, since: date, domain: str | None) -> Select[tuple[str, datetime, float]]:
    statement = (
        select(_TIMED[by], TraceRow.ts, TraceRow.latency_ms)
        .where(
            TraceRow.ts >= datetime.combine(since, time.min, UTC),
            TraceRow.finish_reason.not_in(("cancelled", "error")),
            TraceRow.route["cached"].as_string().is_(None),
        )
        .order_by(TraceRow.ts.desc(), TraceRow.id)
        .limit(MOST)
    )
    return statement if domain is None else statement.where(TraceRow.domain == domain)
