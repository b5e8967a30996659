"""Pages of a Notion workspace, rows of its databases included."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors._api import Answer, Api, Sleep, fetching, moment, secure
from connectors._blocks import PAGES, Block, facts, markup, title
from connectors._threads import page as html_page
from rag.errors import DocumentFailed, DocumentRejected, SourceError
from rag.readers import Reader
from rag.types import EVERYONE, Change, Cursor, RawDocument, utc_now

PAGE, MOST_BLOCKS, DEEPEST = 100, 20_000, 30
_VERSION = {"Notion-Version": "2025-09-03"}
_SEARCH = {
    "filter": {"property": "object", "value": "page"},
    "sort": {"timestamp": "last_edited_time", "direction": "descending"},
    "page_size": PAGE,
}
# Notion tells times to the minute: a page edited just now may be edited again without a trace.
_SETTLED = timedelta(minutes=2)


class NotionConfig(BaseModel):
    """A token of an integration; it reads the pages that are shared with it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr = Field(description="Secret of an internal integration, ntn_….")
    pages: tuple[str, ...] = Field(
        (),
        description="Pages and databases to read with all below them, by address or id. Empty "
        "reads what a search finds, which may leave pages out: then none is ever deleted.",
    )
    readers: tuple[Reader, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read: user:NAME, group:NAME or everyone."
    )
    timeout_s: float = Field(60, gt=0, le=600, description="Longest time for one answer.")
    api_url: str = Field("https://api.notion.com", description="Where the interface is.")
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )

    _secure = field_validator("api_url")(secure)

    @field_validator("pages")
    @classmethod
    def _known_ids(cls, pages: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(_id, pages)))


