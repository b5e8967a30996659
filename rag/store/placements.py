"""Which version of each document a generation holds, and what an index may hold without being live.

Whatever is about to be written into an index is listed here as an orphan first, so a crash at any
point leaves nothing that the next sync would not find and remove.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, CursorResult, delete, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from rag.store.database import Database
from rag.store.models import DocumentRow, OrphanRow, PlacementRow, SourceRow, VersionRow
from rag.types import Data

NAMESPACE = UUID("5b0f6f0e-1c1c-4a53-9f0e-8a6f4f2f7c11")
SHARED = 23
"""Characters that the id of a document shares with those of its chunks."""
PLACE = SHARED + 7
"""Characters of a chunk's id that name its place."""


class NewVersion(Data):
    """A parsed version about to be placed."""

    document_id: str
    version: int
    key: str
    uri: str
    name: str
    revision: str
    readers: frozenset[str]
    content_hash: str
    text_hash: str
    title: str
    media_type: str
    language: str
    warnings: tuple[str, ...]
    modified_at: datetime | None
    chunks: int


class Orphan(Data):
    generation_id: str
    document_id: str
    version: int


class Placements:
    """Every method is one transaction, of a few statements however many documents it is given."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def reserve(
        self, generation_id: str, source_id: str, domain: str, keys: Sequence[tuple[str, str]]
    ) -> dict[str, tuple[str, int]]:
        """Document id and next version for each (key, uri), listed as orphans until committed."""
        ids = {key: document_id(source_id, key) for key, _ in keys}
        with self.database.write() as session:
            latest = dict(
                session.execute(
                    select(DocumentRow.id, DocumentRow.reserved).where(
                        DocumentRow.id.in_(ids.values())
                    )
                )
                .tuples()
                .all()
            )
            reserved = {
                key: (identity, latest.get(identity, 0) + 1) for key, identity in ids.items()
            }
            fresh = [
                new_document(source_id, domain, key, uri, self.now()) | {"reserved": 1}
                for key, uri in keys
                if ids[key] not in latest
            ]
            again = [
                {"id": identity, "reserved": version}
                for identity, version in reserved.values()
                if identity in latest
            ]
            if fresh:
                session.execute(insert(DocumentRow), fresh)
            if again:
                session.execute(update(DocumentRow), again)
            session.execute(
                insert(OrphanRow),
                [
                    {"generation_id": generation_id, "document_id": identity, "version": version}
                    for identity, version in reserved.values()
                ],
            )
        return reserved

    def commit(self, generation_id: str, versions: Sequence[NewVersion]) -> list[Orphan]:
        """Make counted versions live; returns those whose place they took, orphans from now on."""
        now = self.now()
        with self.database.write() as session:
            before = self._placed(session, generation_id, [new.document_id for new in versions])
            self._close_elsewhere(session, generation_id, versions)
            session.execute(insert(VersionRow), [_version_values(new, now) for new in versions])
            placements = [
                {
                    "generation_id": generation_id,
                    "document_id": new.document_id,
                    "version": new.version,
                    "chunks": new.chunks,
                    "committed_at": now,
                }
                for new in versions
            ]
            added = [one for one in placements if one["document_id"] not in before]
            moved = [one for one in placements if one["document_id"] in before]
            if added:
                session.execute(insert(PlacementRow), added)
            if moved:
                session.execute(update(PlacementRow), moved)
            session.execute(update(DocumentRow), [_live_values(new, now) for new in versions])
            self._settled(session, generation_id, [(n.document_id, n.version) for n in versions])
            replaced = [
                Orphan(generation_id=generation_id, document_id=identity, version=version)
                for identity, version in before.items()
            ]
            _list_orphans(session, replaced)
        return replaced

    def place_existing(
        self, generation_id: str, placements: Iterable[tuple[str, int, int]]
    ) -> None:
        """Place (document, version, chunks) that exist already in another generation."""
        with self.database.write() as session:
            for identity, version, chunks in placements:
                if session.get_one(DocumentRow, identity).deleted_at is not None:
                    continue
                before = session.get(PlacementRow, (generation_id, identity))
                if before is not None and before.version != version:
                    replaced = Orphan(
                        generation_id=generation_id, document_id=identity, version=before.version
                    )
                    _list_orphans(session, [replaced])
                session.merge(
                    PlacementRow(
                        generation_id=generation_id,
                        document_id=identity,
                        version=version,
                        chunks=chunks,
                        committed_at=self.now(),
                    )
                )
                self._settled(session, generation_id, [(identity, version)])

    def chunks(self, generation_id: str, document_id: str, version: int) -> int:
        """How many chunks a generation holds of a version; none unless it is the live one."""
        with self.database.read() as session:
            found = session.get(PlacementRow, (generation_id, document_id))
            return found.chunks if found is not None and found.version == version else 0

    def mark_orphans(self, orphans: Iterable[Orphan]) -> None:
        """What an index may hold of these is swept, unless it is live.

        Anyone may say so, also a worker whose run was taken over while it wrote.
        """
        with self.database.write(guarded=False) as session:
            _list_orphans(session, orphans)

    def orphans(self, source_id: str | None = None) -> list[Orphan]:
        """What is listed and not live: all, or of one source and of those that were removed."""
        statement = (
            select(OrphanRow)
            .outerjoin(
                PlacementRow,
                (PlacementRow.generation_id == OrphanRow.generation_id)
                & (PlacementRow.document_id == OrphanRow.document_id)
                & (PlacementRow.version == OrphanRow.version),
            )
            .where(PlacementRow.version.is_(None))
        )
        if source_id is not None:
            statement = (
                statement.join(DocumentRow, DocumentRow.id == OrphanRow.document_id)
                .join(SourceRow, SourceRow.id == DocumentRow.source_id)
                .where((SourceRow.id == source_id) | SourceRow.removed_at.is_not(None))
            )
        # As a write: what was read while the run was still ours names nothing of who took over.
        with self.database.write() as session:
            rows = session.scalars(statement)
            return [
                Orphan(
                    generation_id=row.generation_id,
                    document_id=row.document_id,
                    version=row.version,
                )
                for row in rows
            ]

    def swept(self, orphans: Sequence[Orphan]) -> None:
        """The index holds these no longer."""
        with self.database.write() as session:
            for generation_id in {orphan.generation_id for orphan in orphans}:
                mine = [o for o in orphans if o.generation_id == generation_id]
                self._settled(session, generation_id, [(o.document_id, o.version) for o in mine])

    def _placed(self, session: Session, generation_id: str, ids: Sequence[str]) -> dict[str, int]:
        statement = select(PlacementRow.document_id, PlacementRow.version).where(
            PlacementRow.generation_id == generation_id, PlacementRow.document_id.in_(ids)
        )
        return dict(session.execute(statement).tuples().all())

    def _close_elsewhere(
        self, session: Session, generation_id: str, versions: Sequence[NewVersion]
    ) -> None:
        """Where more people may read a version than could read the one before, no other generation
        answers from that: its text may not be theirs to see. It is placed anew there."""
        may = {new.document_id: new.readers for new in versions}
        rows = session.execute(
            select(DocumentRow.id, DocumentRow.readers).where(DocumentRow.id.in_(may))
        )
        opened = [identity for identity, readers in rows if may[identity] - {*readers}]
        if not opened:
            return
        elsewhere = (
            PlacementRow.document_id.in_(opened),
            PlacementRow.generation_id != generation_id,
        )
        old = [
            Orphan(
                generation_id=row.generation_id, document_id=row.document_id, version=row.version
            )
            for row in session.scalars(select(PlacementRow).where(*elsewhere))
        ]
        _list_orphans(session, old)
        session.execute(
            delete(PlacementRow).where(*elsewhere).execution_options(synchronize_session=False)
        )

    def _settled(
        self, session: Session, generation_id: str, versions: Sequence[tuple[str, int]]
    ) -> None:
        """Live or gone: no orphans any more."""
        session.execute(
            delete(OrphanRow).where(
                OrphanRow.generation_id == generation_id,
                tuple_(OrphanRow.document_id, OrphanRow.version).in_(versions),
            )
        )


def document_id(source_id: str, key: str) -> str:
    """The id a document has for ever: the same source and key always give the same."""
    return str(uuid5(NAMESPACE, f"{source_id}\n{key}"))


def place(document_id: str, version: int) -> str:
    """What the ids of all chunks of a version begin with: 80 bits of the document's, 24 of its."""
    return f"{document_id[:SHARED]}-{version:06x}"


