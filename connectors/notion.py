"""Pages of a Notion workspace, rows of its databases included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, ClassVar, cast

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors._api import Api, Sleep, fetching, moment, secure
from connectors._blocks import PAGES, Block, facts, markup, title
from connectors._threads import page as html_page
from rag.errors import DocumentFailed, DocumentRejected, SourceError
from rag.types import EVERYONE, Change, Cursor, RawDocument, utc_now

PAGE, MOST_BLOCKS, DEEPEST = 100, 20_000, 30
_VERSION = {"Notion-Version": "2025-09-03"}
# Notion tells times to the minute: a page edited just now may be edited again without a trace.
_SETTLED = timedelta(minutes=2)
# What is searched lags behind what was edited.
_OVERLAP = timedelta(hours=1)


class NotionConfig(BaseModel):
    """A token of an integration; it reads the pages that are shared with it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr = Field(description="Secret of an internal integration, ntn_….")
    readers: tuple[str, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read: user:NAME, group:NAME or everyone."
    )
    timeout_s: float = Field(60, gt=0, le=600, description="Longest time for one answer.")
    api_url: str = Field("https://api.notion.com", description="Where the interface is.")
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )

    _secure = field_validator("api_url")(secure)


class NotionConnector:
    """Pages that a Notion integration may read, rows of databases included.

    Lists by search, last edited first; `key` is the page's id. A cursor is the time of the last
    edit that was seen; from there on pages are listed that were edited after it. Notion tells
    nobody what was deleted: the next full listing finds it.
    """

    Config: ClassVar[type[BaseModel]] = NotionConfig
    verified: ClassVar[str] = "answers by Notion's published schema; not notion.com"

    def __init__(self, config: NotionConfig, sleep: Sleep = asyncio.sleep) -> None:
        # notion-client would add its own waiting and logging to what is one JSON object each way.
        self.config = config
        self._api = Api(
            "Notion",
            f"{config.api_url}/v1",
            self._obtain,
            networks=config.networks,
            timeout=config.timeout_s,
            sleep=sleep,
        )

    async def check(self) -> str:
        async for found in self._search():
            more = "at least " if len(found) == PAGE else ""
            return f"{more}{len(found)} pages are shared with the integration."
        return "No page is shared with the integration."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        since = moment(state.value)
        now, latest, seen = utc_now(), state.value or "", set[str]()
        async for found in self._search():
            for one in found:
                edited = moment(one.get("last_edited_time"))
                if edited is None:
                    raise SourceError("Notion lists a page without the time of its last edit.")
                if since and edited < since - _OVERLAP:
                    yield Change(kind="complete", cursor=latest)
                    return
                if one["id"] in seen or one.get("in_trash") or one.get("archived"):
                    continue
                seen.add(one["id"])
                latest = max(latest, edited.isoformat())
                yield Change(
                    kind="upsert",
                    key=one["id"],
                    uri=str(one["url"]),
                    revision=edited.isoformat() + ("" if edited < now - _SETTLED else " or later"),
                    readers=frozenset(self.config.readers),
                )
        yield Change(kind="complete", cursor=latest or None)

    async def fetch(self, change: Change) -> RawDocument:
        with fetching():
            about = await self._ask("GET", f"pages/{change.key}", change.uri)
            if about.get("in_trash") or about.get("archived"):
                raise DocumentFailed("vanished", f"{change.uri} was deleted after it was listed.")
            blocks = await self._blocks(change)
        properties: dict[str, Any] = about.get("properties") or {}
        called = title(properties) or "Untitled"
        return RawDocument(
            key=change.key,
            uri=change.uri,
            name=f"{called[:100]}.html",
            data=html_page(called, facts(properties), markup(blocks)),
            media_type="text/html",
            title=called,
            modified_at=moment(about.get("last_edited_time")),
            readers=change.readers,
        )

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _obtain(self) -> tuple[str, float]:
        return self.config.token.get_secret_value(), float("inf")

    async def _search(self) -> AsyncIterator[list[dict[str, Any]]]:
        asked: dict[str, Any] = {
            "filter": {"property": "object", "value": "page"},
            "sort": {"timestamp": "last_edited_time", "direction": "descending"},
            "page_size": PAGE,
        }
        while True:
            found, following = await self._page("POST", "search", json=asked)
            yield found
            if not following:
                return
            asked["start_cursor"] = following

    async def _blocks(self, change: Change) -> list[Block]:
        """All blocks of a page, each with those below it as `children`."""
        top: list[Block] = []
        waiting = [(change.key, top, 1)]
        count = 0
        while waiting:
            parent, into, depth = waiting.pop()
            params = {"page_size": str(PAGE)}
            following = "first"
            while following:
                path = f"blocks/{parent}/children"
                found, following = await self._page("GET", path, params=params, uri=change.uri)
                params["start_cursor"] = following
                into += found
                count += len(found)
                if count > MOST_BLOCKS or depth > DEEPEST:
                    raise DocumentRejected(
                        "too_large",
                        f"{change.uri} has more than {MOST_BLOCKS:,} blocks or {DEEPEST} levels.",
                        hint="Split the page.",
                    )
            for block in into:
                if block.get("has_children") and block.get("type") not in PAGES:
                    below: list[Block] = []
                    block["children"] = below
                    waiting.append((block["id"], below, depth + 1))
        return top

    async def _page(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        json: Any = None,
        uri: str = "",
    ) -> tuple[list[dict[str, Any]], str]:
        """One page of a list, and what to ask the next with."""
        body = await self._ask(method, path, uri, params=params, json=json)
        found: Any = body.get("results")
        following = body.get("next_cursor") or ""
        if not isinstance(found, list) or bool(following) != bool(body.get("has_more")):
            raise SourceError("Notion answers with what is no list.", hint="Nothing was deleted.")
        return cast("list[dict[str, Any]]", found), str(following)

    async def _ask(
        self,
        method: str,
        path: str,
        uri: str = "",
        *,
        params: dict[str, str] | None = None,
        json: Any = None,
    ) -> dict[str, Any]:
        """`uri` is what messages call a page that was listed and is gone."""
        answer = await self._api.ask(method, path, params=params, headers=_VERSION, json=json)
        if answer.status == 404 and uri:
            raise DocumentFailed("vanished", f"{uri} vanished after it was listed.")
        if answer.status != 200:
            raise self._api.unexpected(answer, str(answer.body.get("code", "")))
        return answer.body
