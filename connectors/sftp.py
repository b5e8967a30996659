"""Files of a folder on an SSH server."""

from __future__ import annotations

import asyncio
import stat
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, Field

from connectors import _ssh
from connectors._paths import key as path_key
from rag.errors import DocumentFailed, DocumentRejected, RagError, SourceError
from rag.globs import matches
from rag.readers import Reader
from rag.types import EVERYONE, Change, Cursor, RawDocument

PAGE = 500
_BLOCK = 1 << 18
_T = TypeVar("_T")


class SftpConfig(BaseModel):
    """Which server and folder, and which files of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1, description="The server, e.g. files.example.org.")
    port: int = Field(22, ge=1, le=65535, description="Its SSH port.")
    path: str = Field(".", min_length=1, description="The folder; relative to the user's home.")
    ssh: _ssh.SshConfig = Field(description="The login.")
    include: tuple[str, ...] = Field(("**",), description="Only files that match one of these.")
    exclude: tuple[str, ...] = Field((), description="Never files that match one of these.")
    hidden: bool = Field(False, description="Read files and folders whose name starts with a dot.")
    max_bytes: int = Field(100_000_000, ge=1, description="Larger files are rejected(too_large).")
    timeout_s: float = Field(120, gt=0, description="Longest time to read one file.")
    readers: tuple[Reader, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read: user:NAME, group:NAME or everyone."
    )
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )


class SftpConnector:
    """Lists a tree over one connection. Links are never followed, special files never opened."""

    Config: ClassVar[type[BaseModel]] = SftpConfig
    verified: ClassVar[str] = "an SSH server of our own"

    def __init__(self, config: SftpConfig) -> None:
        self.config = config
        self._lock = threading.Lock()
        self._transport: Any = None
        self._sftp: Any = None

    async def check(self) -> str:
        root = await asyncio.to_thread(self._guarded, self._require_root)
        return f"The folder {root} on {self.config.host}."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        """A full listing each time: a folder keeps no history to resume from."""
        root = await asyncio.to_thread(self._guarded, self._require_root)
        walk, whole = self._walk(root), True
        while page := await asyncio.to_thread(self._guarded, lambda: list(islice(walk, PAGE))):
            for change in page:
                whole = whole and change.kind != "failed"
                yield change
        if whole:  # below a folder that could not be read all is unknown
            yield Change(kind="complete")

    async def fetch(self, change: Change) -> RawDocument:
        try:
            data, modified = await asyncio.to_thread(self._guarded, lambda: self._read(change))
        except SourceError as error:
            raise DocumentFailed("unreadable", error.message, hint=error.hint) from error
        return RawDocument(
            key=change.key,
            uri=change.uri,
            name=unquote(change.key).rpartition("/")[2],
            data=data,
            modified_at=modified,
            readers=change.readers,
        )

    async def aclose(self) -> None:
        await asyncio.to_thread(self._close)

    # --- everything below blocks and runs in threads, one call at a time ---

    def _guarded(self, call: Callable[[], _T]) -> _T:
        with self._lock:
            try:
                if self._sftp is None:
                    self._open()
                return call()
            except RagError:
                raise
            except Exception as error:
                # Whatever broke, the connection may be out of step: the next call makes another.
                self._close()
                raise SourceError(
                    f"{self.config.host} cannot be read: {type(error).__name__}: {error}.",
                ) from error

    def _open(self) -> None:
        config, wait = self.config, min(30, self.config.timeout_s)
        self._transport = _ssh.connect(config.host, config.port, config.ssh, config.networks, wait)
        import paramiko

        self._sftp = paramiko.SFTPClient.from_transport(self._transport)
        self._sftp.get_channel().settimeout(wait)

    def _require_root(self) -> str:
        try:
            root = str(self._sftp.normalize(self.config.path))
            is_folder = stat.S_ISDIR(self._sftp.stat(root).st_mode or 0)
        except FileNotFoundError:
            is_folder, root = False, self.config.path
        if not is_folder:
            raise SourceError(f"There is no folder {root} on {self.config.host}.")
        return root.rstrip("/")

    def _walk(self, root: str) -> Iterator[Change]:
        stack = [""]
        while stack:
            prefix = stack.pop()
            try:
                listed = sorted(
                    self._sftp.listdir_iter(f"{root}/{prefix}"), key=lambda entry: entry.filename
                )
            except (PermissionError, FileNotFoundError) as error:
                if not prefix:
                    raise
                yield Change(
                    kind="failed", key=self._key(prefix), uri=self._uri(prefix), reason=str(error)
                )
                continue
            folders: list[str] = []
            for entry in listed:
                name, mode = str(entry.filename), entry.st_mode or 0
                path = f"{prefix}{name}"
                if "/" in name or name in ("", ".", "..") or self._ignored(name, path):
                    continue
                if stat.S_ISDIR(mode):
                    folders.append(f"{path}/")
                elif not stat.S_ISREG(mode):
                    reason = "symbolic link" if stat.S_ISLNK(mode) else "not a regular file"
                    yield Change(
                        kind="skipped", key=self._key(path), uri=self._uri(path), reason=reason
                    )
                elif matches(path, self.config.include):
                    yield Change(
                        kind="upsert",
                        key=self._key(path),
                        uri=self._uri(path),
                        revision=f"{entry.st_size}-{entry.st_mtime}",
                        readers=frozenset(self.config.readers),
                    )
            stack.extend(reversed(folders))

    def _ignored(self, name: str, path: str) -> bool:
        if name.startswith(".") and not self.config.hidden:
            return True
        return name.startswith("~$") or matches(path, self.config.exclude)

    def _read(self, change: Change) -> tuple[bytes, datetime | None]:
        path = f"{self._require_root()}/{unquote(change.key)}"
        try:
            before = self._sftp.lstat(path)
            if not stat.S_ISREG(before.st_mode or 0):
                raise DocumentFailed("not_a_file", f"{change.uri} is no longer a regular file.")
            if (before.st_size or 0) > self.config.max_bytes:
                raise DocumentRejected(
                    "too_large",
                    f"{change.uri} has {before.st_size:,} bytes; "
                    f"the limit is {self.config.max_bytes:,}.",
                    hint="Raise max_bytes of the source or split the file.",
                )
            data = self._content(path, before.st_size or 0)
            after = self._sftp.lstat(path)
        except FileNotFoundError as error:
            raise DocumentFailed(
                "vanished", f"{change.uri} vanished after it was listed."
            ) from error
        except PermissionError as error:
            raise DocumentFailed("unreadable", f"{change.uri} may not be read.") from error
        if len(data) != before.st_size or after.st_mtime != before.st_mtime:
            raise DocumentFailed("changing", f"{change.uri} changed while it was read.")
        modified = datetime.fromtimestamp(before.st_mtime, UTC) if before.st_mtime else None
        return data, modified

    def _content(self, path: str, size: int) -> bytes:
        end, data = time.monotonic() + self.config.timeout_s, bytearray()
        with self._sftp.open(path, "rb") as file:
            file.prefetch(size, max_concurrent_requests=64)
            while len(data) <= size and (block := file.read(_BLOCK)):
                data += block
                if time.monotonic() > end:
                    raise TimeoutError(f"{path} was not received within timeout_s")
        return bytes(data)

    @staticmethod
    def _key(path: str) -> str:
        return path_key(path.encode("utf-8", "surrogateescape"))

    def _uri(self, path: str) -> str:
        where = quote(f"{self.config.path.rstrip('/')}/{path}", errors="surrogateescape")
        return f"sftp://{self.config.host}/{where.lstrip('/')}"

    def _close(self) -> None:
        transport, self._transport, self._sftp = self._transport, None, None
        if transport is not None:
            with suppress(OSError, EOFError):
                transport.close()
