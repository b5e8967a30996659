"""The ledger: which documents exist, who may read them, and which version of each is live.

An answer may use a chunk only if `admit` says so; a chunk becomes live only by `commit`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    String,
    bindparam,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Session

from rag.errors import Conflict, NotFound
from rag.store.database import Database, Guard
from rag.store.erasures import record
from rag.store.freshness import FreshnessTable
from rag.store.generations import Generations, lacks
from rag.store.groups import Groups
from rag.store.listing import listed
from rag.store.models import (
    DocumentRow,
    GenerationRow,
    PlacementRow,
    SourceRow,
    UploadRow,
    VersionRow,
    table_of,
)
from rag.store.placed import Described, described, readable_sources
from rag.store.placements import (
    PLACE,
    SHARED,
    Placements,
    document_id,
    new_document,
    place,
    withdraw,
)
from rag.store.sources import Sources
from rag.types import Change, Data, DocumentInfo, Principal, utc_now

BACKOFF_S = 60
LONGEST_S = 3 * 3600


# Written as its index is, or the database would not use that.
_SHARED = literal_column(f"substr(documents.id, 1, {SHARED})", String)
# Asked with every question, so it is put together once. An outer join, though what is not placed
# is of no use: it has the database begin with the few documents, not with all that are placed.
_ADMITTED = (
    select(DocumentRow.id, DocumentRow.readers, PlacementRow.version)
    .join(
        PlacementRow,
        (PlacementRow.generation_id == bindparam("generation"))
        & (PlacementRow.document_id == DocumentRow.id),
        isouter=True,
    )
    .where(DocumentRow.deleted_at.is_(None), _SHARED.in_(bindparam("shared", expanding=True)))
)
_DOCUMENTS = table_of(DocumentRow)
_READERS = select(_DOCUMENTS.c.id, _DOCUMENTS.c.readers).where(
    _DOCUMENTS.c.id.in_(bindparam("ids", expanding=True)),
    _DOCUMENTS.c.domain == bindparam("domain"),
    _DOCUMENTS.c.deleted_at.is_(None),
)


class Known(Data):
    """What the ledger knows of a document when a listing names it again."""

    document_id: str
    key: str
    revision: str
    content_hash: str
    readers: frozenset[str]
    state: str
    attempts: int
    due: bool
    deleted: bool
    erased: bool
    """and its key with it: it is known by its id"""
    held: bool

    def stays_erased(self, change: Change) -> bool:
        """Erased, and not to be read again: as it was, or before it is erased whole."""
        return self.erased and (self.revision == change.revision or self.key == change.key)


class StoredVersion(Data):
    document_id: str
    version: int
    content_hash: str
    text_hash: str
    title: str
    uri: str
    name: str
    media_type: str


class Ledger:
    """Repositories over one database. Every method but `delete` is one transaction."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self.database = database
        self.now = now
        self.sources = Sources(database, now)
        self.generations = Generations(database, now)
        self.placements = Placements(database, now)
        self.groups = Groups(database, now)
        self.freshness = FreshnessTable(database)

    def guarded(self, guard: Guard) -> Ledger:
        """The same ledger, where every write passes the guard first, within its transaction."""
        return Ledger(self.database.guarded(guard), self.now)

    # --- documents ---

    def known(self, source_id: str) -> dict[str, Known]:
        """Every document of a source by key, deleted ones included."""
        now = self.now()
        columns = (
            DocumentRow.id,
            DocumentRow.key,
            DocumentRow.revision,
            DocumentRow.content_hash,
            DocumentRow.readers,
            DocumentRow.state,
            DocumentRow.attempts,
            DocumentRow.next_attempt_at,
            DocumentRow.deleted_at,
            DocumentRow.erased_at,
            DocumentRow.held_at,
        )
        with self.database.read() as session:
            rows = session.execute(select(*columns).where(DocumentRow.source_id == source_id))
            return {
                key: Known.model_construct(
                    document_id=document_id,
                    key=key,
                    revision=revision,
                    content_hash=content_hash,
                    readers=frozenset(readers),
                    state=state,
                    attempts=attempts,
                    due=next_attempt is None or next_attempt <= now,
                    deleted=deleted is not None,
                    erased=erased is not None,
                    held=held is not None,
                )
                for (
                    document_id,
                    key,
                    revision,
                    content_hash,
                    readers,
                    state,
                    attempts,
                    next_attempt,
                    deleted,
                    erased,
                    held,
                ) in rows
            }

    def fail(
        self,
        source_id: str,
        domain: str,
        key: str,
        uri: str,
        *,
        state: Literal["rejected", "failed"],
        reason: str,
        message: str,
        revision: str,
        max_attempts: int,
    ) -> str:
        """Record why a document is not indexed; the version that was live goes on answering.

        Returns the state it ends in: a failed document past its attempts is a dead_letter.
        """
        with self.database.write() as session:
            now = self.now()
            row = session.get(DocumentRow, document_id(source_id, key))
            if row is None:
                row = DocumentRow(**new_document(source_id, domain, key, uri, now))
                session.add(row)
            # Other bytes are another chance: attempts count for one revision only.
            row.attempts = row.attempts + 1 if row.revision == revision else 1
            row.revision = revision
            final = "dead_letter" if state == "failed" and row.attempts >= max_attempts else state
            row.state, row.reason, row.message = final, reason, message
            row.warnings = []
            row.updated_at = now
            if row.deleted_at is not None:
                # It is back, unread; its versions from before stay closed to everyone.
                row.deleted_at, row.readers = None, []
                row.erased_at, row.key, row.uri = None, key, uri
            delay = timedelta(seconds=min(BACKOFF_S * 2 ** min(row.attempts - 1, 20), LONGEST_S))
            row.next_attempt_at = now + delay if final == "failed" else None
            return final

    def touch(self, document_id: str, revision: str) -> None:
        """The bytes are the same under a new revision."""
        with self.database.write() as session:
            session.execute(
                update(DocumentRow).where(DocumentRow.id == document_id).values(revision=revision)
            )

    def set_readers(self, document_ids: Sequence[str], readers: frozenset[str]) -> None:
        """Takes effect for the next question: every hit is checked against this."""
        with self.database.write() as session:
            for start in range(0, len(document_ids), 500):
                session.execute(
                    update(DocumentRow)
                    .where(DocumentRow.id.in_(document_ids[start : start + 500]))
                    .values(readers=sorted(readers), updated_at=self.now())
                )

    def delete(self, document_ids: Sequence[str]) -> None:
        """Gone for the next question, in every generation; the points are swept afterwards.

        Others may write between one transaction of it and the next; each document goes whole.
        """
        for start in range(0, len(document_ids), 500):
            batch = DocumentRow.id.in_(document_ids[start : start + 500])
            with self.database.write() as session:
                withdraw(session, batch, self.now())
                record(session, "document", document_ids[start : start + 500], self.now())

    def hold(self, document_ids: Sequence[str]) -> None:
        """These wait for an admin to believe their deletion, with those that wait already."""
        with self.database.write() as session:
            for start in range(0, len(document_ids), 500):
                session.execute(
                    update(DocumentRow)
                    .where(DocumentRow.id.in_(document_ids[start : start + 500]))
                    .values(held_at=self.now())
                )

    def keep(self, document_id: str) -> None:
        """It is there after all: its deletion waits for nobody."""
        with self.database.write() as session:
            session.execute(
                update(DocumentRow).where(DocumentRow.id == document_id).values(held_at=None)
            )

    def held(self, source_id: str) -> list[str]:
        """The documents of a source whose deletion is held."""
        return self._ids(source_id, DocumentRow.held_at.is_not(None))

    def retry(self, source_id: str, document_id: str | None = None) -> int:
        """Let the next sync try again what is not indexed, or one such document of the source.

        Raises NotFound where the source has no such document, Conflict where it did not fail.
        """
        chosen = [] if document_id is None else [DocumentRow.id == document_id]
        with self.database.write() as session:
            result = session.execute(
                update(DocumentRow)
                .where(
                    DocumentRow.source_id == source_id,
                    DocumentRow.deleted_at.is_(None),
                    DocumentRow.state.in_(("failed", "dead_letter", "rejected")),
                    *chosen,
                )
                .values(state="failed", attempts=0, next_attempt_at=self.now())
            )
            count = cast("CursorResult[Any]", result).rowcount
            if document_id is not None and not count:
                raise _not_failed(session, source_id, document_id)
            return count

    def live_versions(
        self, generation_id: str, *, lacking: str, source_id: str | None = None
    ) -> list[tuple[StoredVersion, frozenset[str], str]]:
        """Every version a generation answers from and another one does not, with its readers and
        source name: all, or of one source."""
        of = [] if source_id is None else [DocumentRow.source_id == source_id]
        with self.database.read() as session:
            rows = session.execute(
                select(VersionRow, DocumentRow.readers, SourceRow.name)
                .join(
                    PlacementRow,
                    (PlacementRow.document_id == VersionRow.document_id)
                    & (PlacementRow.version == VersionRow.version),
                )
                .join(DocumentRow, DocumentRow.id == VersionRow.document_id)
                .join(SourceRow, SourceRow.id == DocumentRow.source_id)
                .where(PlacementRow.generation_id == generation_id, *of, lacks(lacking))
            ).all()
            return [(_version(row), frozenset(readers), name) for row, readers, name in rows]

    def _ids(self, source_id: str, *conditions: ColumnElement[bool]) -> list[str]:
        with self.database.read() as session:
            return list(
                session.scalars(
                    select(DocumentRow.id).where(
                        DocumentRow.source_id == source_id,
                        DocumentRow.deleted_at.is_(None),
                        *conditions,
                    )
                )
            )

    def kept(self) -> list[tuple[StoredVersion, str]]:
        """Every version that a live generation answers from, with its source's name."""
        with self.database.read() as session:
            rows = session.execute(
                select(VersionRow, SourceRow.name)
                .join(
                    PlacementRow,
                    (PlacementRow.document_id == VersionRow.document_id)
                    & (PlacementRow.version == VersionRow.version),
                )
                .join(GenerationRow, GenerationRow.id == PlacementRow.generation_id)
                .join(DocumentRow, DocumentRow.id == VersionRow.document_id)
                .join(SourceRow, SourceRow.id == DocumentRow.source_id)
                .where(GenerationRow.state == "live")
                .order_by(VersionRow.uri)
            )
            return [(_version(row), name) for row, name in rows]

    def cited(self) -> set[str]:
        """The digest of every file that a version, which traces name, or an upload needs."""
        with self.database.read() as session:
            return cited(session)

    def spoiled(self, document_ids: Sequence[str], message: str) -> None:
        """What is kept of these documents is damaged: let the next sync read them again.

        The version that is live goes on answering.
        """
        with self.database.write() as session:
            for start in range(0, len(document_ids), 500):
                batch = DocumentRow.id.in_(document_ids[start : start + 500])
                session.execute(
                    update(DocumentRow)
                    .where(batch)
                    .values(
                        state="failed",
                        reason="kept_file_damaged",
                        message=message,
                        attempts=0,
                        next_attempt_at=self.now(),
                        updated_at=self.now(),
                    )
                )
                # A listing from a cursor on would not name them again.
                sources = select(DocumentRow.source_id).where(batch)
                session.execute(
                    update(SourceRow).where(SourceRow.id.in_(sources)).values(listed_at=None)
                )

    # --- reading ---

    def domain(self, document_id: str) -> str:
        """The domain that a document belongs to. Raises NotFound."""
        with self.database.read() as session:
            row = session.get(DocumentRow, document_id)
            if row is None:
                raise NotFound("No such document version.")
            return row.domain

    def admit(self, generation_id: str, principal: Principal, chunk_ids: Iterable[str]) -> set[str]:
        """Those chunks that are of a live version which the principal may read now."""
        readers, wanted = principal.readers, set(chunk_ids)
        asked = {"generation": generation_id, "shared": list({one[:SHARED] for one in wanted})}
        live: dict[str, bool] = {}
        with self.database.read() as session:
            for document, allowed, version in session.connection().execute(_ADMITTED, asked):
                if version is None:
                    continue
                at = place(document, version)
                # Were two documents to share a place, one's readers would not open the other.
                live[at] = live.get(at, True) and not readers.isdisjoint(allowed)
        return {one for one in wanted if live.get(one[:PLACE])}

    def texts(self, versions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
        """The digest of the parsed text of each (document, version). Checks no permission."""
        wanted = set(versions)
        statement = select(VersionRow.document_id, VersionRow.version, VersionRow.text_hash).where(
            VersionRow.document_id.in_({document_id for document_id, _ in wanted})
        )
        with self.database.read() as session:
            return {
                (document_id, version): digest
                for document_id, version, digest in session.execute(statement)
                if (document_id, version) in wanted
            }

    def readable(self, principal: Principal, domain: str, document_ids: Iterable[str]) -> set[str]:
        """Those of a domain's documents that exist and that the principal may read now."""
        may = principal.readers
        of = {"ids": sorted(set(document_ids)), "domain": domain}
        with self.database.read() as session:
            found = session.execute(_READERS, of)
            return {document_id for document_id, readers in found if not may.isdisjoint(readers)}

    def version(self, principal: Principal, document_id: str, version: int) -> StoredVersion:
        """A kept version of a document that exists and that the principal may read, or NotFound."""
        with self.database.read() as session:
            document = session.get(DocumentRow, document_id)
            row = session.get(VersionRow, (document_id, version))
            if (
                row is None
                or document is None
                or document.deleted_at is not None
                or principal.readers.isdisjoint(document.readers)
            ):
                raise NotFound("No such document version.")
            return _version(row)

    def described(self, document_id: str, version: int) -> Described:
        """A version with its source and what became of it since. Raises NotFound."""
        live = self.generations.live(self.domain(document_id))
        with self.database.read() as session:
            found = described(session, document_id, version, live.id if live else "")
        if found is None:
            raise NotFound("No such document version.")
        return found

    def readable_sources(self, domain: str, principal: Principal) -> list[str]:
        """The sources with a document that the principal may read, by name."""
        with self.database.read() as session:
            return readable_sources(session, domain, principal)

    def documents(
        self,
        domain: str,
        principal: Principal,
        *,
        failed: bool = False,
        held: bool = False,
        source: str | None = None,
        search: str = "",
        limit: int | None = None,
        after: str | None = None,
    ) -> list[DocumentInfo]:
        """The documents a principal may read, by source and address; only those not indexed, or
        whose deletion is held; of one source, by name or id; with `search` in title or address.

        `after` is the id of the last one that was listed before. Raises InvalidInput if there was
        no such document in the domain.
        """
        live = self.generations.live(domain)
        with self.database.read() as session:
            return listed(
                session,
                domain,
                live.id if live else "",
                principal,
                failed=failed,
                held=held,
                source=source,
                search=search,
                limit=limit,
                after=after,
            )


def cited(reading: Session | Connection) -> set[str]:
    """The digest of every kept file that something in the database needs."""
    return {
        digest
        for column in (VersionRow.content_hash, VersionRow.text_hash, UploadRow.digest)
        for digest in reading.scalars(select(column).distinct())
    }


def _not_failed(session: Session, source_id: str, document_id: str) -> NotFound | Conflict:
    """Why there is nothing to try again of one document."""
    row = session.get(DocumentRow, document_id)
    if row is None or row.source_id != source_id or row.deleted_at is not None:
        return NotFound(
            f"The source has no document '{document_id}'.",
            hint="The ids of those that failed: rag documents --failed.",
        )
    return Conflict(
        f"The document '{document_id}' did not fail: it is {row.state}.",
        hint="Only what failed is tried again; a sync reads whatever changed.",
    )


def _version(row: VersionRow) -> StoredVersion:
    return StoredVersion(
        document_id=row.document_id,
        version=row.version,
        content_hash=row.content_hash,
        text_hash=row.text_hash,
        title=row.title,
        uri=row.uri,
        name=row.name,
        media_type=row.media_type,
    )
