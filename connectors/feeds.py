"""RSS and Atom feeds: each item is a document."""

from __future__ import annotations

import asyncio
import html
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors._pages import HeaderValue, Kept, digest, need, normal
from rag.egress import fetcher
from rag.errors import DocumentFailed, DocumentRejected, Forbidden, SourceError
from rag.readers import Reader
from rag.types import EVERYONE, Change, Cursor, RawDocument

_MARKUP = {"text/html", "application/xhtml+xml"}


class FeedsConfig(BaseModel):
    """Which feeds to read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    urls: tuple[str, ...] = Field(min_length=1, description="Addresses of RSS or Atom feeds.")
    authorization: HeaderValue = Field(
        SecretStr(""), description="Authorization header for these feeds, e.g. Bearer abc."
    )
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )
    timeout_s: float = Field(30, gt=0, le=600, description="Longest time for one feed.")
    max_bytes: int = Field(20_000_000, ge=1, description="A larger feed is an error.")
    readers: tuple[Reader, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read these items."
    )

    @field_validator("urls")
    @classmethod
    def _addresses(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        known = [one for one in map(normal, urls) if one]
        if len(known) < len(urls):
            raise ValueError("'urls' hold http or https addresses.")
        return tuple(dict.fromkeys(known))


class FeedsConnector:
    """Reads what the feeds carry: the text of the items, not the pages they link to.

    Feeds drop items by age, so an item that is missing is not deleted: no listing is `complete`.
    Whoever wants old items gone removes the source. Where a feed cannot be read, the others are,
    and then the listing ends in SourceError.
    """

    Config: ClassVar[type[BaseModel]] = FeedsConfig
    verified: ClassVar[str] = "RSS and Atom feeds over HTTP"

    def __init__(self, config: FeedsConfig) -> None:
        self.config = config
        self._http = fetcher(config.networks, timeout=config.timeout_s, max_bytes=config.max_bytes)
        self._kept = Kept()

    async def check(self) -> str:
        items = sum([len(await self._items(feed)) for feed in self.config.urls])
        count = len(self.config.urls)
        return f"{items} items in {count} feed{'' if count == 1 else 's'}."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        """The items of now, newest as each feed has them; see the class for why never complete."""
        problems: list[str] = []
        readers = frozenset(self.config.readers)
        for feed in self.config.urls:
            try:
                items = await self._items(feed)
            except (SourceError, DocumentRejected, Forbidden) as error:
                problems.append(error.message)
                continue
            for item in items:
                self._kept.put(item)
                yield Change(
                    kind="upsert",
                    key=item.key,
                    uri=item.uri,
                    revision=digest(item.data),
                    readers=readers,
                )
        if problems:
            raise SourceError(" ".join(problems))

    async def fetch(self, change: Change) -> RawDocument:
        item = self._kept.take(change.key)
        if item is None:
            try:
                items = await self._items(change.key.partition(" ")[0])
            except SourceError as error:
                raise DocumentFailed("unreachable", error.message, hint=error.hint) from error
            except Forbidden as error:
                raise DocumentRejected("blocked_address", error.message, hint=error.hint) from error
            for one in items:
                self._kept.put(one)
            item = self._kept.take(change.key)
        if item is None:
            raise DocumentFailed("vanished", f"{change.uri} is no longer in its feed.")
        return item.model_copy(update={"readers": change.readers})

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _items(self, feed: str) -> list[RawDocument]:
        secret = self.config.authorization.get_secret_value()
        response = await self._http.get(feed, headers={"Authorization": secret} if secret else {})
        if response.status != 200:
            raise SourceError(f"{feed} answers {response.status}.")
        headers = {
            "content-type": response.headers.get("content-type", ""),
            "content-location": response.url,
        }
        return await asyncio.to_thread(_read, feed, response.content, headers)


def _read(feed: str, content: bytes, headers: dict[str, str]) -> list[RawDocument]:
    # As a stream: plain bytes would be tried as the name of a file first.
    parsed = need("feedparser", "feeds").parse(io.BytesIO(content), response_headers=headers)
    if not parsed.get("version"):
        raise SourceError(f"{feed} is not a feed.", hint="Does it ask to sign in?")
    items: dict[str, RawDocument] = {}
    for entry in parsed.entries:
        # A plain dict: the parser's own takes one date for another, with a warning.
        item = _item(feed, dict(entry))
        # Some feeds repeat an identifier: the first is the newest.
        items.setdefault(item.key, item)
    return list(items.values())


def _item(feed: str, entry: dict[str, Any]) -> RawDocument:
    title = _plain(entry.get("title", ""))
    parts = [part for part in entry.get("content", []) if part.get("value", "").strip()]
    part = (
        max(parts, key=lambda one: len(one["value"])) if parts else entry.get("summary_detail", {})
    )
    kind, body = part.get("type", ""), part.get("value", "")
    text = body if kind in _MARKUP else f"<p>{html.escape(body)}</p>"
    shown = html.escape(title)
    data = (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{shown}</title></head>'
        f"<body><h1>{shown}</h1>{text}</body></html>"
    ).encode("utf-8", "replace")
    link = normal(entry.get("link", "")) or feed
    name = entry.get("id") or entry.get("link") or digest(data)
    return RawDocument(
        key=f"{feed} {name}",
        uri=link,
        name=f"{title[:100] or 'item'}.html",
        data=data,
        media_type="text/html",
        title=title or None,
        modified_at=_time(entry.get("updated_parsed") or entry.get("published_parsed")),
    )


def _plain(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def _time(parts: Any) -> datetime | None:
    try:
        return datetime(*parts[:6], tzinfo=UTC) if parts else None
    except ValueError:
        return None
