"""Feedback: events that are only ever added, the requests that brought them, and consents.

The events of one person on one target form a chain, each naming the one before; the last is in
effect unless it takes back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from rag.errors import Conflict, NotFound, RateLimited
from rag.feedback import Consent, Feedback, Rated, Verdict
from rag.store.database import Announce, Database, announce_nothing
from rag.store.models import ConsentRow, FeedbackRequestRow, FeedbackRow, VersionRow
from rag.types import Data

TAKING_TURNS = 0x7A7C4E72
RETRACT = "retract"
SCHEMA = 1
MINUTE = timedelta(seconds=60)


class Draft(Data):
    """A verdict with what the server knows of it; `subject` is equal for the same target."""

    trace_id: str
    domain: str
    subject: str
    surface: str
    rater: Literal["user", "expert"]
    target: Rated
    verdict: Verdict


class FeedbackLog:
    """Every method is one transaction; those that write for one person take turns."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], announce: Announce = announce_nothing
    ) -> None:
        self.database = database
        self.now = now
        self._announce = announce

    def add(
        self, actor: str, draft: Draft, *, key: str | None, digest: str, per_minute: int
    ) -> Feedback:
        """Durable when it returns. The same `key` again gives what it gave before.

        A verdict that says what is in effect already adds no event. `actor` is a pseudonym;
        `digest` tells requests apart. Raises Conflict for a key that came with another request,
        RateLimited for more than `per_minute` requests.
        """
        with self.database.write() as session:
            self._take_turns(session, actor)
            known = session.get(FeedbackRequestRow, (actor, key)) if key else None
            if known is not None:
                if known.digest != digest:
                    raise Conflict(
                        "This idempotency key came with another verdict before.",
                        hint="Use a new key for every verdict.",
                    )
                row = session.get_one(FeedbackRow, known.feedback_id)
                return _feedback(row, self._last(session, actor, row.subject))
            self._within_limit(session, actor, per_minute)
            last = self._last(session, actor, draft.subject)
            row = last if last is not None and _says(last, draft) else None
            if row is None:
                row = self._row(session, actor, draft, last)
                session.add(row)
                session.flush()
                self._tell(session, row)
            session.add(
                FeedbackRequestRow(
                    actor_pseudonym=actor,
                    key=key or str(uuid4()),
                    digest=digest,
                    feedback_id=row.id,
                    at=self.now(),
                )
            )
            return _feedback(row, row)

    def retract(self, actor: str, trace_id: str, feedback_id: str) -> Feedback:
        """Take a verdict back; one that was taken back stays so.

        Raises NotFound for what is not the actor's, Conflict for what another one replaced.
        """
        with self.database.write() as session:
            self._take_turns(session, actor)
            row = session.get(FeedbackRow, feedback_id)
            if (
                row is None
                or row.actor_pseudonym != actor
                or trace_id not in (row.trace_id, row.other_trace_id)
            ):
                raise NotFound(f"There is no feedback '{feedback_id}' of yours on this trace.")
            last = self._last(session, actor, row.subject)
            assert last is not None
            if last.signal == RETRACT and feedback_id in (last.id, last.supersedes):
                return _feedback(last, last)
            if last.id != feedback_id:
                raise Conflict(
                    "A later verdict on the same target replaced this one.",
                    hint=f"Take back '{last.id}' instead."
                    if last.signal != RETRACT
                    else "It was taken back since.",
                )
            taken = FeedbackRow(**_fields(last), **self._next(session, actor, last))
            taken.signal, taken.value, taken.reasons = RETRACT, None, []
            taken.comment, taken.correction = "", None
            session.add(taken)
            self._tell(session, taken)
            return _feedback(taken, taken)

    def list(self, actor: str, trace_id: str) -> list[Feedback]:
        """Every event of the actor on a trace, or on a pair it is in; by target, in order."""
        with self.database.read() as session:
            rows = session.scalars(
                select(FeedbackRow)
                .where(
                    FeedbackRow.actor_pseudonym == actor,
                    or_(FeedbackRow.trace_id == trace_id, FeedbackRow.other_trace_id == trace_id),
                )
                .order_by(FeedbackRow.subject, FeedbackRow.revision)
            ).all()
        last = {row.subject: row for row in rows}
        return [_feedback(row, last[row.subject]) for row in rows]

    # --- consent ---

    def consent(self, actor: str) -> Consent:
        """What the actor agreed to last; nothing if never."""
        with self.database.read() as session:
            return consent_of(session, actor)

    def agree(self, actor: str, consent: Consent) -> None:
        """From now on; what was said before stays on record."""
        with self.database.write() as session:
            self._take_turns(session, actor)
            session.add(
                ConsentRow(
                    id=str(uuid4()),
                    actor_pseudonym=actor,
                    revision=_revision(session, actor) + 1,
                    at=self.now(),
                    purposes=list(consent.purposes),
                    version=consent.version,
                )
            )

    # --- within a transaction ---

    def _tell(self, session: Session, row: FeedbackRow) -> None:
        """That it was said, and of what: nothing that anybody wrote."""
        names = ("id", "domain", "trace_id", "signal", "value", "explicit", "supersedes")
        self._announce(session, "feedback.given", {name: getattr(row, name) for name in names})

    def _take_turns(self, session: Session, actor: str) -> None:
        """One person's writes come one after the other; on SQLite all writes do."""
        if not self.database.sqlite:
            session.execute(
                text("SELECT pg_advisory_xact_lock(:turns, hashtext(:actor))"),
                {"turns": TAKING_TURNS, "actor": actor},
            )

    def _within_limit(self, session: Session, actor: str, per_minute: int) -> None:
        made = session.scalar(
            select(func.count())
            .select_from(FeedbackRequestRow)
            .where(
                FeedbackRequestRow.actor_pseudonym == actor,
                FeedbackRequestRow.at > self.now() - MINUTE,
            )
        )
        if (made or 0) >= per_minute:
            raise RateLimited(
                f"More than {per_minute} verdicts in a minute are not taken.",
                hint="Wait a minute.",
            )

    def _last(self, session: Session, actor: str, subject: str) -> FeedbackRow | None:
        return session.scalar(
            select(FeedbackRow)
            .where(FeedbackRow.actor_pseudonym == actor, FeedbackRow.subject == subject)
            .order_by(FeedbackRow.revision.desc())
            .limit(1)
        )

    def _row(
        self, session: Session, actor: str, draft: Draft, last: FeedbackRow | None
    ) -> FeedbackRow:
        target, verdict = draft.target, draft.verdict
        if target.version is not None:
            version = session.get(VersionRow, (target.document_id, target.version))
            if version is not None:
                target = target.model_copy(update={"digest": version.content_hash})
        return FeedbackRow(
            **self._next(session, actor, last),
            trace_id=draft.trace_id,
            other_trace_id=target.other_trace_id or None,
            domain=draft.domain,
            subject=draft.subject,
            surface=draft.surface,
            rater=draft.rater,
            target=target.model_dump(mode="json"),
            signal=verdict.signal,
            explicit=verdict.explicit,
            value=verdict.value,
            reasons=list(verdict.reasons),
            comment=verdict.comment,
            correction=verdict.correction and verdict.correction.model_dump(mode="json"),
        )

    def _next(self, session: Session, actor: str, last: FeedbackRow | None) -> dict[str, Any]:
        """What every event says of its place in the chain and of the moment it is added."""
        return {
            "id": str(uuid4()),
            "actor_pseudonym": actor,
            "revision": 1 if last is None else last.revision + 1,
            "supersedes": None if last is None else last.id,
            "at": self.now(),
            "consent": consent_of(session, actor).model_dump(mode="json"),
            "schema_version": SCHEMA,
        }


