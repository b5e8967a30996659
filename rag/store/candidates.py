"""Which candidates there are and what the gate said of them; what each learned from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from rag.candidates import Asked, Candidate, Gain, GateReport, Judgement, Kind
from rag.errors import NotFound
from rag.store.database import Database
from rag.store.learning import QuestionRow
from rag.store.models import FeedbackRow, table_of
from rag.store.tuning import CandidateRow, CandidateVoteRow, GateReportRow

AT_ONCE = 1_000
MAKING = "making"
"""The state of one that is kept already and not whole yet."""
T = TypeVar("T")


class Voted(NamedTuple):
    """One event's word on one passage, for a question."""

    feedback_id: str
    trace_id: str
    chunk_id: str
    value: float


class Kept(NamedTuple):
    """The same as it is kept, with what the database knows of question and rater."""

    digest: str
    """Of the question's words."""
    trace_id: str
    vector: bytes
    chunk_id: str
    rater: str
    value: float
    event: str


class Question(NamedTuple):
    """A question as it was kept when it was asked."""

    digest: str
    vector: bytes
    cluster: str
    embedder: str


class Candidates:
    """Every method is one transaction."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def add(
        self,
        id: str,
        domain: str,
        kind: Kind,
        lineage: Mapping[str, Any],
        figures: Mapping[str, Any],
        by: str,
        votes: Sequence[Voted] = (),
        *,
        whole: bool = True,
    ) -> Candidate:
        """Keep a candidate, and what it learned from. One that is not whole yet is not listed until
        it is settled."""
        with self.database.write() as session:
            of = (CandidateRow.domain == domain, CandidateRow.kind == kind)
            last = session.scalar(select(func.max(CandidateRow.number)).where(*of)) or 0
            row = CandidateRow(
                id=id,
                domain=domain,
                kind=kind,
                number=last + 1,
                state="made" if whole else MAKING,
                lineage=dict(lineage),
                figures=dict(figures),
                created_by=by,
                created_at=self.now(),
            )
            session.add(row)
            # What was erased since it was gathered is not to come back.
            events = {one.feedback_id for one in votes}
            there = {
                *(
                    one
                    for some in _parts(sorted(events))
                    for one in session.scalars(
                        select(FeedbackRow.id).where(FeedbackRow.id.in_(some))
                    )
                )
            }
            kept = [one for one in votes if one.feedback_id in there]
            if kept:
                row.figures = {**row.figures, "votes": len(kept)}
            session.flush()
            for some in _parts(kept):
                session.execute(
                    insert(table_of(CandidateVoteRow)),
                    [{"candidate_id": id, **one._asdict()} for one in some],
                )
            return _candidate(row)

    def list(self, domain: str) -> list[Candidate]:
        """Every candidate of a domain, newest first."""
        statement = (
            select(CandidateRow)
            .where(CandidateRow.domain == domain, CandidateRow.state != MAKING)
            .order_by(CandidateRow.created_at.desc(), CandidateRow.id)
        )
        with self.database.read() as session:
            return [_candidate(row) for row in session.scalars(statement)]

    def get(self, domain: str, name: str) -> Candidate:
        """By its name, as `memory-3`, or its id. Raises NotFound."""
        kind, _, number = name.rpartition("-")
        named = (
            (CandidateRow.kind == kind) & (CandidateRow.number == int(number))
            if (kind.isalpha() and number.isdecimal() and len(number) < 10)
            else CandidateRow.id == name
        )
        with self.database.read() as session:
            of = (CandidateRow.domain == domain, CandidateRow.state != MAKING)
            row = session.scalar(select(CandidateRow).where(*of, named))
        if row is None:
            raise NotFound(
                f"There is no candidate '{name}' in '{domain}'.", hint="See: rag tune list."
            )
        return _candidate(row)

    def learned(self) -> Sequence[Candidate]:
        """All that learned from feedback, also of a domain that is declared no more."""
        learned = select(table_of(CandidateVoteRow).c.candidate_id)
        # Of one that everything was erased of nothing is left but the count.
        counted = CandidateRow.figures["votes"].as_integer() > 0
        statement = select(CandidateRow).where(
            CandidateRow.id.in_(learned) | counted, CandidateRow.state != MAKING
        )
        with self.database.read() as session:
            return [_candidate(row) for row in session.scalars(statement)]

    def of_kind(self, kind: Kind) -> Sequence[Candidate]:
        """Every candidate of a kind, of every domain, also of one that is declared no more."""
        statement = select(CandidateRow).where(CandidateRow.kind == kind).order_by(CandidateRow.id)
        with self.database.read() as session:
            return [_candidate(row) for row in session.scalars(statement)]

    def hopeful(self, domain: str, kind: Kind) -> set[str]:
        """Those of a kind that may be promoted yet: the latest one, and those being made."""
        statement = (
            select(CandidateRow)
            .where(CandidateRow.domain == domain, CandidateRow.kind == kind)
            .where(CandidateRow.state.in_(("made", MAKING)))
            .order_by(CandidateRow.number.desc())
        )
        with self.database.read() as session:
            found = [one for one in session.scalars(statement) if not one.figures.get("withdrawn")]
            made = [one.id for one in found if one.state == "made"]
            return {*made[:1], *(one.id for one in found if one.state == MAKING)}

    def lineage(self, id: str) -> Mapping[str, Any]:
        """What a candidate was made of, also while it is being made. Raises NotFound."""
        with self.database.read() as session:
            row = session.get(CandidateRow, id)
            if row is None:
                raise NotFound(f"There is no candidate '{id}'.")
            return row.lineage

    def whole(self, id: str) -> None:
        """Let a candidate be listed that was being made."""
        with self.database.write() as session:
            row = session.get(CandidateRow, id)
            if row is not None and row.state == MAKING:
                row.state = "made"

    def note(self, id: str, figures: Mapping[str, Any]) -> None:
        """Say something more of a candidate."""
        with self.database.write() as session:
            row = session.get_one(CandidateRow, id)
            row.figures = {**row.figures, **figures}

    def settle(self, id: str, state: str) -> None:
        """What became of a candidate."""
        with self.database.write() as session:
            session.get_one(CandidateRow, id).state = state

    def forget(self, id: str) -> None:
        """One that came to nothing; what it learned from is forgotten with it."""
        with self.database.write() as session:
            session.execute(delete(CandidateRow).where(CandidateRow.id == id))

    def unfinished(self, before: datetime) -> list[str]:
        """Those that somebody began to make before a moment, and never came to an end with."""
        of = (CandidateRow.state == MAKING, CandidateRow.created_at < before)
        with self.database.read() as session:
            return [*session.scalars(select(CandidateRow.id).where(*of))]

    def questions(self, trace_ids: Collection[str]) -> dict[str, Question]:
        """The questions of these answers, by trace."""
        q = table_of(QuestionRow)
        found: dict[str, Question] = {}
        with self.database.read() as session:
            for some in _parts(sorted(trace_ids)):
                rows = session.execute(
                    select(
                        q.c.trace_id, q.c.digest, q.c.vector, q.c.cluster_id, q.c.embedder_rev
                    ).where(q.c.trace_id.in_(some))
                )
                found.update((row[0], Question(*row[1:])) for row in rows)
        return found

    # --- what a candidate learned from ---

    def votes(self, id: str) -> list[Kept]:
        """What a candidate learned from, as far as it is there now, by question."""
        m, q, f = table_of(CandidateVoteRow), table_of(QuestionRow), table_of(FeedbackRow)
        statement = (
            select(
                *(q.c.digest, q.c.trace_id, q.c.vector, m.c.chunk_id),
                *(f.c.actor_pseudonym, m.c.value, f.c.id),
            )
            .join(q, q.c.trace_id == m.c.trace_id)
            .join(f, f.c.id == m.c.feedback_id)
            .where(m.c.candidate_id == id)
            .order_by(q.c.digest, q.c.n, m.c.chunk_id, f.c.id)
        )
        with self.database.read() as session:
            return [Kept(*row) for row in session.execute(statement)]

    def shrunk(self, candidate: Candidate) -> bool:
        """Whether something was erased of what a candidate learned from since it was counted."""
        with self.database.read() as session:
            return _count(session, candidate.id) != candidate.figures["votes"]

    def recount(self, id: str) -> None:
        """Say how much a candidate learned from now."""
        with self.database.write() as session:
            row = session.get_one(CandidateRow, id)
            row.figures = {**row.figures, "votes": _count(session, id)}

    # --- what the gate said ---

    def report(
        self, id: str, against: int, report: GateReport, asked: Iterable[Asked], by: str
    ) -> Judgement:
        """Keep what the gate said."""
        with self.database.write() as session:
            row = GateReportRow(
                id=str(uuid4()),
                candidate_id=id,
                against=against,
                report=report.model_dump(mode="json"),
                asked=[one.model_dump(mode="json") for one in asked],
                by=by,
                at=self.now(),
            )
            session.add(row)
            session.flush()
            return _judgement(row)

    def reports(self, id: str) -> list[Judgement]:
        """What the gate said of a candidate, newest first."""
        statement = (
            select(GateReportRow)
            .where(GateReportRow.candidate_id == id)
            .order_by(GateReportRow.at.desc(), GateReportRow.id)
        )
        with self.database.read() as session:
            return [_judgement(row) for row in session.scalars(statement)]

    def gains(self, domain: str) -> list[Gain]:
        """What each candidate that learned from ratings was worth when it was measured last, from
        the fewest ratings to the most."""
        c, g = table_of(CandidateRow), table_of(GateReportRow)
        statement = (
            select(c.c.id, c.c.kind, c.c.number, c.c.figures, g.c.report, g.c.at)
            .join(g, g.c.candidate_id == c.c.id)
            .where(c.c.domain == domain)
            .order_by(g.c.at, g.c.id)
        )
        f, v = table_of(FeedbackRow), table_of(CandidateVoteRow)
        # What people opened is in a memory as well, and is no rating.
        said = (
            select(v.c.candidate_id, func.count())
            .join(f, f.c.id == v.c.feedback_id)
            .where(f.c.domain == domain, f.c.explicit)
            .group_by(v.c.candidate_id)
        )
        found: dict[str, Gain] = {}
        with self.database.read() as session:
            ratings = dict(session.execute(said).tuples().all())
            for id, kind, number, figures, report, at in session.execute(statement):
                if "votes" not in figures:
                    continue
                told, name = GateReport.model_validate(report), f"{kind}-{number}"
                found[name] = Gain(
                    candidate=name,
                    kind=kind,
                    ratings=ratings.get(id, 0),
                    at=at,
                    outcome=told.outcome,
                    overall=told.conditions[0].interval,
                    strata=told.strata,
                )
        return sorted(found.values(), key=lambda one: (one.ratings, one.candidate))

    def looks(self, domain: str, against: Collection[int]) -> int:
        """How often any candidate was measured against one of these releases."""
        statement = (
            select(func.count())
            .select_from(GateReportRow)
            .join(CandidateRow, CandidateRow.id == GateReportRow.candidate_id)
            .where(CandidateRow.domain == domain, GateReportRow.against.in_(against))
        )
        with self.database.read() as session:
            return session.scalar(statement) or 0


def _count(session: Session, id: str) -> int:
    of = CandidateVoteRow.candidate_id == id
    return session.scalar(select(func.count()).select_from(CandidateVoteRow).where(of)) or 0


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]


def _candidate(row: CandidateRow) -> Candidate:
    fields = {name: getattr(row, name) for name in Candidate.model_fields}
    # Whoever makes it is given it as it will be.
    return Candidate.model_validate(fields | ({"state": "made"} if row.state == MAKING else {}))


def _judgement(row: GateReportRow) -> Judgement:
    return Judgement(
        id=row.id,
        candidate=row.candidate_id,
        against=row.against,
        report=GateReport.model_validate(row.report),
        asked=tuple(Asked.model_validate(one) for one in row.asked),
        by=row.by,
        at=row.at,
    )
