"""Feedback as it stood at a moment, in the order of its answers, for whoever reads all of it.

Events, reviews and traces are only added to, so that what was in effect then can be told later,
whatever was said since, without keeping anybody waiting. What was erased is not told, though.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Text,
    bindparam,
    cast,
    exists,
    func,
    select,
    text,
)

from rag.datasets import DatasetSpec, ReviewState
from rag.store.database import Database
from rag.store.feedback import RETRACT
from rag.store.learning import ReviewRow
from rag.store.models import FeedbackRow, TraceRow, UtcDateTime, table_of

PAGE = 5_000
IDS = 500


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


def _unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The same value, of which no planner thinks that its index is what narrows most."""
    return func.coalesce(column, column)


_REVIEW = (
    select(_R.c.state)
    .where(_R.c.feedback_id == _F.c.id, _R.c.at <= _AS_OF)
    .order_by(_R.c.revision.desc())
    .limit(1)
    .scalar_subquery()
)
_ALL = (
    select(
        *(_F.c.id, _F.c.trace_id, _F.c.other_trace_id, _F.c.actor_pseudonym, _F.c.at, _F.c.rater),
        *(_F.c.signal, _F.c.value),
        # As text: nearly all are equal to one another, and are read once.
        *(cast(one, Text) for one in (_F.c.target, _F.c.correction, _F.c.consent)),
        func.coalesce(_REVIEW, "raw"),
        _T.c.actor_pseudonym,
    )
    .join(_T, _T.c.id == _F.c.trace_id)
    .where(
        _F.c.trace_id > bindparam("after"),
        # Read along the traces, a page is as long to read after many others as it is first.
        _unindexed(_F.c.domain) == bindparam("domain"),
        _unindexed(_F.c.at) <= _AS_OF,
        _F.c.signal != RETRACT,
        ~exists().where(
            _LATER.c.actor_pseudonym == _F.c.actor_pseudonym,
            _LATER.c.subject == _F.c.subject,
            _LATER.c.revision > _F.c.revision,
            # By the subject: of a busy person nearly everything is as old.
            _unindexed(_LATER.c.at) <= _AS_OF,
        ),
    )
    .order_by(_F.c.trace_id, _F.c.at, _F.c.id)
    .limit(bindparam("page"))
)
_EVENTS = _ALL.where(_F.c.explicit)
_CLICKS = _ALL.where(_F.c.signal == "click")


class Events:
    """Reads the feedback of a domain."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def moment(self, now: datetime) -> datetime:
        """A moment of which everything that was acknowledged by then is known."""
        with self.database.write() as session:
            # Whoever was writing has ended, and whoever comes later has a later time. On SQLite it
            # is having a connection that waits for them.
            session.connection()
            if not self.database.sqlite:
                session.execute(text("LOCK TABLE feedback, reviews IN SHARE MODE"))
        return now

    def said(self, ids: Collection[str]) -> set[str]:
        """Those of these that somebody said; the others only happened, such as a click."""
        found: set[str] = set()
        some = iter(ids)
        with self.database.read() as session:
            while batch := list(islice(some, IDS)):
                statement = select(_F.c.id).where(_F.c.id.in_(batch), _F.c.explicit)
                found.update(session.scalars(statement))
        return found

    def by_trace(
        self, domain: str, as_of: datetime, spec: DatasetSpec, after: str = ""
    ) -> Iterator[tuple[str, list[Event]]]:
        """Every answer with what was said of it that the specification wants but for its review,
        those after one of them; a page of memory at most."""
        for trace_id, some in self._by_trace(_wanted(spec), domain, as_of, after):
            if events := [one for one in some if _said(one, spec)]:
                yield trace_id, events

    def clicks(self, domain: str, as_of: datetime) -> Iterator[tuple[str, list[Event]]]:
        """Every answer that somebody opened a passage of, with what each person opened."""
        return self._by_trace(_CLICKS, domain, as_of)

    def _by_trace(
        self, statement: Select[Any], domain: str, as_of: datetime, after: str = ""
    ) -> Iterator[tuple[str, list[Event]]]:
        page = PAGE
        while True:
            rows = self._page(statement, domain, as_of, after, page)
            last = len(rows) < page
            # What was said of the last answer may go on beyond the page.
            ends = rows if last else [row for row in rows if row.trace_id != rows[-1].trace_id]
            if not ends and rows:
                page *= 2
                continue
            page = PAGE
            for trace_id, some in groupby(ends, key=attrgetter("trace_id")):
                yield trace_id, [*some]
            if last:
                return
            after = ends[-1].trace_id

    def _page(
        self, statement: Select[Any], domain: str, as_of: datetime, after: str, page: int
    ) -> Sequence[Event]:
        of = {"as_of": as_of, "domain": domain, "after": after, "page": page}
        with self.database.read() as session:
            return [_event(*row) for row in session.execute(statement, of)]


def _wanted(spec: DatasetSpec) -> Select[Any]:
    """What a specification wants, as far as the database tells. What is not asked for is not looked
    at: where long answers are kept, their last columns are far to reach."""
    statement = _EVENTS.where(_F.c.rater.in_(spec.raters))
    if spec.since is not None:
        statement = statement.where(_T.c.ts >= spec.since)
    if spec.until is not None:
        statement = statement.where(_T.c.ts < spec.until)
    if spec.models:
        statement = statement.where(_T.c.model.in_(spec.models))
    if spec.languages:
        statement = statement.where(_T.c.lang.in_(spec.languages))
    return statement


def _said(one: Event, spec: DatasetSpec) -> bool:
    return one.signal in spec.signals or (
        one.correction is not None and "correction" in spec.signals
    )


def _event(
    id: str,
    trace_id: str,
    other_trace_id: str | None,
    actor: str,
    at: datetime,
    rater: str,
    signal: str,
    value: float | None,
    target: str,
    correction: str | None,
    consent: str,
    review: ReviewState,
    asker: str,
) -> Event:
    return Event(
        *(id, trace_id, other_trace_id, actor, at, rater, signal, value),
        target=_read(target),
        correction=json.loads(correction) if correction else None,
        purposes=tuple(_read(consent).get("purposes", ())),
        review=review,
        asker=asker,
    )


@lru_cache(4_096)
def _read(written: str) -> dict[str, Any]:
    """Whoever gets it changes nothing in it."""
    return json.loads(written)
