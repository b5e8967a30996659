"""Content-addressed files: original bytes and parsed documents, each named by its SHA-256."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import time
import zlib
from collections.abc import Generator, Mapping, Set
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from rag.errors import NotFound, StorageFull, Unavailable
from rag.types import Document

SPARED_SECONDS = 86_400
"""A file that was kept within this time may be about to be named by a version."""

LOCK_NAME = "collect.lock"
# A digest, or what a crash left of a file that was being written.
_OURS = re.compile(r"[0-9a-f]{64}|\.[0-9a-f]{32}")


class Blobs:
    """Writes are durable when they return and never half visible; equal bytes are kept once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Keep bytes; returns their SHA-256 in hex. A damaged file of that name is mended.

        Raises StorageFull, or Unavailable where the folder cannot be used.
        """
        digest = hashlib.sha256(data).hexdigest()
        try:
            self._put(self._path(digest), data)
        except OSError as error:
            told = f"Cannot keep a document under {self.folder}: {error.strerror}."
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull(told, hint="Free some space on that disk.") from error
            raise Unavailable(told, hint="See whether that folder can be written.") from error
        return digest

    def _put(self, path: Path, data: bytes) -> None:
        try:
            with self._held(fcntl.LOCK_SH):
                # Claimed first: from here on `collect` leaves it alone.
                os.utime(path)
            if path.read_bytes() == data:
                return
        except FileNotFoundError:
            pass
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{uuid4().hex}")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            with self._held(fcntl.LOCK_SH):
                temporary.replace(path)
        except OSError:
            # Where even this fails, a later `collect` removes it.
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise

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

    @contextmanager
    def undisturbed(self) -> Generator[None]:
        """Within, no `collect` deletes anything, in whatever process; keeping goes on."""
        with self._held(fcntl.LOCK_SH):
            yield

    def forget(self, digests: Mapping[str, datetime]) -> int:
        """Delete files that nobody needs any more, unless kept again since the time given for each.

        Returns how many. What is left, `collect` finds. Raises Unavailable.
        """
        try:
            gone = [
                self._forget(self._path(digest), before.timestamp())
                for digest, before in digests.items()
            ]
        except OSError as error:
            raise Unavailable(
                f"Cannot delete under {self.folder}: {error.strerror}.",
                hint="See whether that folder can be written.",
            ) from error
        return sum(size is not None for size in gone)

    def collect(self, cited: Set[str]) -> tuple[int, int]:
        """Delete files that were not kept lately and are not cited; returns how many, and bytes.

        Nobody has to stop for it, nor for another that goes on: a file that is kept again meanwhile
        stays or is written anew. What is not ours is left alone. Raises Unavailable.
        """
        before = time.time() - SPARED_SECONDS
        count = size = 0
        try:
            for path in self.folder.glob("*/*"):
                if path.name not in cited and _OURS.fullmatch(path.name):
                    freed = self._forget(path, before)
                    count, size = count + (freed is not None), size + (freed or 0)
        except OSError as error:
            raise Unavailable(
                f"Cannot collect under {self.folder}: {error.strerror}.",
                hint="See whether that folder can be written.",
            ) from error
        return count, size

    def _forget(self, path: Path, before: float) -> int | None:
        """Delete a file unless it was kept since; returns its bytes, None if it was not deleted."""
        try:
            if path.stat().st_mtime > before:
                return None
            # Looked at again: nobody can keep it between this look and the deletion.
            with self._held(fcntl.LOCK_EX):
                found = path.stat()
                if found.st_mtime > before:
                    return None
                path.unlink()
                return found.st_size
        except FileNotFoundError:
            return None

    @contextmanager
    def _held(self, how: int) -> Generator[None]:
        """Together with others who keep files, or alone; given up by the death of the process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK_NAME).open("a") as lock:
            fcntl.flock(lock, how)
            yield

    def put_document(self, document: Document) -> str:
        """Keep a parsed document; returns the digest of its packed form."""
        return self.put(zlib.compress(document.model_dump_json().encode(), 6))

    def get_document(self, digest: str) -> Document:
        return Document.model_validate_json(zlib.decompress(self.get(digest)))

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest
