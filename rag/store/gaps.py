"""What people asked and were not answered: questions that ask much the same are one gap.

A question is unanswered where the answer was that nothing is known, or where whoever asked says
that a document was missing. Whoever is suspended is not counted; of whoever was erased nothing is
left to count.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from rag.errors import InvalidInput
from rag.store.database import Database
from rag.store.feedback import RETRACT
from rag.store.inbox import Said, told
from rag.store.learning import QuestionRow
from rag.store.models import AccountRow, DocumentRow, FeedbackRow, TraceRow, missing_document
from rag.types import Data

MOST_NAMED = 5
"""Documents of one gap that are told: those that most people named."""


class Asked(Data):
    """Which questions count; what is empty leaves none out."""

    since: datetime | None = None
    until: datetime | None = None
    """before then"""
    language: str = ""


class Missed(Data):
    """A document that people say should have been used: one of ours, or any other by a name."""

    document_id: str
    name: str
    people: int


class Gap(Data):
    """Questions without an answer that ask much the same."""

    cluster: str
    questions: int
    people: int
    """Who asked them, each counted once."""
    first: datetime
    last: datetime
    example: str
    """The answer to the newest of them, by its id."""
    answered: datetime | None
    """When such a question was answered last, by anybody; None if it never was."""
    missed: tuple[Missed, ...]


class Question(Data):
    """A question of a gap, answered or not."""

    n: int
    trace_id: str
    at: datetime
    by: str
    """A few letters of the pseudonym of whoever asked."""
    answered: bool
    missed: bool
    """Somebody said that a document was missing."""


class Gaps:
    """Reads; every method is one snapshot."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def page(self, domain: str, asked: Asked, limit: int, after: str | None = None) -> list[Gap]:
        """The gaps that most people asked about first, or those after a place in that order.

        Raises InvalidInput for a place that is none.
        """
        found = _unanswered(domain, asked).subquery()
        people = func.count(found.c.actor.distinct())
        questions = func.count()
        statement = (
            select(
                QuestionRow.cluster_id,
                questions.label("questions"),
                people.label("people"),
                func.min(found.c.at).label("first"),
                func.max(found.c.at).label("last"),
                func.max(QuestionRow.n).label("newest"),
            )
            .join(QuestionRow, QuestionRow.trace_id == found.c.trace_id)
            .group_by(QuestionRow.cluster_id)
            .order_by(people.desc(), questions.desc(), QuestionRow.cluster_id)
            .limit(limit)
        )
        if after is not None:
            count, size, cluster = _placed(after)
            same = and_(people == count, questions == size, QuestionRow.cluster_id > cluster)
            fewer = and_(people == count, questions < size)
            statement = statement.having(or_(people < count, fewer, same))
        with self.database.read() as session:
            rows = session.execute(statement).all()
            clusters = [row.cluster_id for row in rows]
            newest = select(QuestionRow.n, QuestionRow.trace_id).where(
                QuestionRow.n.in_([row.newest for row in rows])
            )
            examples: dict[int, str] = dict(iter(session.execute(newest).tuples()))
            answered = {
                cluster: session.scalar(_last_answered(cluster).limit(1)) for cluster in clusters
            }
            missed: dict[str, list[Missed]] = {}
            for cluster, document_id, name, count in session.execute(_named(domain, clusters)):
                some = missed.setdefault(cluster, [])
                if len(some) < MOST_NAMED:
                    some.append(Missed(document_id=document_id, name=name, people=count))
        return [
            Gap(
                cluster=row.cluster_id,
                questions=row.questions,
                people=row.people,
                first=row.first,
                last=row.last,
                example=examples[row.newest],
                answered=answered[row.cluster_id],
                missed=tuple(missed.get(row.cluster_id, ())),
            )
            for row in rows
        ]

    def questions(
        self, domain: str, cluster: str, asked: Asked, limit: int, before: int | None = None
    ) -> list[Question]:
        """The questions of a cluster, answered ones too, newest first; or those before one."""
        statement = (
            select(
                QuestionRow.n,
                TraceRow.id,
                TraceRow.ts,
                TraceRow.actor_pseudonym,
                TraceRow.abstained,
                _missed(TraceRow.id).label("missed"),
            )
            .join(TraceRow, TraceRow.id == QuestionRow.trace_id)
            .where(QuestionRow.cluster_id == cluster, *_within(domain, asked))
            .order_by(QuestionRow.n.desc())
            .limit(limit)
        )
        if before is not None:
            statement = statement.where(QuestionRow.n < before)
        with self.database.read() as session:
            return [
                Question(
                    n=n,
                    trace_id=trace_id,
                    at=at,
                    by=actor[:8],
                    answered=not abstained and not missed,
                    missed=missed,
                )
                for n, trace_id, at, actor, abstained, missed in session.execute(statement).tuples()
            ]

    def languages(self, domain: str) -> list[str]:
        """Of all that was answered by not knowing, in order."""
        statement = (
            select(TraceRow.lang)
            .where(TraceRow.domain == domain, TraceRow.abstained)
            .distinct()
            .order_by(TraceRow.lang)
        )
        with self.database.read() as session:
            return list(session.scalars(statement))

    def said(self, trace_ids: Collection[str]) -> dict[str, list[Said]]:
        """By answer, what is in effect that says that a document was missing."""
        statement = (
            select(FeedbackRow)
            .where(FeedbackRow.trace_id.in_(trace_ids), *_says_missed())
            .order_by(FeedbackRow.at, FeedbackRow.id)
        )
        found: dict[str, list[Said]] = {}
        with self.database.read() as session:
            for row in session.scalars(statement):
                found.setdefault(row.trace_id, []).append(told(row))
        return found

    def titles(self, document_ids: Collection[str]) -> dict[str, str]:
        """Of those that there are; who may know of them is for the caller to see to."""
        statement = select(DocumentRow.id, DocumentRow.title).where(
            DocumentRow.id.in_(document_ids)
        )
        with self.database.read() as session:
            return dict(iter(session.execute(statement).tuples()))


