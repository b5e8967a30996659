"""Feedback: events that are only ever added, the requests that brought them, and consents.

The events of one person on one target form a chain, each naming the one before; the last is in
effect unless it takes back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import BindParameter, bindparam, func, insert, or_, select, text
from sqlalchemy.orm import Session

from rag.errors import Conflict, NotFound, RateLimited
from rag.feedback import Consent, Feedback, Rated, Verdict
from rag.store.database import Announce, Columns, Database, announce_nothing, fetched, fetched_all
from rag.store.flags import flag
from rag.store.models import ConsentRow, FeedbackRequestRow, FeedbackRow, VersionRow, table_of
from rag.store.units import cluster_of, unit_of
from rag.types import Data

TAKING_TURNS = 0x7A7C4E72
RETRACT = "retract"
SCHEMA = 1
MINUTE = timedelta(seconds=60)

# Made once and run on plain tables: most of what a verdict costs would be making them each time.
_EVENTS, _REQUESTS = table_of(FeedbackRow), table_of(FeedbackRequestRow)
_CONSENTS, _VERSIONS = table_of(ConsentRow), table_of(VersionRow)
_ACTOR: BindParameter[str] = bindparam("actor")
_TRACE: BindParameter[str] = bindparam("trace_id")
_EVENT = select(_EVENTS).where(_EVENTS.c.id == bindparam("id"))
_LAST = (
    select(_EVENTS)
    .where(_EVENTS.c.actor_pseudonym == _ACTOR, _EVENTS.c.subject == bindparam("subject"))
    .order_by(_EVENTS.c.revision.desc())
    .limit(1)
)
_ALL = (
    select(_EVENTS)
    .where(
        _EVENTS.c.actor_pseudonym == _ACTOR,
        or_(_EVENTS.c.trace_id == _TRACE, _EVENTS.c.other_trace_id == _TRACE),
    )
    .order_by(_EVENTS.c.subject, _EVENTS.c.revision)
)
_REQUEST = select(_REQUESTS).where(
    _REQUESTS.c.actor_pseudonym == _ACTOR, _REQUESTS.c.key == bindparam("key")
)
_REQUESTS_SINCE = (
    select(func.count())
    .select_from(_REQUESTS)
    .where(_REQUESTS.c.actor_pseudonym == _ACTOR, _REQUESTS.c.at > bindparam("since"))
)
_CONSENT = (
    select(_CONSENTS.c.purposes, _CONSENTS.c.version)
    .where(_CONSENTS.c.actor_pseudonym == _ACTOR)
    .order_by(_CONSENTS.c.revision.desc())
    .limit(1)
)
_DIGEST = select(_VERSIONS.c.content_hash).where(
    _VERSIONS.c.document_id == bindparam("document"), _VERSIONS.c.version == bindparam("version")
)
_ADD, _ADD_REQUEST = insert(_EVENTS), insert(_REQUESTS)


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
            known = fetched(session, _REQUEST, actor=actor, key=key) if key else None
            if known is not None:
                if known["digest"] != digest:
                    raise Conflict(
                        "This idempotency key came with another verdict before.",
                        hint="Use a new key for every verdict.",
                    )
                row = fetched(session, _EVENT, id=known["feedback_id"])
                assert row is not None
                return _feedback(row, _last(session, actor, row["subject"]))
            self._within_limit(session, actor, per_minute)
            last = _last(session, actor, draft.subject)
            row = last if last is not None and _says(last, draft) else None
            if row is None:
                row = self._row(session, actor, draft, last)
                cluster = cluster_of(session, draft.trace_id)
                row["unit"] = unit_of(session, row, cluster) if row["explicit"] else None
                session.execute(_ADD, row)
                self._tell(session, row)
                if row["explicit"]:
                    flag(session, row, cluster)
            request = {
                "actor_pseudonym": actor,
                "key": key or str(uuid4()),
                "digest": digest,
                "feedback_id": row["id"],
                "at": self.now(),
            }
            session.execute(_ADD_REQUEST, request)
            return _feedback(row, row)

    def retract(self, actor: str, trace_id: str, feedback_id: str) -> Feedback:
        """Take a verdict back; one that was taken back stays so.

        Raises NotFound for what is not the actor's, Conflict for what another one replaced.
        """
        with self.database.write() as session:
            self._take_turns(session, actor)
            row = fetched(session, _EVENT, id=feedback_id)
            if (
                row is None
                or row["actor_pseudonym"] != actor
                or trace_id not in (row["trace_id"], row["other_trace_id"])
            ):
                raise NotFound(f"There is no feedback '{feedback_id}' of yours on this trace.")
            last = _last(session, actor, row["subject"])
            assert last is not None
            gone = last["signal"] == RETRACT
            if gone and feedback_id in (last["id"], last["supersedes"]):
                return _feedback(last, last)
            if last["id"] != feedback_id:
                raise Conflict(
                    "A later verdict on the same target replaced this one.",
                    hint="It was taken back since."
                    if gone
                    else f"Take back '{last['id']}' instead.",
                )
            taken = {**last, **self._next(session, actor, last), **_NOTHING}
            session.execute(_ADD, taken)
            self._tell(session, taken)
            return _feedback(taken, taken)

    def list(self, actor: str, trace_id: str) -> list[Feedback]:
        """Every event of the actor on a trace, or on a pair it is in; by target, in order."""
        with self.database.read() as session:
            rows = fetched_all(session, _ALL, actor=actor, trace_id=trace_id)
        last = {row["subject"]: row for row in rows}
        return [_feedback(row, last[row["subject"]]) for row in rows]

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

    def _tell(self, session: Session, row: Columns) -> None:
        """That it was said, and of what: nothing that anybody wrote."""
        names = ("id", "domain", "trace_id", "signal", "value", "explicit", "supersedes")
        self._announce(session, "feedback.given", {name: row[name] for name in names})

    def _take_turns(self, session: Session, actor: str) -> None:
        """One person's writes come one after the other; on SQLite all writes do."""
        if not self.database.sqlite:
            session.execute(
                text("SELECT pg_advisory_xact_lock(:turns, hashtext(:actor))"),
                {"turns": TAKING_TURNS, "actor": actor},
            )

    def _within_limit(self, session: Session, actor: str, per_minute: int) -> None:
        made = session.scalar(_REQUESTS_SINCE, {"actor": actor, "since": self.now() - MINUTE})
        if (made or 0) >= per_minute:
            raise RateLimited(
                f"More than {per_minute} verdicts in a minute are not taken.",
                hint="Wait a minute.",
            )

    def _row(
        self, session: Session, actor: str, draft: Draft, last: Columns | None
    ) -> dict[str, Any]:
        target, verdict = draft.target, draft.verdict
        if target.version is not None:
            of = {"document": target.document_id, "version": target.version}
            target = target.model_copy(update={"digest": session.scalar(_DIGEST, of) or ""})
        return {
            **self._next(session, actor, last),
            "trace_id": draft.trace_id,
            "other_trace_id": target.other_trace_id or None,
            "domain": draft.domain,
            "subject": draft.subject,
            "surface": draft.surface,
            "rater": draft.rater,
            "target": target.model_dump(mode="json"),
            "signal": verdict.signal,
            "explicit": verdict.explicit,
            **_said(verdict),
        }

    def _next(self, session: Session, actor: str, last: Columns | None) -> dict[str, Any]:
        """What every event says of its place in the chain and of the moment it is added."""
        return {
            "id": str(uuid4()),
            "actor_pseudonym": actor,
            "revision": 1 if last is None else last["revision"] + 1,
            "supersedes": None if last is None else last["id"],
            "at": self.now(),
            "consent": consent_of(session, actor).model_dump(mode="json"),
            "schema_version": SCHEMA,
            "review": "raw",
        }


