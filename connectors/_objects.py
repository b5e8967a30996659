"""What the object stores have in common: keys as paths, folders that are none, pages."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from connectors._paths import key as path_key
from rag import egress
from rag.errors import DocumentFailed, DocumentRejected, SourceError
from rag.globs import matches
from rag.readers import Reader
from rag.types import EVERYONE, Change, Cursor, RawDocument

GENERIC = ("", "application/octet-stream", "binary/octet-stream")


class ObjectsConfig(BaseModel):
    """Which objects of a bucket."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefix: str = Field("", description="Only keys that begin with this, e.g. handbook/.")
    include: tuple[str, ...] = Field(("**",), description="Only keys that match one of these.")
    exclude: tuple[str, ...] = Field((), description="Never keys that match one of these.")
    max_bytes: int = Field(100_000_000, ge=1, description="Larger objects: rejected(too_large).")
    timeout_s: float = Field(120, gt=0, description="Longest time to list a page or read one.")
    readers: tuple[Reader, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read: user:NAME, group:NAME or everyone."
    )
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )


@dataclass(frozen=True)
class Entry:
    """An object as listed; `version` is what changes with its bytes."""

    name: str
    size: int
    version: str


@dataclass(frozen=True)
class Read:
    """An object's bytes and what was said with them."""

    data: bytes
    modified: datetime | None
    media_type: str


class ObjectStore(ABC):
    """Lists all keys each time: stores keep no history to resume from.

    `revision` is version and size, since some stores keep the version of other bytes.
    """

    Config: ClassVar[type[BaseModel]]

    def __init__(self, config: ObjectsConfig, root: str) -> None:
        self._wanted = config
        self._root = root

    @abstractmethod
    def _pages(self) -> AsyncIterator[tuple[list[Entry], bool]]:
        """The pages of the listing, and whether more come. Raises SourceError, never ends early."""

    @abstractmethod
    async def _read(self, name: str, version: str, size: int, uri: str) -> Read:
        """The object, at most `max_bytes` of it, if it still is that version.

        Raises DocumentFailed, DocumentRejected, SourceError.
        """

    async def check(self) -> str:
        entries, more = await anext(self._pages())
        count = f"more than {len(entries):,}" if more else f"{len(entries):,}"
        return f"{self._root}/{quote(self._wanted.prefix)} holds {count} objects."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        wanted = self._wanted
        async for entries, _ in self._pages():
            for entry in entries:
                name = entry.name
                if matches(name, wanted.include) and not matches(name, wanted.exclude):
                    yield self._change(entry)
        yield Change(kind="complete")

    async def fetch(self, change: Change) -> RawDocument:
        name = unquote(change.key)
        version, _, size = change.revision.rpartition("-")
        if int(size) > self._wanted.max_bytes:
            raise self.too_large(change.uri, int(size))
        try:
            found = await self._read(name, version, int(size), change.uri)
        except SourceError as error:
            raise DocumentFailed("unreadable", error.message, hint=error.hint) from error
        media_type = found.media_type.partition(";")[0].strip()
        return RawDocument(
            key=change.key,
            uri=change.uri,
            name=name.rstrip("/").rpartition("/")[2] or name,
            data=found.data,
            media_type=None if media_type in GENERIC else media_type,
            modified_at=found.modified,
            readers=change.readers,
        )

    @abstractmethod
    async def aclose(self) -> None: ...

    def too_large(self, uri: str, size: int) -> DocumentRejected:
        return DocumentRejected(
            "too_large",
            f"{uri} has {size:,} bytes; the limit is {self._wanted.max_bytes:,}.",
            hint="Raise max_bytes of the source or split the object.",
        )

    def _change(self, entry: Entry) -> Change:
        key, uri = path_key(entry.name.encode()), f"{self._root}/{quote(entry.name)}"
        if entry.name.endswith("/") and not entry.size:
            return Change(kind="skipped", key=key, uri=uri, reason="folder")
        readers = frozenset(self._wanted.readers)
        revision = f"{entry.version}-{entry.size}"
        return Change(kind="upsert", key=key, uri=uri, revision=revision, readers=readers)


def vanished(uri: str) -> DocumentFailed:
    return DocumentFailed("vanished", f"{uri} vanished after it was listed.")


def changing(uri: str) -> DocumentFailed:
    return DocumentFailed("changing", f"{uri} changed after it was listed, or broke off.")


def plain_address(url: str) -> str:
    """A field validator: a web address without credentials in it."""
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError("this is not an http or https address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("credentials do not belong in the address")
    return url.rstrip("/")


async def checked_connections(url: str, networks: Sequence[str]) -> dict[str, Any]:
    """Arguments for aiohttp's TCPConnector: every address it connects to is checked.

    An address written as a number is never asked of the resolver, so that of `url` is checked here
    and any other where its socket is made.
    """
    from aiohttp.abc import AbstractResolver

    class Resolver(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[Any]:
            address = await egress.resolve(host, port, networks)
            found = socket.AF_INET6 if ":" in address else socket.AF_INET
            return [
                {
                    "hostname": host,
                    "host": address,
                    "port": port,
                    "family": found,
                    "proto": 0,
                    "flags": socket.AI_NUMERICHOST,
                }
            ]

        async def close(self) -> None:
            """Nothing is held."""

    def checked_socket(info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        egress.resolve_now(address[0], address[1], networks)
        return socket.socket(family, kind, protocol)

    parts = urlsplit(url)
    if parts.hostname:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        await egress.resolve(parts.hostname, port, networks)
    return {"resolver": Resolver(), "socket_factory": checked_socket}
