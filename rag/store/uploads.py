"""What was uploaded to the sources that we keep ourselves; the bytes are blobs."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from rag.errors import InvalidInput, NotFound, did_you_mean
from rag.store.database import Database, Guard
from rag.store.erasures import record, upload_target
from rag.store.models import UploadRow
from rag.types import Data

MAX_NAME_BYTES = 254


class Upload(Data):
    """One uploaded document; its name identifies it within its source."""

    name: str
    digest: str
    """SHA-256 of the bytes."""
    size: int
    media_type: str = ""
    """As declared; empty when nothing was."""
    readers: tuple[str, ...] = ()
    """Empty: whoever may read the source."""
    uploaded_by: str
    uploaded_at: datetime


def checked_name(name: str) -> str:
    """The name, if it can be a document's. Raises InvalidInput for what could be a path."""
    problem = ""
    if not name.strip() or name in (".", ".."):
        problem = "is no name"
    elif "/" in name or "\\" in name:
        problem = "has a slash"
    elif any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") for sign in name):
        problem = "has a control character"
    elif "\ufffd" in name or any(unicodedata.category(sign) == "Cs" for sign in name):
        problem = "is not valid UTF-8"
    elif len(name.encode()) > MAX_NAME_BYTES:
        problem = f"is longer than {MAX_NAME_BYTES} bytes"
    if problem:
        shown = name[:60].encode("utf-8", "replace").decode()
        raise InvalidInput(f"{shown!r} {problem}.", hint="Give the upload a plain file name.")
    return name


class Uploads:
    """Every method is one transaction. Names that differ in any byte are different uploads."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def guarded(self, guard: Guard) -> Uploads:
        """The same, where every write passes the guard first, within its transaction."""
        return Uploads(self.database.guarded(guard), self.now)

    def put(
        self,
        source_id: str,
        name: str,
        *,
        digest: str,
        size: int,
        media_type: str,
        readers: tuple[str, ...],
        uploaded_by: str,
    ) -> Upload:
        """Keep an upload, in the place of the one of that name if there is one."""
        upload = Upload(
            name=name,
            digest=digest,
            size=size,
            media_type=media_type,
            readers=readers,
            uploaded_by=uploaded_by,
            uploaded_at=self.now(),
        )
        values: dict[str, Any] = {**upload.model_dump(), "readers": list(readers)}
        # One statement: two uploads of one name at once leave one of them, never an error.
        insert = sqlite.insert if self.database.sqlite else postgresql.insert
        statement = insert(UploadRow).values(source_id=source_id, **values)
        with self.database.write() as session:
            session.execute(
                statement.on_conflict_do_update(index_elements=["source_id", "name"], set_=values)
            )
        return upload

    def list(self, source_id: str) -> list[Upload]:
        """Every upload of a source, by name."""
        with self.database.read() as session:
            rows = session.scalars(
                select(UploadRow).where(UploadRow.source_id == source_id).order_by(UploadRow.name)
            )
            return [_upload(row) for row in rows]

    def get(self, source_id: str, name: str) -> Upload:
        """Raises NotFound."""
        with self.database.read() as session:
            row = session.get(UploadRow, (source_id, name))
        if row is None:
            known = [upload.name for upload in self.list(source_id)]
            near = did_you_mean(name, known) if len(known) <= 1_000 else ""
            raise NotFound(f"Nothing named '{name}' was uploaded.", hint=near)
        return _upload(row)

    def remove(self, source_id: str, name: str) -> None:
        """Forget one upload; a missing one is not an error. Its bytes stay for kept versions."""
        with self.database.write() as session:
            record(session, "upload", [upload_target(source_id, name)], self.now())
            session.execute(
                delete(UploadRow).where(UploadRow.source_id == source_id, UploadRow.name == name)
            )


def _upload(row: UploadRow) -> Upload:
    return Upload(
        name=row.name,
        digest=row.digest,
        size=row.size,
        media_type=row.media_type,
        readers=tuple(row.readers),
        uploaded_by=row.uploaded_by,
        uploaded_at=row.uploaded_at,
    )
