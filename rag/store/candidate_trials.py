"""Candidates that answer a share of the people: which, since when, why no more; and the answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Select, and_, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from rag.candidates import Candidate, CandidateTrial, Ending, Side
from rag.errors import Conflict
from rag.store.database import Database
from rag.store.models import TraceRow
from rag.store.tuning import CandidateRow, CandidateTrialRow
from rag.store.votes import votes
from rag.types import LOCAL

MOST = 100_000
"""Answers that are compared, the first ones: by then a trial has told what it can."""
EVENT = "candidate.trial"
COUNTED = ("raw", "accepted")
"""Reviews of ratings that count: whatever no reviewer set aside."""
ASKED_FOR = "evaluation"
Announce = Callable[[Session, str, Mapping[str, Any]], None]


class Seen(NamedTuple):
    """One answer that somebody waited for, in a trial."""

    who: str
    """Whoever was drawn for a side: a person, or a conversation of whom nobody knows."""
    side: Side
    at: datetime
    useful: bool | None
    """None where whoever asked did not rate it, or not for this."""
    rated_at: datetime | None
    abstained: bool
    fault: bool
    ms: float
    cost: float


class CandidateTrials:
    """Every method is one transaction."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], announce: Announce | None = None
    ) -> None:
        self.database = database
        self.now = now
        self._announce = announce

    def begin(
        self, candidate: Candidate, share: float, against: int, look: int, by: str
    ) -> CandidateTrial:
        """Raises Conflict where one runs in the domain."""
        row = CandidateTrialRow(
            id=str(uuid4()),
            domain=candidate.domain,
            candidate_id=candidate.id,
            share=share,
            against=against,
            look=look,
            began_by=by,
            began_at=self.now(),
            ended_by="",
        )
        with self.database.write() as session:
            session.add(row)
            try:
                session.flush()
            except IntegrityError as error:
                raise Conflict(
                    "A candidate is tried already.", hint="End it first: rag tune try --stop."
                ) from error
            return _trial(row, candidate.kind, candidate.number)

    def running(self, domain: str | None = None) -> list[CandidateTrial]:
        """What is tried now, in a domain or in all of them."""
        statement = _trials().where(CandidateTrialRow.ended.is_(None))
        if domain is not None:
            statement = statement.where(CandidateTrialRow.domain == domain)
        with self.database.read() as session:
            return [_trial(*found) for found in session.execute(statement).tuples()]

    def last(self, domain: str, candidate: str | None = None) -> CandidateTrial | None:
        """The one that runs or ran last; of one candidate, by its id, where that is named."""
        statement = _trials().where(CandidateTrialRow.domain == domain)
        if candidate is not None:
            statement = statement.where(CandidateTrialRow.candidate_id == candidate)
        newest = CandidateTrialRow.began_at.desc()
        with self.database.read() as session:
            found = session.execute(statement.order_by(newest).limit(1)).tuples().first()
            return _trial(*found) if found else None

    def count(self, domain: str, against: Collection[int]) -> int:
        """How many there were against one of these releases."""
        statement = (
            select(func.count())
            .select_from(CandidateTrialRow)
            .where(CandidateTrialRow.domain == domain, CandidateTrialRow.against.in_(against))
        )
        with self.database.read() as session:
            return session.scalar(statement) or 0

    def won(self, id: str) -> bool:
        """It is surely better: noted once, and told to whoever wants to know. Whether it was now.

        Of a trial that has ended nothing is noted.
        """
        with self.database.write() as session:
            row = session.get_one(CandidateTrialRow, id, with_for_update=True)
            if row.better_at is not None or row.ended is not None:
                return False
            row.better_at = self.now()
            self._tell(session, row, "better")
            return True

    def end(self, id: str, ended: Ending, by: str, *, told: bool = False) -> bool:
        """From the next question on everybody is answered by what is live. Whether it ended now.

        `told`: to whoever wants to know, as nobody here asked for it.
        """
        with self.database.write() as session:
            row = session.get_one(CandidateTrialRow, id, with_for_update=True)
            if row.ended is not None:
                return False
            row.ended, row.ended_by, row.ended_at = ended, by, self.now()
            if told:
                self._tell(session, row, ended)
            return True

    def seen(self, trial: CandidateTrial) -> list[Seen]:
        """Every answer of both sides that was waited for, oldest first, with the rating of whoever
        asked if they agreed to be measured by and no reviewer set it aside."""
        vote = votes()
        statement = (
            select(
                *(TraceRow.principal_id, TraceRow.actor_pseudonym, TraceRow.thread_id),
                TraceRow.route[("candidate", "side")].as_string(),
                *(TraceRow.ts, TraceRow.abstained, TraceRow.finish_reason),
                *(TraceRow.latency_ms, TraceRow.cost),
                *(vote.c.value, vote.c.at, vote.c.review, vote.c.consent),
            )
            .outerjoin(
                vote,
                and_(
                    vote.c.trace_id == TraceRow.id,
                    vote.c.actor_pseudonym == TraceRow.actor_pseudonym,
                ),
            )
            .where(
                TraceRow.domain == trial.domain,
                TraceRow.ts >= trial.began_at,
                TraceRow.route[("candidate", "trial")].as_string() == trial.id,
                TraceRow.finish_reason != "cancelled",
            )
            .order_by(TraceRow.ts, TraceRow.id)
            .limit(MOST)
        )
        if trial.ended_at is not None:
            statement = statement.where(TraceRow.ts <= trial.ended_at)
        found: list[Seen] = []
        with self.database.read() as session:
            for row in session.execute(statement).tuples():
                person, pseudonym, thread, side, at, abstained, finish, ms, cost = row[:9]
                value, rated_at, review, consent = row[9:]
                useful = value > 0 if value is not None and _counts(review, consent) else None
                found.append(
                    Seen(
                        who=thread if person == LOCAL else pseudonym,
                        side=side,
                        at=at,
                        useful=useful,
                        rated_at=None if useful is None else rated_at,
                        abstained=abstained,
                        fault=finish == "error",
                        ms=ms,
                        cost=cost,
                    )
                )
        return found

    def _tell(self, session: Session, row: CandidateTrialRow, said: str) -> None:
        if self._announce is not None:
            of = session.get_one(CandidateRow, row.candidate_id)
            told = {"trial": row.id, "domain": row.domain, "candidate": f"{of.kind}-{of.number}"}
            self._announce(session, EVENT, {**told, "said": said})


def overtaken(session: Session, domain: str, promoted: str | None, by: str, at: datetime) -> None:
    """Another release is live: what was tried beside the one before is over."""
    row = session.scalar(
        select(CandidateTrialRow).where(
            CandidateTrialRow.domain == domain, CandidateTrialRow.ended.is_(None)
        )
    )
    if row is not None:
        row.ended = "promoted" if row.candidate_id == promoted else "released"
        row.ended_by, row.ended_at = by, at


def _counts(review: str, consent: Mapping[str, Any]) -> bool:
    return review in COUNTED and ASKED_FOR in consent.get("purposes", ())


def _trials() -> Select[tuple[CandidateTrialRow, str, int]]:
    return select(CandidateTrialRow, CandidateRow.kind, CandidateRow.number).join(
        CandidateRow, CandidateRow.id == CandidateTrialRow.candidate_id
    )


def _trial(row: CandidateTrialRow, kind: str, number: int) -> CandidateTrial:
    fields = {
        name: getattr(row, name) for name in CandidateTrial.model_fields if name != "candidate"
    }
    return CandidateTrial.model_validate({**fields, "candidate": f"{kind}-{number}"})