def chunk_id(document_id: str, version: int, ordinal: int) -> str:
    """The id a chunk has in every generation, a UUID that tells which version it is of.

    So a hit is checked against the ledger by its id alone, before anything of it is read.
    """
    return f"{place(document_id, version)}{ordinal:06x}"


def new_document(
    source_id: str, domain: str, key: str, uri: str, now: datetime
) -> dict[str, object]:
    """The columns of a document that nothing is known of but where it is."""
    return {
        "id": document_id(source_id, key),
        "domain": domain,
        "source_id": source_id,
        "key": key,
        "uri": uri,
        "title": "",
        "revision": "",
        "content_hash": "",
        "readers": [],
        "state": "pending",
        "reason": "",
        "message": "",
        "warnings": [],
        "attempts": 0,
        "next_attempt_at": None,
        "updated_at": now,
        "held_at": None,
        "deleted_at": None,
        "erased_at": None,
        "reserved": 0,
    }


def _version_values(new: NewVersion, now: datetime) -> dict[str, object]:
    return {
        "document_id": new.document_id,
        "version": new.version,
        "content_hash": new.content_hash,
        "text_hash": new.text_hash,
        "title": new.title,
        "uri": new.uri,
        "name": new.name,
        "media_type": new.media_type,
        "language": new.language,
        "warnings": list(new.warnings),
        "modified_at": new.modified_at,
        "created_at": now,
    }