def place(gap: Gap) -> str:
    """Where a gap stands in the list."""
    return f"{gap.people}-{gap.questions}-{gap.cluster}"


def _placed(place: str) -> tuple[int, int, str]:
    people, _, rest = place.partition("-")
    questions, _, cluster = rest.partition("-")
    if not (people.isdecimal() and questions.isdecimal() and len(people + questions) < 19):
        raise InvalidInput(f"The list has no gap '{place}' to go on after.")
    return int(people), int(questions), cluster


def _unanswered(domain: str, asked: Asked) -> CompoundSelect[Any]:
    """Every unanswered question once, though it was abstained from and rated too."""
    what = (
        TraceRow.id.label("trace_id"),
        TraceRow.actor_pseudonym.label("actor"),
        TraceRow.ts.label("at"),
    )
    abstained = select(*what).where(TraceRow.abstained, *_within(domain, asked))
    said = [FeedbackRow.at >= asked.since] if asked.since is not None else []
    rated: Select[Any] = (
        select(*what)
        .join(FeedbackRow, FeedbackRow.trace_id == TraceRow.id)
        .where(FeedbackRow.domain == domain, *said, *_says_missed(), *_within(domain, asked))
    )
    return abstained.union(rated)


def _within(domain: str, asked: Asked) -> list[ColumnElement[bool]]:
    found = [
        TraceRow.domain == domain,
        TraceRow.principal_id.not_in(select(AccountRow.id).where(AccountRow.suspended)),
    ]
    if asked.since is not None:
        found.append(TraceRow.ts >= asked.since)
    if asked.until is not None:
        found.append(TraceRow.ts < asked.until)
    if asked.language:
        found.append(TraceRow.lang == asked.language)
    return found


def _says_missed() -> tuple[ColumnElement[bool], ...]:
    """A verdict in effect that a document was missing."""
    later = aliased(FeedbackRow)
    return (
        missing_document(),
        FeedbackRow.signal != RETRACT,
        ~exists().where(
            later.actor_pseudonym == FeedbackRow.actor_pseudonym,
            later.subject == FeedbackRow.subject,
            later.revision > FeedbackRow.revision,
        ),
    )


def _missed(trace_id: Any) -> ColumnElement[bool]:
    return exists().where(FeedbackRow.trace_id == trace_id, *_says_missed())


def _last_answered(cluster: str) -> Select[tuple[datetime]]:
    return (
        select(TraceRow.ts)
        .join(QuestionRow, QuestionRow.trace_id == TraceRow.id)
        .where(QuestionRow.cluster_id == cluster, ~TraceRow.abstained, ~_missed(TraceRow.id))
        .order_by(QuestionRow.n.desc())
    )


def _named(domain: str, clusters: Collection[str]) -> Select[Any]:
    """What was named as missing in these clusters, what most people named first."""
    said = (
        select(
            QuestionRow.cluster_id.label("cluster"),
            FeedbackRow.target["document_id"].as_string().label("document_id"),
            FeedbackRow.target["name"].as_string().label("name"),
            FeedbackRow.actor_pseudonym.label("actor"),
        )
        .join(QuestionRow, QuestionRow.trace_id == FeedbackRow.trace_id)
        .where(
            QuestionRow.cluster_id.in_(clusters),
            FeedbackRow.target["kind"].as_string() == "missing_document",
            *_says_missed(),
            # Not joined: it would be read for every question, and few have such a verdict.
            exists().where(TraceRow.id == FeedbackRow.trace_id, *_within(domain, Asked())),
        )
        .subquery()
    )
    people = func.count(said.c.actor.distinct())
    what = (said.c.cluster, said.c.document_id, said.c.name)
    return select(*what, people).group_by(*what).order_by(people.desc(), *what)