class NotionConnector:
    """Pages that a Notion integration may read, rows of databases included.

    `key` is the page's id. What is below the configured pages is walked, page by page, and that
    listing is complete. A search is not: Notion does not promise that it names every page, so what
    it leaves out is not deleted, only what it names as deleted. Notion keeps no history to resume
    from, so there is no cursor.
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
        roots = [await self._root(page) for page in self.config.pages]
        if roots:
            several = "s" * (len(roots) > 1)
            return f"{len(roots)} page{several} or database{several} with all below."
        async for found in self._listed("POST", "search", json=_SEARCH):
            more = "at least " if len(found) == PAGE else ""
            return f"{more}{len(found)} pages are shared with the integration."
        return "No page is shared with the integration."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        """A full listing each time; see the class for when it is complete."""
        now, seen, walk = utc_now(), set[str](), _Walk()
        async for one in self._below(walk) if self.config.pages else self._searched():
            edited = moment(one.get("last_edited_time"))
            if edited is None:
                raise SourceError("Notion lists a page without the time of its last edit.")
            if one["id"] in seen:
                continue
            seen.add(one["id"])
            yield Change(
                kind="delete" if _deleted(one) else "upsert",
                key=one["id"],
                uri=str(one["url"]),
                revision=edited.isoformat() + ("" if edited < now - _SETTLED else " or later"),
                readers=frozenset(self.config.readers),
            )
        if self.config.pages and walk.whole:
            yield Change(kind="complete")

    async def fetch(self, change: Change) -> RawDocument:
        with fetching():
            about = await self._ask("GET", f"pages/{change.key}", change.uri)
            if _deleted(about):
                raise DocumentFailed("vanished", f"{change.uri} was deleted after it was listed.")
            blocks = await self._blocks(change.key, change.uri)
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

    async def _searched(self) -> AsyncIterator[dict[str, Any]]:
        async for found in self._listed("POST", "search", json=_SEARCH):
            for one in found:
                yield one

    async def _below(self, walk: _Walk) -> AsyncIterator[dict[str, Any]]:
        """The configured pages and all pages and rows below them."""
        waiting = [await self._root(page) for page in self.config.pages]
        met: set[str] = set()
        while waiting:
            block = waiting.pop()
            if block["id"] in met:
                continue
            met.add(block["id"])
            if block["type"] == "child_database":
                pages = self._rows(block["id"], walk)
            else:
                pages = self._one(block["id"])
            async for page in pages:
                met.add(page["id"])
                yield page
                try:
                    blocks = await self._blocks(page["id"], str(page["url"]))
                except (DocumentFailed, DocumentRejected):
                    # It vanished meanwhile or is too large: what is below it is not known.
                    walk.whole = walk.whole and _deleted(page)
                else:
                    waiting += _pages_in(blocks)

    async def _root(self, page: str) -> Block:
        """A configured page or database, as the block that stands for it."""
        answer = await self._answer("GET", f"blocks/{page}")
        if answer.status == 404 or answer.body.get("type") not in PAGES:
            raise SourceError(
                f"Notion shows the integration no page or database {page}.",
                hint="Share it with the integration, or take it out of 'pages'.",
            )
        return answer.body

    async def _one(self, page: str) -> AsyncIterator[dict[str, Any]]:
        """The page, or none where the integration may not see it."""
        answer = await self._answer("GET", f"pages/{page}")
        if answer.status != 404:
            yield answer.body

    async def _rows(self, database: str, walk: _Walk) -> AsyncIterator[dict[str, Any]]:
        answer = await self._answer("GET", f"databases/{database}")
        # A view of a database that is elsewhere, or one that the integration may not see.
        if answer.status == 404 or _deleted(answer.body):
            return
        waiting = _records(answer.body, "data_sources")
        while waiting:
            path = f"data_sources/{waiting.pop()['id']}/query"
            async for found in self._listed("POST", path, json={"page_size": PAGE}, walk=walk):
                for one in found:
                    if one.get("object") == "data_source":
                        waiting.append(one)
                    else:
                        yield one

    async def _blocks(self, page: str, uri: str) -> list[Block]:
        """All blocks of a page, each with those below it as `children`."""
        top: list[Block] = []
        waiting = [(page, top, 1)]
        count = 0
        while waiting:
            parent, into, depth = waiting.pop()
            async for found in self._listed("GET", f"blocks/{parent}/children", uri=uri):
                into += found
                count += len(found)
                if count > MOST_BLOCKS or depth > DEEPEST:
                    raise DocumentRejected(
                        "too_large",
                        f"{uri} has more than {MOST_BLOCKS:,} blocks or {DEEPEST} levels.",
                        hint="Split the page.",
                    )
            for block in into:
                if block.get("has_children") and block.get("type") not in PAGES:
                    below: list[Block] = []
                    block["children"] = below
                    waiting.append((block["id"], below, depth + 1))
        return top

    async def _listed(
        self,
        method: str,
        path: str,
        *,
        json: dict[str, Any] | None = None,
        uri: str = "",
        walk: _Walk | None = None,
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """The pages of a list. Of a database, Notion tells 10,000 rows and then says so."""
        given: dict[str, str] = {}
        while True:
            params = {"page_size": str(PAGE), **given} if method == "GET" else None
            asked = None if json is None else {**json, **given}
            body = await self._ask(method, path, uri, params=params, json=asked)
            status: dict[str, Any] = body.get("request_status") or {}
            if walk is not None and status.get("type") == "incomplete":
                walk.whole = False
            following = body.get("next_cursor") or ""
            found = _records(body, "results")
            if bool(following) != bool(body.get("has_more")):
                raise _no_list()
            yield found
            if not following:
                return
            given = {"start_cursor": str(following)}

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
        answer = await self._answer(method, path, params=params, json=json)
        if answer.status == 404:
            if uri:
                raise DocumentFailed("vanished", f"{uri} vanished after it was listed.")
            raise self._api.unexpected(answer, str(answer.body.get("code", "")))
        return answer.body

    async def _answer(
        self, method: str, path: str, *, params: dict[str, str] | None = None, json: Any = None
    ) -> Answer:
        """What Notion says, or that there is none such (404)."""
        answer = await self._api.ask(method, path, params=params, headers=_VERSION, json=json)
        if answer.status not in (200, 404):
            raise self._api.unexpected(answer, str(answer.body.get("code", "")))
        return answer


@dataclass
class _Walk:
    """How a listing fares: `whole` while nothing that might be there was left out."""

    whole: bool = True


def _id(named: str) -> str:
    """The id at the end of a page's address, or given alone, as Notion writes it."""
    path = re.split("[?#]", named.strip())[0].replace("-", "")
    found = re.search("[0-9a-fA-F]{32}$", path)
    if found is None:
        raise ValueError(f"'{named}' does not end in the id of a page or database")
    return str(UUID(found[0]))


def _deleted(page: dict[str, Any]) -> bool:
    return bool(page.get("in_trash") or page.get("archived"))


def _pages_in(blocks: list[Block]) -> Iterable[Block]:
    waiting = [*blocks]
    while waiting:
        block = waiting.pop()
        if block.get("type") in PAGES:
            yield block
        waiting += block.get("children") or []


def _records(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found: Any = body.get(name)
    if not isinstance(found, list):
        raise _no_list()
    return cast("list[dict[str, Any]]", found)


def _no_list() -> SourceError:
    return SourceError("Notion answers with what is no list.")
