"""Restoring a backup: into an empty database and folder, and then what was deleted since, again."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from rag.errors import Unavailable
from rag.store import compacting
from rag.store.added import forget_key, forget_model
from rag.store.backups import CONFIGURATION, PIECE, Backup, Manifest, OnProgress
from rag.store.blobs import Blobs
from rag.store.conversations import drop
from rag.store.database import Database
from rag.store.erasing import mark
from rag.store.erasures import Erasure
from rag.store.forgetting import Pseudonym, forget_again
from rag.store.models import (
    ConversationRow,
    DocumentRow,
    ErasureRow,
    SessionRow,
    SourceRow,
    UploadRow,
)
from rag.store.outbox import call_off
from rag.store.placements import withdraw
from rag.store.runs import Runs
from rag.store.sources import forget_source
from rag.store.tables import empty, tables
from rag.types import Progress, RunError

BATCH = 500


def restore_files(backup: Backup, manifest: Manifest, data: Path, progress: OnProgress) -> None:
    """Kept files and keys, each read by its digest. What lies there already stays as it is."""
    kept = Blobs(data / "blobs")
    for done, digest in enumerate(manifest.blobs, 1):
        kept.put(backup.blobs.get(digest))
        progress(Progress(phase="files", done=done, total=len(manifest.blobs), final=True))
    for name in manifest.files:
        if name != CONFIGURATION:
            place(backup, name, data)


def place(backup: Backup, name: str, data: Path) -> bool:
    """Copy one file of a backup to where there is none; whether it was."""
    (data / name).parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(data / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "wb") as file, backup.file(name).open("rb") as found:
        shutil.copyfileobj(found, file, PIECE)
        file.flush()
        os.fsync(file.fileno())
    return True


def restore_tables(backup: Backup, manifest: Manifest, database: Database) -> None:
    """Every table as it was backed up, then brought up to date, in one transaction.

    Read back by digest before it is committed. Raises Conflict where the database is not empty,
    ConfigError for a newer schema, Unavailable where something cannot be as it was.
    """
    with database.fill(manifest.revision) as connection:
        found = tables(connection)
        if {one.name for one in found} != set(manifest.tables):
            raise Unavailable("The backup has other tables than its schema.")
        empty(connection, found)
        for one in found:
            with backup.lines(one.name) as lines:
                one.fill(connection, lines)
        for one in found:
            digest = hashlib.sha256()
            for line in one.lines(connection):
                digest.update(line)
            if digest.hexdigest() != manifest.tables[one.name].sha256:
                raise Unavailable(
                    f"The database does not hold the table '{one.name}' as it was; "
                    "nothing was restored."
                )


def go_on(
    database: Database,
    erasures: Sequence[Erasure],
    now: Callable[[], datetime],
    pseudonym: Pseudonym,
) -> None:
    """Make what was deleted since deleted again, and let nothing be taken for still true.

    Runs that were under way are over, nobody is told old news or signed in, no link leads to a
    conversation, and every source is listed whole by its next sync. Documents that are to be erased
    are marked, for `Contents.finish`.
    """
    with database.write() as session:
        _erase(session, erasures, now(), pseudonym)
        session.execute(update(SourceRow).values(listed_at=None))
        call_off(session, "A backup was restored.")
        # Some were ended since, and which ones nobody knows.
        session.execute(delete(SessionRow))
        session.execute(update(ConversationRow).values(share_digest=None, shared_at=None))
    why = RunError(code="superseded", message="A backup was restored.", hint="Ask for it again.")
    Runs(database, now).end_all(why)


def _erase(
    session: Session, erasures: Sequence[Erasure], now: datetime, pseudonym: Pseudonym
) -> None:
    documents = [one.target for one in erasures if one.kind == "document"]
    for start in range(0, len(documents), BATCH):
        withdraw(session, DocumentRow.id.in_(documents[start : start + BATCH]), now)
    contents = [one.target for one in erasures if one.kind == "contents"]
    for start in range(0, len(contents), BATCH):
        mark(session, contents[start : start + BATCH], now)
    drop(session, [one.target for one in erasures if one.kind == "conversation"])
    for one in erasures:
        if one.kind == "source":
            row = session.get(SourceRow, one.target)
            if row is not None and row.removed_at is None:
                forget_source(session, row, now)
        elif one.kind == "upload":
            source_id, _, name = one.target.partition("/")
            session.execute(
                delete(UploadRow).where(UploadRow.source_id == source_id, UploadRow.name == name)
            )
        elif one.kind == "model":
            forget_model(session, one.target)
        elif one.kind == "model key":
            forget_key(session, one.target)
    people = [one.target for one in erasures if one.kind == "person"]
    if people:
        forget_again(session, people, pseudonym)
        compacting.mark(session)
    if erasures:
        session.execute(insert(ErasureRow), [one.model_dump() for one in erasures])
