"""Objects of an S3 bucket, or of any store that speaks S3."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from connectors._objects import (
    Entry,
    ObjectsConfig,
    ObjectStore,
    Read,
    changing,
    checked_connections,
    plain_address,
    vanished,
)
from rag.errors import ConfigError, DocumentFailed, RagError, SourceError

PAGE = 1000
_REFUSED = {
    "401", "403", "AccessDenied", "AccountProblem", "ExpiredToken", "InvalidAccessKeyId",
    "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired",
}  # fmt: skip
_GONE = {"404", "NoSuchKey"}
_CHANGED = {"412", "PreconditionFailed"}


class S3Config(ObjectsConfig):
    """Which bucket, and which objects of it."""

    bucket: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$", description="Name of the bucket."
    )
    endpoint_url: str = Field(
        "", description="Address of a store other than Amazon's, e.g. https://minio.example.org."
    )
    region: str = Field("us-east-1", pattern=r"^[a-z0-9-]+$", description="Region of the bucket.")
    access_key: str = Field("", description="Access key id; empty reads a public bucket.")
    secret_key: SecretStr | None = Field(None, description="The secret that goes with it.")

    _plain = field_validator("endpoint_url")(plain_address)

    @model_validator(mode="after")
    def _both_keys(self) -> S3Config:
        if bool(self.access_key) != (self.secret_key is not None):
            raise ValueError("access_key and secret_key go together")
        return self


class S3Connector(ObjectStore):
    """Objects of an S3 bucket, or of any store that speaks S3.

    Each page is listed from the last key on, so no token can expire. `revision` is ETag and size.
    Credentials, profiles, endpoints and proxies of this machine's environment are never used.
    """

    Config: ClassVar[type[BaseModel]] = S3Config
    verified: ClassVar[str] = "moto's S3 server; not Amazon"

    def __init__(self, config: S3Config) -> None:
        super().__init__(config, f"s3://{config.bucket}")
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

    async def _pages(self) -> AsyncIterator[tuple[list[Entry], bool]]:
        last, more = "", True
        while more:
            found, more = await self._page(last)
            if more and (not found or found[-1]["Key"] <= last):
                raise SourceError(f"The listing of {self.config.bucket} does not get on.")
            last = found[-1]["Key"] if found else last
            entries = [
                Entry(str(one["Key"]), int(one["Size"]), str(one["ETag"]).strip('"'))
                for one in found
            ]
            yield entries, more

    async def aclose(self) -> None:
        async with self._lock:
            self._client = None
            await self._opened.aclose()

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
                hint="Check endpoint_url.",
            )
        return answer.get("Contents", []), bool(answer["IsTruncated"])

    async def _read(self, name: str, version: str, size: int, uri: str) -> Read:
        limit = self.config.max_bytes
        try:
            async with asyncio.timeout(self.config.timeout_s):
                client = await self._connected()
                answer = await client.get_object(
                    Bucket=self.config.bucket, Key=name, IfMatch=f'"{version}"'
                )
                async with answer["Body"] as body:
                    data, length = bytearray(), int(answer["ContentLength"])
                    if length <= limit:
                        async for block in body.iter_chunks(1 << 18):
                            data += block
                            if len(data) > limit:
                                break
        except Exception as error:
            raise self._translated(error, uri) from error
        if max(length, len(data)) > limit:
            raise self.too_large(uri, max(length, len(data)))
        if len(data) != length:
            raise changing(uri)
        return Read(bytes(data), answer.get("LastModified"), str(answer.get("ContentType") or ""))

    async def _connected(self) -> Any:
        async with self._lock:
            if self._client is None:
                self._client = await self._connect()
            return self._client

    async def _connect(self) -> Any:
        session = await asyncio.to_thread(_session)
        from aiobotocore.config import AioConfig
        from botocore import UNSIGNED

        config = self.config
        settings: dict[str, Any] = {
            "connector_args": await checked_connections(config.endpoint_url, config.networks),
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
        answer: Any = getattr(error, "response", None) or {}
        code = str(answer.get("Error", {}).get("Code", ""))
        if uri and code in _GONE:
            return vanished(uri)
        if uri and code in _CHANGED:
            return changing(uri)
        bucket = f"The bucket {self.config.bucket}"
        if code in _REFUSED:
            said = f"{bucket} refuses the credentials: {code} (auth_error)."
            hint = "Check access_key, secret_key and what they may read."
            return (
                DocumentFailed("auth_error", said, hint=hint)
                if uri
                else SourceError(said, hint=hint)
            )
        said = "no answer in time" if isinstance(error, TimeoutError) else str(error)
        return SourceError(f"{bucket} cannot be read: {said}.")


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
