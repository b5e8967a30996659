"""Content-addressed files: original bytes and parsed documents, each named by its SHA-256."""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from collections.abc import Set
from pathlib import Path
from uuid import uuid4

from rag.errors import NotFound, StorageFull, Unavailable
from rag.types import Document

SPARED_SECONDS = 86_400
"""A file that was kept within this time may be about to be named by a version."""


class Blobs:
    """Writes are durable when they return and never half visible; equal bytes are kept once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Keep bytes; returns their SHA-256 in hex. A damaged file of that name is mended."""
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        try:
            # Claimed first: from here on `collect` leaves it alone.
            os.utime(path)
            if path.read_bytes() == data:
                return digest
        except FileNotFoundError:
            pass
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

    def intact(self, digest: str) -> bool:
        """The file is there and holds what it is named after."""
        try:
            self.get(digest)
        except (NotFound, Unavailable):
            return False
        return True

    def has(self, digest: str) -> bool:
        """The file is there; what it holds is not looked at."""
        return self._path(digest).exists()

    def collect(self, cited: Set[str]) -> tuple[int, int]:
        """Delete files that were not kept lately and are not cited; returns how many, and bytes.

        Nobody has to stop for it: a file that is kept again meanwhile stays or is written anew.
        """
        before = time.time() - SPARED_SECONDS
        count = size = 0
        for path in self.folder.glob("*/*"):
            if path.name in cited or path.stat().st_mtime > before:
                continue
            # Out of the way first: whoever keeps these bytes now either has touched the file
            # before, which shows, or finds none and writes it.
            aside = path.with_name(f".{uuid4().hex}")
            path.rename(aside)
            found = aside.stat()
            if found.st_mtime > before:
                aside.replace(path)
                continue
            aside.unlink()
            count, size = count + 1, size + found.st_size
        return count, size

    def put_document(self, document: Document) -> str:
        """Keep a parsed document; returns the digest of its packed form."""
        return self.put(zlib.compress(document.model_dump_json().encode(), 6))

    def get_document(self, digest: str) -> Document:
        return Document.model_validate_json(zlib.decompress(self.get(digest)))

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest
