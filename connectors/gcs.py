"""Objects of a Google Cloud Storage bucket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, cast
from urllib.parse import quote

from pydantic import BaseModel, Field, SecretStr, field_validator

from connectors._api import Answer, Api, Refused, Sleep, secure
from connectors._objects import Entry, ObjectsConfig, ObjectStore, Read, changing
from connectors._service_account import ServiceAccount, key_file
from rag.errors import DocumentFailed, SourceError

PAGE = 1000
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_only"
_FIELDS = "kind,nextPageToken,items(name,size,generation)"


class GcsConfig(ObjectsConfig):
    """Which bucket, and which objects of it."""

    bucket: str = Field(
        pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", description="Name of the bucket."
    )
    service_account: SecretStr = Field(
        description="Key file, as JSON, of an account that may list and read the bucket."
    )
    endpoint_url: str = Field(
        "https://storage.googleapis.com", description="Where the interface is."
    )
    token_url: str = Field(
        "https://oauth2.googleapis.com/token", description="Where tokens are given out."
    )

    _secure = field_validator("endpoint_url", "token_url")(secure)
    _key_file = field_validator("service_account")(key_file)


class GcsConnector(ObjectStore):
    """Objects of a Google Cloud Storage bucket, by a service account.

    `revision` is generation and size. Google's own client and gcsfs ask for tokens with a client
    of their own, so only the signing is theirs and the rest goes through the fetcher.
    """

    Config: ClassVar[type[BaseModel]] = GcsConfig
    verified: ClassVar[str] = (
        "gcp-storage-emulator, and answers by Google's schema; not Google itself"
    )

    def __init__(self, config: GcsConfig, sleep: Sleep = asyncio.sleep) -> None:
        super().__init__(config, f"https://storage.cloud.google.com/{config.bucket}")
        self.config = config
        self._account = ServiceAccount(config.service_account, _SCOPE, config.token_url, "gcs")
        self._api = Api(
            "Google Cloud Storage",
            f"{config.endpoint_url}/storage/v1/b/{config.bucket}",
            self._obtain,
            networks=config.networks,
            timeout=config.timeout_s,
            max_bytes=config.max_bytes,
            sleep=sleep,
        )

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _pages(self) -> AsyncIterator[tuple[list[Entry], bool]]:
        token = ""
        while True:
            asked = {"prefix": self.config.prefix, "maxResults": str(PAGE), "fields": _FIELDS}
            answer = await self._api.ask("GET", "o", params=asked | {"pageToken": token})
            if answer.status != 200:
                raise self._api.unexpected(answer, _said(answer.body))
            entries, following = self._entries(answer)
            if following and following == token:
                raise SourceError(f"The listing of {self.config.bucket} does not get on.")
            token = following
            yield entries, bool(token)
            if not token:
                return

    async def _read(self, name: str, version: str, size: int, uri: str) -> Read:
        asked = {"alt": "media", "ifGenerationMatch": version}
        path = f"o/{quote(name, safe='')}"
        try:
            # A page that asks to sign in has another size than the object.
            answer = await self._api.download(path, uri, "text/html", params=asked)
        except Refused as error:
            raise DocumentFailed("auth_error", error.message, hint=error.hint) from error
        if answer.status in (401, 403):
            refusal = self._api.refused(f"status {answer.status}")
            raise DocumentFailed("auth_error", refusal.message, hint=refusal.hint)
        if answer.status == 412:
            raise changing(uri)
        if answer.status != 200:
            raise SourceError(f"{uri} is answered with {answer.status}.")
        squeezed = "content-encoding" in answer.headers  # kept so, and sized so, by the store
        if len(answer.content) != size and not squeezed:
            raise changing(uri)
        said = answer.headers
        modified = said.get("last-modified")
        return Read(
            answer.content,
            parsedate_to_datetime(modified) if modified else None,
            said.get("content-type", ""),
        )

    async def _obtain(self) -> tuple[str, float]:
        return await self._account.token(self._api)

    def _entries(self, answer: Answer) -> tuple[list[Entry], str]:
        body = answer.body
        try:
            if body["kind"] != "storage#objects":
                raise ValueError(body["kind"])
            entries = [
                Entry(str(one["name"]), int(one["size"]), str(one["generation"]))
                for one in body.get("items", [])
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f"{self.config.endpoint_url} answers with what is no listing.",
                hint="Check endpoint_url.",
            ) from error
        return entries, str(body.get("nextPageToken") or "")


def _said(body: dict[str, Any]) -> str:
    error = body.get("error")
    return str(cast("dict[str, Any]", error).get("message", "")) if isinstance(error, dict) else ""