def _live_values(new: NewVersion, now: datetime) -> dict[str, object]:
    return {
        "id": new.document_id,
        "key": new.key,
        "uri": new.uri,
        "title": new.title,
        "revision": new.revision,
        "content_hash": new.content_hash,
        "readers": sorted(new.readers),
        "state": "indexed",
        "reason": "",
        "message": "",
        "warnings": list(new.warnings),
        "attempts": 0,
        "next_attempt_at": None,
        "updated_at": now,
        "held_at": None,
        "deleted_at": None,
        "erased_at": None,
    }


def withdraw(session: Session, which: ColumnElement[bool], now: datetime) -> int:
    """Close documents to every answer, in every generation; returns how many there were.

    A few statements however many they are. Their points are orphans from then on.
    """
    changed = session.execute(
        update(DocumentRow)
        .where(which, DocumentRow.deleted_at.is_(None))
        .values(deleted_at=now, held_at=None, state="pending", updated_at=now)
        .execution_options(synchronize_session=False)
    )
    placed = PlacementRow.document_id.in_(select(DocumentRow.id).where(which))
    columns = (PlacementRow.generation_id, PlacementRow.document_id, PlacementRow.version)
    session.execute(
        _listing(session)
        .from_select([column.key for column in columns], select(*columns).where(placed))
        .on_conflict_do_nothing()
    )
    session.execute(delete(PlacementRow).where(placed).execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", changed).rowcount


def _list_orphans(session: Session, orphans: Iterable[Orphan]) -> None:
    rows = [orphan.model_dump() for orphan in orphans]
    if rows:
        session.execute(_listing(session).on_conflict_do_nothing(), rows)


def _listing(session: Session) -> postgresql.Insert | sqlite.Insert:
    """An insert of orphans that may be listed already."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    return (sqlite.insert if on_sqlite else postgresql.insert)(OrphanRow)
