"""Blobs of an Azure storage container."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from connectors._api import ATTEMPTS, Sleep, pause, secure
from connectors._objects import (
    Entry,
    ObjectsConfig,
    ObjectStore,
    Read,
    changing,
    checked_connections,
    vanished,
)
from rag.errors import ConfigError, DocumentFailed, RagError, SourceError

PAGE = 1000
_BUSY = {408, 429, 500, 502, 503, 504}
_T = TypeVar("_T")


class AzureConfig(ObjectsConfig):
    """Which container, and which blobs of it."""

    account: str = Field(pattern=r"^[a-z0-9]{3,24}$", description="Name of the storage account.")
    container: str = Field(
        pattern=r"^(\$root|\$web|[a-z0-9][a-z0-9-]{1,61}[a-z0-9])$",
        description="Name of the container.",
    )
    account_key: SecretStr | None = Field(None, description="A key of the account.")
    sas_token: SecretStr | None = Field(
        None, description="Or a shared access signature that may read and list."
    )
    endpoint_url: str = Field(
        "", description="Address of the blob service where it is not the account's usual one."
    )

    @field_validator("endpoint_url")
    @classmethod
    def _secure(cls, url: str) -> str:
        return url and secure(url)

    @field_validator("account_key")
    @classmethod
    def _decodable(cls, key: SecretStr | None) -> SecretStr | None:
        try:
            base64.b64decode(key.get_secret_value() if key else "", validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError("this is not an account key") from error
        return key

    @model_validator(mode="after")
    def _one_credential(self) -> AzureConfig:
        if self.account_key and self.sas_token:
            raise ValueError("account_key and sas_token exclude each other")
        return self


class AzureConnector(ObjectStore):
    """Blobs of an Azure storage container, by account key, SAS token or, if public, without.

    `revision` is ETag and size. The SDK gets a transport of ours, follows no redirects and reads
    nothing of this machine's environment. A listing whose marker is refused breaks off.
    """

    Config: ClassVar[type[BaseModel]] = AzureConfig
    verified: ClassVar[str] = "azurite, and answers by Azure's published schema; not Azure itself"

    def __init__(self, config: AzureConfig, sleep: Sleep = asyncio.sleep) -> None:
        self._address = config.endpoint_url or f"https://{config.account}.blob.core.windows.net"
        super().__init__(config, f"{self._address}/{config.container}")
        self.config = config
        self._sleep = sleep
        self._client: Any = None
        self._opened = AsyncExitStack()
        self._lock = asyncio.Lock()
        try:
            import azure.storage.blob  # noqa: F401  # pyright: ignore
        except ImportError as error:
            raise ConfigError(
                "Azure sources need the package adlfs, which brings azure-storage-blob.",
                hint="Install it: pip install 'ratchet-rag[azure]'",
            ) from error

    async def aclose(self) -> None:
        async with self._lock:
            self._client = None
            await self._opened.aclose()

    async def _pages(self) -> AsyncIterator[tuple[list[Entry], bool]]:
        marker = ""

        async def page() -> tuple[list[Any], str]:
            client = await self._connected()
            pages = client.list_blobs(
                name_starts_with=self.config.prefix or None,
                include=["metadata"],
                results_per_page=PAGE,
            ).by_page(continuation_token=marker or None)
            found = [blob async for blob in await anext(pages)]
            # The SDK takes any answer that is not XML of this kind for an empty page.
            if pages.container != self.config.container:
                raise SourceError(
                    f"{self._address} answers with what is no listing.",
                    hint="Does it ask to sign in? Check endpoint_url.",
                )
            return found, str(pages.continuation_token or "")

        while True:
            blobs, following = await self._patiently(page)
            if following and following == marker:
                raise SourceError(f"The listing of {self.config.container} does not get on.")
            marker = following
            yield [_entry(blob) for blob in blobs], bool(marker)
            if not marker:
                return

    async def _read(self, name: str, version: str, size: int, uri: str) -> Read:
        from azure.core import MatchConditions

        limit = self.config.max_bytes

        async def read() -> Read:
            client = await self._connected()
            blob = await client.download_blob(
                name,
                etag=f'"{version}"',
                match_condition=MatchConditions.IfNotModified,
                max_concurrency=1,
            )
            if blob.size > limit:
                raise self.too_large(uri, blob.size)
            data = bytearray()
            async for piece in blob.chunks():
                data += piece
                if len(data) > limit:
                    raise self.too_large(uri, len(data))
            if len(data) != size:
                raise changing(uri)
            said = blob.properties
            return Read(bytes(data), said.last_modified, said.content_settings.content_type or "")

        return await self._patiently(read, uri)

    async def _patiently(self, once: Callable[[], Awaitable[_T]], uri: str = "") -> _T:
        """Once, or again while the service is only busy: the SDK's own waits heed nothing said."""
        for attempt in range(1, ATTEMPTS):
            try:
                async with asyncio.timeout(self.config.timeout_s):
                    return await once()
            except Exception as error:
                if getattr(error, "status_code", 0) not in _BUSY:
                    raise self._translated(error, uri) from error
                busy: Any = error
                wait = pause(busy.response.headers if busy.response else {}, attempt)
            await self._sleep(wait)
        try:
            async with asyncio.timeout(self.config.timeout_s):
                return await once()
        except Exception as error:
            raise self._translated(error, uri) from error

    async def _connected(self) -> Any:
        async with self._lock:
            if self._client is None:
                self._client = await self._connect()
            return self._client

    async def _connect(self) -> Any:
        import aiohttp
        from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
        from azure.core.pipeline.transport import AioHttpTransport
        from azure.storage.blob.aio import ContainerClient

        config = self.config
        credential: Any = None
        if config.account_key is not None:
            key = config.account_key.get_secret_value()
            credential = AzureNamedKeyCredential(config.account, key)
        elif config.sas_token is not None:
            credential = AzureSasCredential(config.sas_token.get_secret_value().lstrip("?"))
        checked = await checked_connections(self._address, config.networks)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(**checked),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        client: Any = ContainerClient(
            self._address,
            config.container,
            credential=credential,
            transport=AioHttpTransport(session=session, use_env_settings=False),
            connection_timeout=10,
            read_timeout=min(60, config.timeout_s),
            retry_total=0,
            permit_redirects=False,
        )
        return await self._opened.enter_async_context(client)

    def _translated(self, error: Exception, uri: str) -> RagError:
        """What the service or the way to it said; `uri` where one blob was asked for."""
        inner: Any = getattr(error, "inner_exception", None) or error
        if isinstance(inner, RagError):
            return inner
        status: int = getattr(error, "status_code", None) or 0
        named: Any = getattr(error, "error_code", None)
        code = str(getattr(named, "value", named) or status or "")
        container = f"The container {self.config.container}"
        if uri and status == 404:
            return vanished(uri)
        if uri and status == 412:
            return changing(uri)
        if status in (401, 403) or code == "InvalidAuthenticationInfo":
            said = f"{container} refuses the credentials: {code} (auth_error)."
            hint = "Check account_key or sas_token and what it may read."
            return (
                DocumentFailed("auth_error", said, hint=hint)
                if uri
                else SourceError(said, hint=hint)
            )
        said = "no answer in time" if isinstance(error, TimeoutError) else code or str(inner)
        return SourceError(f"{container} cannot be read: {said}.")


def _entry(blob: Any) -> Entry:
    # Accounts with real folders list each as an empty blob that is marked so.
    folder = blob.metadata and blob.metadata.get("hdi_isfolder") == "true"
    name = f"{blob.name.rstrip('/')}/" if folder else str(blob.name)
    return Entry(name, int(blob.size), str(blob.etag).strip('"'))
