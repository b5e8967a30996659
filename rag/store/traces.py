"""Traces: everything that made an answer, written once and read only by whom it concerns."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from rag.errors import NotFound
from rag.store.database import Database, fetched
from rag.store.erasures import erased_since
from rag.store.feedback import consent_of
from rag.store.models import (
    ConsentRow,
    ConversationRow,
    DocumentRow,
    FeedbackRequestRow,
    FeedbackRow,
    TraceRow,
    table_of,
)
from rag.store.questions import Questions
from rag.store.redacting import REMOVED, named, redacted, sources
from rag.store.spending import NOBODY, add, spends
from rag.types import Principal, Role

KEY_NAME = "pseudonym.key"
_TRACES = table_of(TraceRow)
_TRACE = select(_TRACES).where(_TRACES.c.id == bindparam("id"))
_DOMAIN = select(_TRACES.c.domain).where(_TRACES.c.id == bindparam("id"))


class Answered(NamedTuple):
    """An answer of before: its trace, and the documents that it may tell of."""

    trace_id: str
    sources: frozenset[str]


class Traces:
    """Keeps traces; people appear under a pseudonym that only this data folder can recompute."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self._key = _load_key(folder / KEY_NAME)
        self.questions = Questions(database)

    def pseudonym(self, principal: Principal) -> str:
        return hmac.new(self._key, principal.id.encode(), hashlib.sha256).hexdigest()[:32]

    def sealed(self, text: str) -> str:
        """Equal for equal text, and nobody without the key can try what it is made of."""
        return hmac.new(self._key, f"sealed {text}".encode(), hashlib.sha256).hexdigest()[:32]

    def save(
        self,
        fields: Mapping[str, Any],
        conversation: str | None = None,
        api_key: str = "",
        vector: Sequence[float] = (),
        embedder: str = "",
    ) -> None:
        """Durable when it returns, with what it cost. `fields` are the columns of a trace; `vector`
        is that of the question as it stands alone, and tells its cluster; `embedder` made it, or
        that which searched where none is named.

        The consent, if it is not among them, is what the person agreed to last. Of an answer in a
        `conversation` that was deleted meanwhile, or to a person who was erased, only the cost is
        kept.
        """
        begun = fields["ts"] - timedelta(milliseconds=fields["latency_ms"])
        with self.database.write() as session:
            if erased_since(session, fields["actor_pseudonym"], begun):
                # Erased while this was being answered.
                add(session, {**fields, "principal_id": NOBODY})
                return
            add(session, fields, api_key)
            if conversation is not None and not _kept(session, conversation):
                return
            fields = _without_erased(session, fields)
            consent = consent_of(session, fields["actor_pseudonym"]).model_dump(mode="json")
            session.add(TraceRow(**{"consent": consent, **fields}))
            if vector:
                session.flush()
                self.questions.assign(
                    session,
                    trace_id=fields["id"],
                    domain=fields["domain"],
                    embedder=embedder or fields["embedder_rev"],
                    question=fields["query_standalone"],
                    vector=vector,
                    at=fields["ts"],
                )

    def count(self, fields: Mapping[str, Any], api_key: str = "") -> None:
        """Only what it cost, if anything."""
        if spends(fields):
            with self.database.write() as session:
                add(session, fields, api_key)

    def hand_over(self, before: str, after: Principal) -> None:
        """What one person, the single user, asked, rated and talked of is another's from now on."""
        with self.database.write() as session:
            session.execute(
                update(TraceRow)
                .where(TraceRow.principal_id == before)
                .values(principal_id=after.id, actor_pseudonym=self.pseudonym(after))
            )
            session.execute(
                update(ConversationRow)
                .where(ConversationRow.owner == before)
                .values(owner=after.id)
            )
            was = self.pseudonym(Principal(id=before))
            for table in (FeedbackRow, FeedbackRequestRow, ConsentRow):
                session.execute(
                    update(table)
                    .where(table.actor_pseudonym == was)
                    .values(actor_pseudonym=self.pseudonym(after))
                )

    def domain(self, trace_id: str) -> str:
        """The domain that was asked. Raises NotFound."""
        with self.database.read() as session:
            domain = session.scalar(_DOMAIN, {"id": trace_id})
        if domain is None:
            raise NotFound(f"There is no trace '{trace_id}'.")
        return domain

    def get(self, principal: Principal, trace_id: str) -> dict[str, Any]:
        """A trace of the principal's own, or any for the data and admin roles; else NotFound.

        As it was written: what may no longer be read is the caller's to take out.
        """
        with self.database.read() as session:
            found = fetched(session, _TRACE, id=trace_id)
        if found is None or (
            found["principal_id"] != principal.id
            and principal.roles.isdisjoint({Role.DATA, Role.ADMIN})
        ):
            raise NotFound(f"There is no trace '{trace_id}'.")
        return dict(found)

    def some(self, trace_ids: Collection[str]) -> list[dict[str, Any]]:
        """Those of the traces that are kept, whoever asked.

        As they were written: who may see them, and what of them, is the caller's to decide.
        """
        statement = select(TraceRow).where(TraceRow.id.in_(trace_ids))
        with self.database.read() as session:
            return [_fields(row) for row in session.scalars(statement)]

    def answered(
        self, principal_id: str, domain: str, texts: Collection[str]
    ) -> dict[str, Answered]:
        """Which of the texts a person was answered in a domain, each as it was the last time."""
        by_hash = {text_hash(text): text for text in texts}
        statement = (
            select(TraceRow)
            .where(
                TraceRow.principal_id == principal_id,
                TraceRow.domain == domain,
                TraceRow.answer_sha.in_(by_hash),
            )
            .order_by(TraceRow.ts)
        )
        with self.database.read() as session:
            return {
                by_hash[row.answer_sha]: Answered(row.id, frozenset(sources(_fields(row))))
                for row in session.scalars(statement)
            }

    def written(self, cache_key: str, since: datetime) -> dict[str, Any] | None:
        """The last whole answer under this key that was made since then, if one is kept."""
        statement = (
            select(TraceRow)
            .where(TraceRow.cache_key == cache_key, TraceRow.ts >= since)
            .where(TraceRow.answer != REMOVED)
            .order_by(TraceRow.ts.desc(), TraceRow.id)
            .limit(1)
        )
        with self.database.read() as session:
            row = session.scalar(statement)
            return _fields(row) if row else None


def _without_erased(session: Session, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The trace without what was erased while the answer was made of it."""
    of = named(fields)
    erased = session.scalars(
        select(DocumentRow.id).where(DocumentRow.id.in_(of), DocumentRow.erased_at.is_not(None))
    ).all()
    return redacted(fields, of - {*erased}) if erased else fields


def _kept(session: Session, conversation_id: str) -> bool:
    """Whether a conversation is there, and will be until this transaction ends."""
    lock = {"read": True}
    return session.get(ConversationRow, conversation_id, with_for_update=lock) is not None


def _fields(row: TraceRow) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in TraceRow.__table__.columns}


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def acl_hash(principal: Principal) -> str:
    """Equal for people who may read the same; nothing learned crosses it."""
    return hashlib.sha256("\n".join(sorted(principal.readers)).encode()).hexdigest()


def _load_key(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    key = os.urandom(32)
    with os.fdopen(handle, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key
