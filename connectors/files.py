"""Files and folders on this machine."""

from __future__ import annotations

import asyncio
import os
import stat
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote_to_bytes

from pydantic import BaseModel, ConfigDict, Field, field_validator

from connectors._paths import key
from rag.errors import DocumentFailed, DocumentRejected, SourceError, counted
from rag.globs import matches
from rag.readers import Reader
from rag.types import EVERYONE, Change, Cursor, RawDocument

PAGE = 500


class ReaderRule(BaseModel):
    """Who may read the files whose path matches; the first rule that matches decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: str = Field(description="Pattern on the path below the root, e.g. hr/**.")
    allow: tuple[Reader, ...] = Field(
        min_length=1, description="user:NAME, group:NAME or everyone.", examples=[["group:hr"]]
    )

    @field_validator("pattern")
    @classmethod
    def _can_match(cls, pattern: str) -> str:
        # A rule that matches nothing would leave its files to everyone.
        if pattern.startswith(("/", "./")) or pattern.endswith("/"):
            raise ValueError(f"'{pattern}' matches no file; write it as hr/**")
        return pattern


class FilesConfig(BaseModel):
    """What to read and what to leave out. Patterns are on the path below the root."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(description="A folder, or one file.")
    include: tuple[str, ...] = Field(("**",), description="Only files that match one of these.")
    exclude: tuple[str, ...] = Field((), description="Never files that match one of these.")
    hidden: bool = Field(False, description="Read files and folders whose name starts with a dot.")
    max_bytes: int = Field(100_000_000, ge=1, description="Larger files are rejected(too_large).")
    readers: tuple[ReaderRule, ...] = Field((), description="Who may read which files.")
    default_readers: tuple[Reader, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read files that no rule matches."
    )
    watch: bool = Field(False, description="Sync soon after a change while a server runs.")


# Litter that editors and desktops leave beside documents.
IGNORED = ("~$*", "*.tmp", "*.swp", "Thumbs.db", "desktop.ini", "*.part", "*.crdownload")
_LOOK = "Check its permissions."
DATA_FOLDER_MARK = "owner.lock"
"""Beside it lie keys, settings and the index: a source that holds them would answer from them."""
KEPT = ("blobs", "cache", "index")
"""Folders of Ratchet's own in there; a pack that somebody keeps beside them may be read."""


class FilesConnector:
    """Lists a tree in a stable order. Links are never followed, special files never opened."""

    Config: ClassVar[type[BaseModel]] = FilesConfig
    verified: ClassVar[str] = "folders of a real file system"

    def __init__(self, config: FilesConfig) -> None:
        self.config = config
        self.root = Path(os.path.abspath(config.path.expanduser()))  # noqa: PTH100 - keeps links as they are named

    async def check(self) -> str:
        await asyncio.to_thread(self._require_root)
        found = Counter[str]()
        async for change in self.discover(Cursor()):
            found[change.kind] += 1
        said = f"{counted(found['upsert'], 'file')} under {self.root}"
        if found["skipped"]:
            said += f"; {counted(found['skipped'], 'link')} or special files are passed over"
        return f"{said}."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        """A full listing each time: a folder keeps no history to resume from."""
        await asyncio.to_thread(self._require_root)
        walk, whole = self._walk(), True
        while page := await asyncio.to_thread(_take, walk, PAGE):
            for change in page:
                whole = whole and not (change.kind == "failed" and change.key[-1:] in ("", "/"))
                yield change
        # A mount that vanished meanwhile looks like an empty folder; look once more before
        # letting the listing count as complete. Below an unreadable folder all is unknown.
        await asyncio.to_thread(self._require_root)
        if whole:
            yield Change(kind="complete")

    async def fetch(self, change: Change) -> RawDocument:
        return await asyncio.to_thread(self._read, change)

    async def aclose(self) -> None:
        """Nothing is held open between calls."""

    def _steps(self) -> list[str]:
        """For each folder above the root, the name of the next one down."""
        return [path.name for path in (self.root, *self.root.parents)][: len(self.root.parents)]

    def _require_root(self) -> None:
        places = ((self.root, ""), *zip(self.root.parents, self._steps(), strict=True))
        if any(step in ("", *KEPT) and (at / DATA_FOLDER_MARK).exists() for at, step in places):
            raise SourceError(
                f"{self.root} belongs to a data folder of Ratchet, which is never read.",
                hint="Keep documents elsewhere.",
            )
        try:
            status = self.root.stat()
            if stat.S_ISDIR(status.st_mode):
                with os.scandir(self.root):
                    return
        except OSError as error:
            raise SourceError(
                f"{self.root} cannot be read: {error.strerror}.",
                hint="Check the path, the mount and its permissions.",
            ) from error
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(f"{self.root} is neither a folder nor a file.")

    def _walk(self) -> Iterator[Change]:
        if self.root.is_file():
            yield self._change(self.root, self.root.name)
            return
        # An explicit stack: a tree deeper than Python's recursion limit is still listed.
        stack: list[tuple[Path, str]] = [(self.root, "")]
        while stack:
            folder, prefix = stack.pop()
            try:
                with os.scandir(folder) as entries:
                    listed = sorted(entries, key=lambda entry: os.fsencode(entry.name))
                if any(entry.name == DATA_FOLDER_MARK for entry in listed):
                    yield self._skip(folder, prefix, "a data folder of Ratchet")
                    continue
            except OSError as error:
                yield Change(
                    kind="failed",
                    key=_key(prefix),
                    uri=_uri(folder),
                    reason=f"The folder cannot be listed: {error.strerror}. {_LOOK}",
                )
                continue
            folders: list[tuple[Path, str]] = []
            for entry in listed:
                relative = f"{prefix}{entry.name}"
                path = folder / entry.name
                if self._ignored(entry.name, relative):
                    continue
                if entry.is_symlink():
                    yield self._skip(path, relative, "symbolic link")
                elif entry.is_dir(follow_symlinks=False):
                    folders.append((path, f"{relative}/"))
                elif not entry.is_file(follow_symlinks=False):
                    yield self._skip(path, relative, "not a regular file")
                elif matches(relative, self.config.include):
                    yield self._change(path, relative)
            stack.extend(reversed(folders))

    def _ignored(self, name: str, relative: str) -> bool:
        if name.startswith(".") and not self.config.hidden:
            return True
        return matches(name, IGNORED) or matches(relative, self.config.exclude)

    def _change(self, path: Path, relative: str) -> Change:
        name = _key(relative)
        try:
            status = path.lstat()
        except OSError as error:
            reason = f"It cannot be looked at: {error.strerror}. {_LOOK}"
            return Change(kind="failed", key=name, uri=_uri(path), reason=reason)
        return Change(
            kind="upsert",
            key=name,
            uri=_uri(path),
            revision=f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}",
            readers=self._readers(relative),
        )

    @staticmethod
    def _skip(path: Path, relative: str, reason: str) -> Change:
        return Change(kind="skipped", key=_key(relative), uri=_uri(path), reason=reason)

    def readers_of(self, key: str) -> frozenset[str]:
        return self._readers(_relative(key))

    def _readers(self, relative: str) -> frozenset[str]:
        for rule in self.config.readers:
            if matches(relative, (rule.pattern,)):
                return frozenset(rule.allow)
        return frozenset(self.config.default_readers)

    def _read(self, change: Change) -> RawDocument:
        relative = _relative(change.key)
        path = self.root if self.root.is_file() else self.root / relative
        try:
            # O_NOFOLLOW, O_NONBLOCK: it may have become a link or a pipe since the listing.
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError as error:
            raise DocumentFailed("vanished", f"{path} vanished after it was listed.") from error
        except OSError as error:
            raise DocumentFailed(
                "unreadable",
                f"{path} cannot be read: {error.strerror}.",
                hint=_LOOK,
            ) from error
        with os.fdopen(handle, "rb") as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise DocumentFailed("not_a_file", f"{path} is no longer a regular file.")
            if before.st_size > self.config.max_bytes:
                raise DocumentRejected(
                    "too_large",
                    f"{path} has {before.st_size:,} bytes; the limit is {self.config.max_bytes:,}.",
                    hint="Raise max_bytes of the source or split the file.",
                )
            data = file.read(self.config.max_bytes + 1)
            after = os.fstat(file.fileno())
        if len(data) != before.st_size or after.st_mtime_ns != before.st_mtime_ns:
            raise DocumentFailed("changing", f"{path} changed while it was read.")
        return RawDocument(
            key=change.key,
            uri=change.uri,
            name=_printable(path.name),
            data=data,
            modified_at=_time(before.st_mtime),
            readers=change.readers,
        )


def _take(walk: Iterator[Change], count: int) -> list[Change]:
    return list(islice(walk, count))


def _key(relative: str) -> str:
    return key(os.fsencode(relative))


def _relative(key: str) -> str:
    return os.fsdecode(unquote_to_bytes(key))


def _printable(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _uri(path: Path) -> str:
    """A file URI: percent-encoded, so newlines and undecodable bytes stay data."""
    return path.as_uri()


def _time(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