def consent_of(session: Session, actor: str) -> Consent:
    row = session.scalar(
        select(ConsentRow)
        .where(ConsentRow.actor_pseudonym == actor)
        .order_by(ConsentRow.revision.desc())
        .limit(1)
    )
    if row is None:
        return Consent()
    return Consent(purposes=tuple(row.purposes), version=row.version)


def _revision(session: Session, actor: str) -> int:
    highest = select(func.max(ConsentRow.revision)).where(ConsentRow.actor_pseudonym == actor)
    return session.scalar(highest) or 0


_OF_THE_MOMENT = {
    "id", "actor_pseudonym", "revision", "supersedes", "at", "consent", "schema_version",
}  # fmt: skip


def _fields(row: FeedbackRow) -> dict[str, Any]:
    """What an event says, without its place in the chain and its moment."""
    names = {column.key for column in FeedbackRow.__table__.columns} - _OF_THE_MOMENT
    return {name: getattr(row, name) for name in names}


def _says(row: FeedbackRow, draft: Draft) -> bool:
    """Whether the event says what the draft would say again."""
    verdict = draft.verdict
    correction = verdict.correction and verdict.correction.model_dump(mode="json")
    return (row.trace_id, row.signal, row.value, row.reasons, row.comment, row.correction) == (
        draft.trace_id,
        verdict.signal,
        verdict.value,
        list(verdict.reasons),
        verdict.comment,
        correction,
    )


def _feedback(row: FeedbackRow, last: FeedbackRow | None) -> Feedback:
    """The event, knowing the last one on its target."""
    return Feedback.model_validate(
        {
            "id": row.id,
            "trace_id": row.trace_id,
            "at": row.at,
            "surface": row.surface,
            "rater": row.rater,
            "target": row.target,
            "signal": row.signal,
            "value": row.value,
            "reasons": row.reasons,
            "comment": row.comment,
            "correction": row.correction,
            "supersedes": row.supersedes,
            "effective": row.signal != RETRACT and last is not None and last.id == row.id,
            "consent": row.consent,
        }
    )
