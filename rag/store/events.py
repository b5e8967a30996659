"""Feedback as it stood at a moment, in the order of its answers, for whoever reads all of it.

Events, reviews and traces are only added to, so that what was in effect then can be told later,
whatever was said since, without keeping anybody waiting. What was erased is not told, though.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, bindparam, exists, func, select, text

from rag.datasets import DatasetSpec, ReviewState
from rag.store.database import Columns, Database, fetched_all
from rag.store.feedback import RETRACT
from rag.store.learning import ReviewRow
from rag.store.models import FeedbackRow, TraceRow, UtcDateTime, table_of

PAGE = 5_000


class Event(NamedTuple):
    """A verdict in effect, and what of its answer tells whether it is wanted."""

    id: str
    trace_id: str
    other_trace_id: str | None
    actor: str
    at: datetime
    rater: str
    signal: str
    value: float | None
    target: dict[str, Any]
    correction: dict[str, Any] | None
    purposes: tuple[str, ...]
    review: ReviewState
    asker: str
    """The pseudonym of whoever asked."""


_F, _R, _T = table_of(FeedbackRow), table_of(ReviewRow), table_of(TraceRow)
_LATER = _F.alias("later")
_AS_OF: BindParameter[datetime] = bindparam("as_of", type_=UtcDateTime())
_REVIEW = (
    select(_R.c.state)
    .where(_R.c.feedback_id == _F.c.id, _R.c.at <= _AS_OF)
    .order_by(_R.c.revision.desc())
    .limit(1)
    .scalar_subquery()
)
_EVENTS = (
    select(
        *(_F.c.id, _F.c.trace_id, _F.c.other_trace_id, _F.c.actor_pseudonym, _F.c.at, _F.c.rater),
        *(_F.c.signal, _F.c.value, _F.c.target, _F.c.correction, _F.c.consent),
        func.coalesce(_REVIEW, "raw").label("review"),
        _T.c.actor_pseudonym.label("asker"),
        *(_T.c.ts, _T.c.model, _T.c.lang),
    )
    .join(_T, _T.c.id == _F.c.trace_id)
    .where(
        _F.c.trace_id > bindparam("after"),
        _F.c.domain == bindparam("domain"),
        _F.c.at <= _AS_OF,
        _F.c.explicit,
        _F.c.signal != RETRACT,
        ~exists().where(
            _LATER.c.actor_pseudonym == _F.c.actor_pseudonym,
            _LATER.c.subject == _F.c.subject,
            _LATER.c.revision > _F.c.revision,
            _LATER.c.at <= _AS_OF,
        ),
    )
    .order_by(_F.c.trace_id, _F.c.at, _F.c.id)
    .limit(bindparam("page"))
)


class Events:
    """Reads the feedback of a domain."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def moment(self, now: datetime) -> datetime:
        """A moment of which everything that was acknowledged by then is known."""
        with self.database.write() as session:
            # Whoever was writing has ended, and whoever comes later has a later time.
            if not self.database.sqlite:
                session.execute(text("LOCK TABLE feedback, reviews IN SHARE MODE"))
        return now

    def by_trace(
        self, domain: str, as_of: datetime, spec: DatasetSpec, after: str = ""
    ) -> Iterator[tuple[str, list[Event]]]:
        """Every answer with what was said of it that the specification wants but for its review,
        those after one of them; a page of memory at most."""
        page = PAGE
        while True:
            rows = self._page(domain, as_of, after, page)
            last = len(rows) < page
            # What was said of the last answer may go on beyond the page.
            ends = (
                rows if last else [row for row in rows if row["trace_id"] != rows[-1]["trace_id"]]
            )
            if not ends and rows:
                page *= 2
                continue
            page = PAGE
            yield from _grouped(ends, spec)
            if last:
                return
            after = ends[-1]["trace_id"]

    def _page(self, domain: str, as_of: datetime, after: str, page: int) -> Sequence[Columns]:
        with self.database.read() as session:
            return fetched_all(session, _EVENTS, as_of=as_of, domain=domain, after=after, page=page)


def _grouped(rows: Sequence[Columns], spec: DatasetSpec) -> Iterator[tuple[str, list[Event]]]:
    for trace_id, some in groupby(rows, key=itemgetter("trace_id")):
        if events := [_event(row) for row in some if _wanted(row, spec)]:
            yield trace_id, events


def _wanted(row: Columns, spec: DatasetSpec) -> bool:
    said = {row["signal"], *(("correction",) if row["correction"] else ())}
    return (
        (spec.since is None or row["ts"] >= spec.since)
        and (spec.until is None or row["ts"] < spec.until)
        and (not spec.models or row["model"] in spec.models)
        and (not spec.languages or row["lang"] in spec.languages)
        and not said.isdisjoint(spec.signals)
        and row["rater"] in spec.raters
    )


def _event(row: Columns) -> Event:
    return Event(
        id=row["id"],
        trace_id=row["trace_id"],
        other_trace_id=row["other_trace_id"],
        actor=row["actor_pseudonym"],
        at=row["at"],
        rater=row["rater"],
        signal=row["signal"],
        value=row["value"],
        target=row["target"],
        correction=row["correction"],
        purposes=tuple(row["consent"].get("purposes", ())),
        review=row["review"],
        asker=row["asker"],
    )
