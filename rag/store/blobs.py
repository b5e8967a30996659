"""Content-addressed files: original bytes and parsed documents, each named by its SHA-256."""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path
from uuid import uuid4

from rag.errors import NotFound, StorageFull, Unavailable
from rag.types import Document


class Blobs:
    """Writes are durable when they return and never half visible; equal bytes are kept once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Keep bytes; returns their SHA-256 in hex."""
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        if path.exists():
            return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{uuid4().hex}")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise StorageFull(
                f"Cannot keep a document under {self.folder}: {error.strerror}.",
                hint="Free some space on that disk.",
            ) from error
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of a digest, checked. Raises NotFound or Unavailable when damaged."""
        try:
            data = self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise NotFound("The original is no longer kept.") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise Unavailable(
                f"The kept file {digest} is damaged.",
                hint="Restore it from a backup, or sync again.",
            )
        return data

    def put_document(self, document: Document) -> str:
        """Keep a parsed document; returns the digest of its packed form."""
        return self.put(zlib.compress(document.model_dump_json().encode(), 6))

    def get_document(self, digest: str) -> Document:
        return Document.model_validate_json(zlib.decompress(self.get(digest)))

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest
