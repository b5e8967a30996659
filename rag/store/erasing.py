"""Erasing a document: what is kept of it, and what was made of it for people.

First it is marked, in one transaction: no question finds it, no answer that is being made keeps a
word of it. What follows may be cut off anywhere and is gone on with by `finish`, whoever calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, delete, or_, select, update
from sqlalchemy.orm import Session

from rag.errors import NotFound
from rag.store import compacting
from rag.store.blobs import Blobs
from rag.store.database import Database
from rag.store.erasures import record, upload_target
from rag.store.ledger import cited
from rag.store.models import DocumentRow, FeedbackRow, TraceRow, UploadRow, VersionRow
from rag.store.placements import SHARED, withdraw
from rag.store.redacting import REMOVED, named, redacted
from rag.types import Data

AT_ONCE = 20
"""Documents that are looked for together."""
PAGE = 100


class Erased(Data):
    """How much was erased."""

    documents: int = 0
    files: int = 0
    traces: int = 0
    """Answers from which words of the documents were taken, or which were taken back whole."""
    verdicts: int = 0
    """Of these, what people had written beside them."""
    remark: str = ""
    """What is left to do."""

    def __add__(self, other: Erased) -> Erased:
        return Erased(
            documents=self.documents + other.documents,
            files=self.files + other.files,
            traces=self.traces + other.traces,
            verdicts=self.verdicts + other.verdicts,
            remark=self.remark or other.remark,
        )


class Contents:
    """Erases documents of one database and the files that are kept of them."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        now: Callable[[], datetime],
        *,
        alone: bool = False,
    ) -> None:
        """`alone`: nobody keeps files meanwhile, which might be the same ones."""
        self.database = database
        self._alone = alone
        self._blobs = blobs
        self.now = now

    def source(self, document_id: str, domain: str) -> str:
        """Of a document that is there or was deleted. Raises NotFound, also for an erased one."""
        with self.database.read() as session:
            row = session.get(DocumentRow, document_id)
            if row is None or row.domain != domain or row.erased_at is not None:
                raise NotFound(f"There is no document '{document_id}'.", hint="See: rag documents.")
            return row.source_id

    def mark(self, document_ids: Sequence[str]) -> None:
        """These answer nothing from now on, and are to be erased."""
        now = self.now()
        with self.database.write() as session:
            mark(session, document_ids, now)
            record(session, "contents", document_ids, now)
            rows = session.scalars(select(DocumentRow).where(DocumentRow.id.in_(document_ids)))
            uploads = [
                upload_target(row.source_id, row.key)
                for row in rows.all()
                if _upload(session, row) is not None
            ]
            record(session, "upload", uploads, now)

    def finish(self) -> Erased:
        """Erase what is marked, and what somebody began and did not end."""
        done = Erased()
        while ids := self._marked():
            done += self._erase(ids)
        return done

    def _marked(self) -> list[str]:
        """The next ones of which something is kept; an erased one has no key but its id."""
        statement = select(DocumentRow.id).where(
            DocumentRow.erased_at.is_not(None), DocumentRow.key != DocumentRow.id
        )
        with self.database.read() as session:
            return list(session.scalars(statement.order_by(DocumentRow.id).limit(AT_ONCE)))

    def _erase(self, ids: Sequence[str]) -> Erased:
        traces = verdicts = 0
        for person, domain, since in self._told(ids):
            with self.database.write() as session:
                spoiled, changed = _redact(session, set(ids), person, domain, since)
                verdicts += _unsay(session, _of_traces(spoiled))
            traces += changed
        with self.database.write() as session:
            verdicts += _unsay(session, _of_documents(ids))
            files = _forget(session, ids)
            compacting.mark(session)
            kept = cited(session)
        unneeded = {
            digest: self.now() if self._alone else at
            for digest, at in files.items()
            if digest not in kept
        }
        deleted = self._blobs.forget(unneeded)
        return Erased(documents=len(ids), files=deleted, traces=traces, verdicts=verdicts)

    def _told(self, ids: Sequence[str]) -> list[tuple[str, str, datetime]]:
        """Who was told something of the documents, in which domain, and when first."""
        told = (TraceRow.hits, TraceRow.told)
        found = [cast(column, Text).contains(one) for column in told for one in ids]
        first: dict[tuple[str, str], datetime] = {}
        with self.database.read() as session:
            rows = session.execute(
                select(TraceRow.principal_id, TraceRow.domain, TraceRow.ts).where(or_(*found))
            )
            for person, domain, at in rows:
                first[person, domain] = min(at, first.get((person, domain), at))
        return [(person, domain, at) for (person, domain), at in sorted(first.items())]


def mark(session: Session, document_ids: Sequence[str], now: datetime) -> None:
    """Close these to every answer and let them be erased, within the caller's transaction."""
    of = DocumentRow.id.in_(document_ids)
    withdraw(session, of, now)
    session.execute(update(DocumentRow).where(of).values(erased_at=now))


def _upload(session: Session, row: DocumentRow) -> UploadRow | None:
    """What the document was read from, unless it is another that was uploaded since."""
    found = session.get(UploadRow, (row.source_id, row.key))
    late = found is not None and row.deleted_at is not None and found.uploaded_at > row.deleted_at
    return None if late else found


def _redact(
    session: Session, ids: set[str], person: str, domain: str, since: datetime
) -> tuple[list[str], int]:
    """Take the documents out of one person's answers, and out of later ones that were told these.

    Returns the answers that were taken back whole, and how many changed.
    """
    spoiled: list[str] = []
    changed = 0
    for row in _later(session, person, domain, since):
        before = {column.key: getattr(row, column.key) for column in TraceRow.__table__.columns}
        # Traces of old do not say what they had been told; they are not shown either.
        unknown = row.told is None and "assistant" in {one["role"] for one in row.rendered_messages}
        if named(before).isdisjoint(ids) and not unknown:
            continue
        after = redacted(before, named(before) - ids)
        if after["answer"] == REMOVED != row.answer:
            spoiled.append(row.id)
        for name, value in after.items():
            if value != before[name]:
                setattr(row, name, value)
        changed += 1
    return spoiled, changed


def _later(session: Session, person: str, domain: str, since: datetime) -> Iterator[TraceRow]:
    """A person's traces of a domain from a time on, in order, a few at once."""
    ids = session.scalars(
        select(TraceRow.id)
        .where(TraceRow.principal_id == person, TraceRow.domain == domain, TraceRow.ts >= since)
        .order_by(TraceRow.ts, TraceRow.id)
    ).all()
    for start in range(0, len(ids), PAGE):
        some = ids[start : start + PAGE]
        rows = {row.id: row for row in session.scalars(_among(some))}
        yield from (rows[one] for one in some)
        session.flush()
        session.expunge_all()


def _among(ids: Sequence[str]) -> Any:
    return select(TraceRow).where(TraceRow.id.in_(ids))


def _of_traces(ids: Sequence[str]) -> ColumnElement[bool]:
    return or_(FeedbackRow.trace_id.in_(ids), FeedbackRow.other_trace_id.in_(ids))


def _of_documents(ids: Sequence[str]) -> ColumnElement[bool]:
    """Verdicts on the documents, or that say that a passage of them bears something out."""
    return or_(
        *(
            cast(column, Text).contains(one[:SHARED])
            for column in (FeedbackRow.target, FeedbackRow.correction)
            for one in ids
        )
    )


def _unsay(session: Session, which: ColumnElement[bool]) -> int:
    """Take what people wrote from verdicts, as it may quote what they read; these themselves stay.

    Returns how many had something.
    """
    count = 0
    for row in session.scalars(select(FeedbackRow).where(which)).all():
        target = {**row.target, "digest": ""}
        if (row.comment, row.correction, row.target) != ("", None, target):
            row.comment, row.correction, row.target = "", None, target
            count += 1
    return count


def _forget(session: Session, ids: Sequence[str]) -> Mapping[str, datetime]:
    """Forget versions, uploads and names. Returns their files, with when each was kept last."""
    files: dict[str, datetime] = {}

    def needed(digest: str, at: datetime) -> None:
        files[digest] = max(at, files.get(digest, at))

    for version in session.scalars(select(VersionRow).where(VersionRow.document_id.in_(ids))):
        needed(version.content_hash, version.created_at)
        needed(version.text_hash, version.created_at)
    session.execute(delete(VersionRow).where(VersionRow.document_id.in_(ids)))
    for row in session.scalars(select(DocumentRow).where(DocumentRow.id.in_(ids))).all():
        upload = _upload(session, row)
        if upload is not None:
            needed(upload.digest, upload.uploaded_at)
            session.delete(upload)
        # The revision stays: as long as it is that one, it is not read again.
        row.key, row.uri, row.title, row.content_hash = row.id, "", "", ""
        row.message, row.reason, row.warnings, row.readers = "", "", [], []
    return files
