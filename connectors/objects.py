"""Objects of an S3 bucket, or of any store that speaks S3."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import cache
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors._paths import key as path_key
from connectors._paths import matches
from rag import egress
from rag.errors import ConfigError, DocumentFailed, DocumentRejected, RagError, SourceError
from rag.types import EVERYONE, Change, Cursor, RawDocument

PAGE = 1000
_REFUSED = {
    "401", "403", "AccessDenied", "AccountProblem", "ExpiredToken", "InvalidAccessKeyId",
    "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired",
}  # fmt: skip
_GONE = {"404", "NoSuchKey"}
_CHANGED = {"412", "PreconditionFailed"}


class S3Config(BaseModel):
    """Which bucket, and which objects of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bucket: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$", description="Name of the bucket."
    )
    prefix: str = Field("", description="Only keys that begin with this, e.g. handbook/.")
    include: tuple[str, ...] = Field(("**",), description="Only keys that match one of these.")
    exclude: tuple[str, ...] = Field((), description="Never keys that match one of these.")
    endpoint_url: str = Field(
        "", description="Address of a store other than Amazon's, e.g. https://minio.example.org."
    )
    region: str = Field("us-east-1", pattern=r"^[a-z0-9-]+$", description="Region of the bucket.")
    access_key: str = Field("", description="Access key id; empty reads a public bucket.")
    secret_key: SecretStr | None = Field(None, description="The secret that goes with it.")
    max_bytes: int = Field(100_000_000, ge=1, description="Larger objects: rejected(too_large).")
    timeout_s: float = Field(120, gt=0, description="Longest time to list a page or read one.")
    readers: tuple[str, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read: user:NAME, group:NAME or everyone."
    )
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )

    @field_validator("endpoint_url")
    @classmethod
    def _plain_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("this is not an http or https address")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("credentials do not belong in the address")
        return url

    @model_validator(mode="after")
    def _both_keys(self) -> S3Config:
        if bool(self.access_key) != (self.secret_key is not None):
            raise ValueError("access_key and secret_key go together")
        return self


