"""Uploads: the one kind of source whose documents are kept here, and what admins do with them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from rag.app.parts import Parts
from rag.errors import DocumentFailed, InvalidInput, NotFound, RagError, TooLarge, counted
from rag.readers import Reader, a_reader
from rag.store.blobs import Blobs
from rag.store.placements import document_id
from rag.store.uploads import Upload, checked_name
from rag.store.uploads import Uploads as Kept
from rag.types import EVERYONE, Change, Cursor, Principal, RawDocument, SourceInfo

CONNECTOR = "uploads"
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,90}/[\w.+-]{1,90}", re.ASCII)
# What clients send when nobody told them what the bytes are.
_UNTOLD = ("application/octet-stream", "application/x-www-form-urlencoded")


class UploadsConfig(BaseModel):
    """Who may read what is uploaded, and how much an upload may be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    readers: tuple[Reader, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read uploads that name no readers."
    )
    max_bytes: int = Field(100_000_000, ge=1, description="Larger uploads are refused.")


class UploadsConnector:
    """Documents that admins upload.

    Built by the app, which gives it the store that they are in.
    """

    Config: ClassVar[type[BaseModel]] = UploadsConfig
    verified: ClassVar[str] = "uploads over HTTP, on SQLite and PostgreSQL"

    def __init__(
        self, config: UploadsConfig, kept: Kept, blobs: Blobs, source: SourceInfo | None = None
    ) -> None:
        self.config = config
        self._kept = kept
        self._blobs = blobs
        self._source = source

    async def check(self) -> str:
        if self._source is None:
            return "What is uploaded to it."
        found = await asyncio.to_thread(self._kept.list, self._source.id)
        size = sum(upload.size for upload in found)
        return f"{counted(len(found), 'upload')}, {counted(size, 'byte')}."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        """A full listing each time: what was removed is told by its absence alone."""
        if self._source is not None:
            for upload in await asyncio.to_thread(self._kept.list, self._source.id):
                yield Change(
                    kind="upsert",
                    key=upload.name,
                    uri=_uri(self._source, upload.name),
                    revision=f"{upload.digest} {upload.media_type}".rstrip(),
                    readers=self._readers(upload),
                )
        yield Change(kind="complete")

    async def fetch(self, change: Change) -> RawDocument:
        return await asyncio.to_thread(self._read, change)

    async def aclose(self) -> None:
        """The store is the app's to close."""

    def _read(self, change: Change) -> RawDocument:
        assert self._source is not None
        try:
            upload = self._kept.get(self._source.id, change.key)
            data = self._blobs.get(upload.digest)
        except NotFound as error:
            raise DocumentFailed("vanished", f"'{change.key}' was removed meanwhile.") from error
        except RagError as error:
            raise DocumentFailed("unreadable", error.message, hint="Upload it again.") from error
        # Bytes and readers of one row: uploaded anew since the listing, the new bytes must not
        # go to those who might read the old ones.
        return RawDocument(
            key=change.key,
            uri=change.uri,
            name=upload.name,
            data=data,
            media_type=upload.media_type or None,
            modified_at=upload.uploaded_at,
            readers=self._readers(upload),
        )

    def _readers(self, upload: Upload) -> frozenset[str]:
        return frozenset(upload.readers or self.config.readers)


class Uploads:
    """Puts uploads into sources that take them; a sync makes documents of them."""

    def __init__(self, parts: Parts) -> None:
        self._kept = parts.uploads
        self._blobs = parts.blobs
        self._ledger = parts.ledger

    async def add(
        self,
        principal: Principal,
        source: SourceInfo,
        name: str,
        data: bytes,
        media_type: str | None,
        readers: Sequence[str],
    ) -> Upload:
        """Keep bytes under a name, durably when it returns; the same name again replaces them."""
        limit = _config(source).max_bytes
        checked_name(name)
        if len(data) > limit:
            raise TooLarge(
                f"'{name}' has {len(data):,} bytes; '{source.name}' takes {limit:,}.",
                hint="Split the file, or add a source with a larger max_bytes.",
            )
        for reader in readers:
            try:
                a_reader(reader[:300])
            except ValueError as error:
                raise InvalidInput(f"{error}.") from error
        return await asyncio.to_thread(
            self._kept.put,
            source.id,
            name,
            digest=await asyncio.to_thread(self._blobs.put, data),
            size=len(data),
            media_type=_told(media_type),
            readers=tuple(sorted(set(readers))),
            uploaded_by=principal.id,
        )

    async def list(self, source: SourceInfo) -> list[Upload]:
        _config(source)
        return await asyncio.to_thread(self._kept.list, source.id)

    async def remove(self, source: SourceInfo, name: str) -> int:
        """Forget an upload and delete its document. Raises NotFound."""
        _config(source)
        await asyncio.to_thread(self._kept.get, source.id, checked_name(name))
        # The document first: without its upload it would answer until a listing missed it.
        await asyncio.to_thread(self._ledger.delete, [document_id(source.id, name)])
        await asyncio.to_thread(self._kept.remove, source.id, name)
        return 1


def _config(source: SourceInfo) -> UploadsConfig:
    if source.connector != CONNECTOR:
        raise InvalidInput(
            f"The source '{source.name}' reads {source.connector}; nothing is uploaded to it.",
            hint="Add one that takes uploads: rag add uploads --name NAME.",
        )
    return UploadsConfig.model_validate(source.config)


def _told(media_type: str | None) -> str:
    """The media type that was declared, without parameters; empty when none was, or none is."""
    bare = (media_type or "").partition(";")[0].strip().lower()
    return bare if _MEDIA_TYPE.fullmatch(bare) and bare not in _UNTOLD else ""


def _uri(source: SourceInfo, name: str) -> str:
    return f"upload:{quote(source.name, safe='')}/{quote(name, safe='')}"