def consent_of(session: Session, actor: str) -> Consent:
    row = fetched(session, _CONSENT, actor=actor)
    return Consent.model_validate(row) if row else Consent()


def _revision(session: Session, actor: str) -> int:
    highest = select(func.max(ConsentRow.revision)).where(ConsentRow.actor_pseudonym == actor)
    return session.scalar(highest) or 0


def _last(session: Session, actor: str, subject: str) -> Columns | None:
    return fetched(session, _LAST, actor=actor, subject=subject)


_NOTHING: Columns = {
    "signal": RETRACT,
    "value": None,
    "reasons": [],
    "comment": "",
    "correction": None,
}
"""What an event says that takes back."""


def _said(verdict: Verdict) -> dict[str, Any]:
    """What a verdict says of its target."""
    return {
        "value": verdict.value,
        "reasons": list(verdict.reasons),
        "comment": verdict.comment,
        "correction": verdict.correction and verdict.correction.model_dump(mode="json"),
    }


def _says(row: Columns, draft: Draft) -> bool:
    """Whether the event says what the draft would say again."""
    said = {"trace_id": draft.trace_id, "signal": draft.verdict.signal, **_said(draft.verdict)}
    return all(row[name] == value for name, value in said.items())


_SHOWN = Feedback.model_fields.keys() - {"effective"}


def _feedback(row: Columns, last: Columns | None) -> Feedback:
    """The event, knowing the last one on its target."""
    effective = row["signal"] != RETRACT and last is not None and last["id"] == row["id"]
    return Feedback.model_validate({**{name: row[name] for name in _SHOWN}, "effective": effective})