class S3Connector:
    """Lists keys a page at a time, each page from the last key on, so no token can expire.

    `revision` is ETag and size. Credentials, profiles, endpoints and proxies of this machine's
    environment are never used.
    """

    Config: ClassVar[type[BaseModel]] = S3Config

    def __init__(self, config: S3Config) -> None:
        self.config = config
        self._client: Any = None
        self._opened = AsyncExitStack()
        self._lock = asyncio.Lock()
        try:
            import aiobotocore  # noqa: F401  # pyright: ignore
        except ImportError as error:
            raise ConfigError(
                "S3 sources need the package s3fs, which brings aiobotocore.",
                hint="Install it: pip install 'ratchet-rag[s3]'",
            ) from error

    async def check(self) -> str:
        entries, more = await self._page("")
        count = f"more than {len(entries):,}" if more else f"{len(entries):,}"
        return f"s3://{self.config.bucket}/{quote(self.config.prefix)} holds {count} objects."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        """A full listing each time; the store keeps no history to resume from."""
        last, more = "", True
        while more:
            entries, more = await self._page(last)
            for entry in entries:
                name = str(entry["Key"])
                if matches(name, self.config.include) and not matches(name, self.config.exclude):
                    yield self._change(name, entry)
            if more and (not entries or entries[-1]["Key"] <= last):
                raise SourceError(f"The listing of {self.config.bucket} does not get on.")
            last = entries[-1]["Key"] if entries else last
        yield Change(kind="complete")

    async def fetch(self, change: Change) -> RawDocument:
        name = unquote(change.key)
        try:
            data, modified, media_type = await self._read(name, change)
        except SourceError as error:
            raise DocumentFailed("unreadable", error.message, hint=error.hint) from error
        return RawDocument(
            key=change.key,
            uri=change.uri,
            name=name.rstrip("/").rpartition("/")[2] or name,
            data=data,
            media_type=media_type,
            modified_at=modified,
            readers=change.readers,
        )

    async def aclose(self) -> None:
        async with self._lock:
            self._client = None
            await self._opened.aclose()

    def _change(self, name: str, entry: Any) -> Change:
        key, uri = path_key(name.encode()), f"s3://{self.config.bucket}/{quote(name)}"
        if name.endswith("/") and not entry["Size"]:
            return Change(kind="skipped", key=key, uri=uri, reason="folder")
        etag = str(entry["ETag"]).strip('"')
        readers = frozenset(self.config.readers)
        revision = f"{etag}-{entry['Size']}"  # some stores keep the ETag of other bytes
        return Change(kind="upsert", key=key, uri=uri, revision=revision, readers=readers)

    async def _page(self, after: str) -> tuple[list[Any], bool]:
        wanted = {"Bucket": self.config.bucket, "Prefix": self.config.prefix, "MaxKeys": PAGE}
        if after:
            wanted["StartAfter"] = after
        try:
            async with asyncio.timeout(self.config.timeout_s):
                answer = await (await self._connected()).list_objects_v2(**wanted)
        except Exception as error:
            raise self._translated(error) from error
        if "IsTruncated" not in answer:  # e.g. a login page, which must not pass for no objects
            raise SourceError(
                f"{self.config.endpoint_url or 'The store'} answers with what is no listing.",
                hint="Check endpoint_url. Nothing was deleted.",
            )
        return answer.get("Contents", []), bool(answer["IsTruncated"])

    async def _read(self, name: str, change: Change) -> tuple[bytes, Any, str | None]:
        etag = change.revision.rpartition("-")[0]
        limit = self.config.max_bytes
        try:
            async with asyncio.timeout(self.config.timeout_s):
                client = await self._connected()
                answer = await client.get_object(
                    Bucket=self.config.bucket, Key=name, IfMatch=f'"{etag}"'
                )
                async with answer["Body"] as body:
                    data, size = bytearray(), int(answer["ContentLength"])
                    if size <= limit:
                        async for block in body.iter_chunks(1 << 18):
                            data += block
                            if len(data) > limit:
                                break
        except Exception as error:
            raise self._translated(error, change.uri) from error
        if max(size, len(data)) > limit:
            raise DocumentRejected(
                "too_large",
                f"{change.uri} has {size:,} bytes; the limit is {limit:,}.",
                hint="Raise max_bytes of the source or split the object.",
            )
        if len(data) != size:
            raise DocumentFailed("changing", f"{change.uri} broke off while it was read.")
        kind = str(answer.get("ContentType") or "").partition(";")[0]
        generic = kind in ("", "application/octet-stream", "binary/octet-stream")
        return bytes(data), answer.get("LastModified"), None if generic else kind

    async def _connected(self) -> Any:
        async with self._lock:
            if self._client is None:
                self._client = await self._connect()
            return self._client

    async def _connect(self) -> Any:
        session = await asyncio.to_thread(_session)
        from aiobotocore.config import AioConfig
        from aiohttp.abc import AbstractResolver
        from botocore import UNSIGNED

        config = self.config
        parts = urlsplit(config.endpoint_url)
        if parts.hostname:  # an address written as a number is never asked of the resolver
            port = parts.port or (443 if parts.scheme == "https" else 80)
            await egress.resolve(parts.hostname, port, config.networks)

        class Resolver(AbstractResolver):
            async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[Any]:
                address = await egress.resolve(host, port, config.networks)
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

        settings: dict[str, Any] = {
            "connector_args": {"resolver": Resolver()},
            "proxies": {},
            "ignore_configured_endpoint_urls": True,
            "connect_timeout": 10,
            "read_timeout": min(60, config.timeout_s),
            "response_checksum_validation": "when_required",
            "retries": {"max_attempts": 4, "mode": "standard"},
        }
        if config.endpoint_url:
            settings["s3"] = {"addressing_style": "path"}
        if config.secret_key is None:
            settings["signature_version"] = UNSIGNED
        client = session.create_client(
            "s3",
            endpoint_url=config.endpoint_url or None,
            region_name=config.region,
            aws_access_key_id=config.access_key or None,
            aws_secret_access_key=config.secret_key and config.secret_key.get_secret_value(),
            config=AioConfig(**settings),
        )
        return await self._opened.enter_async_context(client)

    def _translated(self, error: Exception, uri: str = "") -> RagError:
        """What the store or the way to it said; `uri` where one object was asked for."""
        inner: Any = getattr(error, "kwargs", {}).get("error", error)
        if isinstance(inner, RagError):
            return inner
        answer: Any = getattr(error, "response", {})
        code = str(answer.get("Error", {}).get("Code", ""))
        if uri and code in _GONE:
            return DocumentFailed("vanished", f"{uri} vanished after it was listed.")
        if uri and code in _CHANGED:
            return DocumentFailed("changing", f"{uri} changed after it was listed.")
        bucket = f"The bucket {self.config.bucket}"
        if code in _REFUSED:
            said = f"{bucket} refuses the credentials: {code} (auth_error)."
            hint = "Check access_key, secret_key and what they may read. Nothing was deleted."
            return (
                DocumentFailed("auth_error", said, hint=hint)
                if uri
                else SourceError(said, hint=hint)
            )
        said = "no answer in time" if isinstance(error, TimeoutError) else str(error)
        return SourceError(f"{bucket} cannot be read: {said}.", hint="Nothing was deleted.")


@cache
def _session() -> Any:
    """A session that asks neither variables nor files of this machine and holds no credentials.

    It is slow to make, so a thread does, and loads what a client would load on the event loop.
    """
    from aiobotocore.session import AioSession

    nothing = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    session: Any = AioSession(session_vars={"profile": (None, None, None, None), **nothing})
    loader = session.get_component("data_loader")
    for kind in ("service-2", "endpoint-rule-set-1"):
        loader.load_service_model("s3", kind)
    loader.load_data_with_path("endpoints")
    return session
