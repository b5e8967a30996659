"""Any JSON API, declared in the configuration: where items are, how pages follow, what is what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors._api import fetching, secure
from connectors._pages import Kept, digest, need
from connectors._sdk import Item, Items, rows, understood, vendor_session
from connectors._threads import markdown, page
from rag.errors import ConfigError, DocumentFailed, SourceError
from rag.readers import Reader
from rag.types import EVERYONE, Change, Cursor, RawDocument, utc_now

VENDOR = "The API"
_TYPES = {"markdown": ("md", "text/markdown"), "html": ("html", "text/html")}


class RestConfig(BaseModel):
    """Where the items are and what their fields mean. Fields are JSONPaths, e.g. body.text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="Address below which everything lies, e.g. https://host/api/v1.")
    path: str = Field(description="Path of the listing, e.g. articles.")
    params: dict[str, str] = Field(default_factory=dict, description="Parameters always sent.")
    items: str = Field("$", description="JSONPath of the list in an answer; $ is the answer.")

    auth: Literal["none", "bearer", "basic", "header"] = Field(
        "none", description="How the secret is sent."
    )
    secret: SecretStr = Field(SecretStr(""), description="Token, password or key.")
    username: str = Field("", description="Who signs in, with basic.")
    header: str = Field("X-API-Key", description="Header that the secret is sent in, with header.")

    paging: Literal["none", "link_header", "next_url", "cursor", "offset", "page"] = Field(
        "none", description="How an answer leads to the next one."
    )
    paging_path: str = Field(
        "next", description="JSONPath of the next address or cursor, with next_url and cursor."
    )
    paging_param: str = Field(
        "", description="Parameter of cursor, offset or page, if it is called otherwise."
    )
    first_page: int = Field(1, ge=0, description="Number of the first page, with page.")
    page_size: int = Field(100, ge=2, le=10_000, description="Items on a page, with offset.")
    page_size_param: str = Field("limit", description="Parameter that asks for it, with offset.")

    key: str = Field("id", description="What identifies an item for ever.")
    title: str = Field("title", description="Its title.")
    text: str = Field("text", description="Its text; several places are put together.")
    format: Literal["markdown", "html", "text"] = Field("markdown", description="What it is in.")
    uri: str = Field("", description="Address that a person can open.")
    modified: str = Field("", description="When it was changed, as ISO 8601 or seconds.")
    since_param: str = Field(
        "", description="Parameter that asks for items changed at a time or later."
    )
    detail: str = Field(
        "", description="Path of one item with its text, e.g. articles/{key}; empty if listed."
    )
    readers_path: str = Field("", description="Who may read it; empty takes `readers`.")
    readers_prefix: Literal["", "user:", "group:"] = Field(
        "", description="What to put before each of these names."
    )
    readers: tuple[Reader, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read: user:NAME, group:NAME or everyone."
    )
    timeout_s: float = Field(60, gt=0, le=600, description="Longest time for one request.")
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )

    @field_validator("url")
    @classmethod
    def _secure(cls, url: str) -> str:
        return secure(url)

    @field_validator("path", "detail")
    @classmethod
    def _below(cls, path: str) -> str:
        if "://" in path or ".." in path or "?" in path or "#" in path:
            raise ValueError("this is no path; parameters have a field of their own")
        return path.strip("/")

    @model_validator(mode="after")
    def _whole(self) -> RestConfig:
        if (self.auth == "none") == bool(self.secret.get_secret_value()):
            raise ValueError("auth and secret go together")
        if bool(self.detail) != ("{key}" in self.detail):
            raise ValueError("detail names {key}")
        if (self.detail or self.since_param) and not self.modified:
            raise ValueError("detail and since_param need modified")
        return self


class RestConnector:
    """Lists the items page by page; with `since_param` a sync asks only for what changed, and what
    was deleted shows at the next full listing.

    Pages by number hide an item when one before it vanishes meanwhile; every other kind is safe
    from that, or notices it and deletes nothing.
    """

    Config: ClassVar[type[BaseModel]] = RestConfig
    verified: ClassVar[str] = "HTTP servers of our own, every way of paging"

    def __init__(self, config: RestConfig) -> None:
        self.config = config
        self._kept = Kept()
        self._paths = {
            name: _compiled(name, getattr(config, name))
            for name in ("items", "key", "title", "text", "uri", "modified", "readers_path")
            if getattr(config, name)
        }
        if config.paging in ("next_url", "cursor"):
            _compiled("paging_path", config.paging_path)
        self._session = vendor_session(
            VENDOR, config.url, networks=config.networks, timeout=config.timeout_s
        )
        secret = config.secret.get_secret_value()
        if config.auth == "basic":
            self._session.auth = (config.username, secret)
        elif config.auth == "bearer":
            self._session.headers["Authorization"] = f"Bearer {secret}"
        elif config.auth == "header":
            self._session.headers[config.header] = secret

    async def check(self) -> str:
        pages = self._pages({})
        try:
            with understood(VENDOR):
                names = [self._change(item).key for item in await anext(pages, ())]
        finally:
            await pages.aclose()
        if not names:
            return f"{self._listing} is empty."
        return f"{self._listing}: {len(names)} items on the first page, such as {names[0]}."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        began, newest = utc_now(), _resumed(state) if self.config.since_param else None
        asked = {self.config.since_param: newest} if newest else {}
        with understood(VENDOR):
            async for item in self._items(asked):
                change = self._change(item)
                if not self.config.detail and change.kind == "upsert":
                    self._kept.put(self._document(item, change))
                yield change
                changed = self._one("modified", item)
                # What changes from now on may have been listed before it did.
                if changed and _time(changed) <= began:
                    newest = max(newest or changed, changed, key=_time)
        cursor = json.dumps(newest) if newest and self.config.since_param else None
        yield Change(kind="complete", cursor=cursor)

    async def fetch(self, change: Change) -> RawDocument:
        kept = self._kept.take(change.key)
        if kept:
            return kept
        with fetching(), understood(VENDOR):
            item = await self._detail(change.key)
            if item is None:
                raise DocumentFailed("vanished", f"{change.uri} is gone.")
            return self._document(item, change)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._session.close)

    @property
    def _listing(self) -> str:
        return f"{self.config.url}/{self.config.path}"

    async def _detail(self, key: str) -> Item | None:
        if not self.config.detail:
            async for item in self._items({}):
                if self._one("key", item) == key:
                    return item
            return None
        path = self.config.detail.replace("{key}", quote(key, safe=""))
        params = dict(self.config.params)
        response = await asyncio.to_thread(
            self._session.get, f"{self.config.url}/{path}", params=params
        )
        if response.status_code in (404, 410):
            return None
        _answered(response)
        return response.json()

    async def _items(self, asked: dict[str, str]) -> Items:
        async for found in self._pages(asked):
            for item in found:
                yield item

    async def _pages(self, asked: dict[str, str]) -> AsyncGenerator[list[Item]]:
        pages = await asyncio.to_thread(self._paginate, asked)
        before: list[Item] = []
        overlapping = self.config.paging == "offset"
        with understood(VENDOR):
            while (found := await asyncio.to_thread(next, pages, None)) is not None:
                if before and found == before:
                    raise SourceError("The listing does not get on.")
                if overlapping and before:
                    if found[:1] != before[-1:] and (found or len(before) == self.config.page_size):
                        raise SourceError(
                            "The listing changed while it was read, or has smaller pages.",
                            hint="Is page_size more than the API gives?",
                        )
                    yield found[1:]
                else:
                    yield found
                before = found

    def _paginate(self, asked: dict[str, str]) -> Iterator[list[Item]]:
        rest = need("dlt.sources.helpers.rest_client", "rest")
        runtime = need("dlt.common.configuration.specs.runtime_configuration", "rest")
        # Its own settings, not what lies in files and variables of this machine.
        client = rest.RESTClient(
            self.config.url, session=self._session, config=runtime.RuntimeConfiguration()
        )
        return client.paginate(
            self.config.path,
            params={**self.config.params, **asked},
            paginator=self._paginator(),
            data_selector=self._paths["items"],
            hooks={"response": [self._checked]},
        )

    def _paginator(self) -> Any:
        kinds, config = need("dlt.sources.helpers.rest_client.paginators", "rest"), self.config
        param = config.paging_param or config.paging
        match config.paging:
            case "none":
                return kinds.SinglePagePaginator()
            case "link_header":
                return kinds.HeaderLinkPaginator()
            case "next_url":
                return kinds.JSONLinkPaginator(config.paging_path)
            case "cursor":
                return kinds.JSONResponseCursorPaginator(config.paging_path, param)
            case "page":
                return kinds.PageNumberPaginator(
                    base_page=config.first_page, page_param=param, total_path=None
                )
            case "offset":
                made = kinds.OffsetPaginator(
                    limit=config.page_size,
                    limit_param=config.page_size_param,
                    offset_param=param,
                    total_path=None,
                )
                # Each page begins with the last item of the one before, to notice what vanishes.
                made.value_step = config.page_size - 1
                return made

    def _checked(self, response: Any, *_: Any, **__: Any) -> None:
        """No list where one should be must not pass for an empty one."""
        _answered(response)
        with understood(VENDOR):
            found = self._paths["items"].find(response.json())
            if len(found) != 1:
                raise SourceError(
                    f"{VENDOR} answers without a list at '{self.config.items}'.",
                    hint="Check `items`.",
                )
            rows(found[0].value)

    def _all(self, name: str, item: Item) -> list[str]:
        found: list[Any] = []
        for match in self._paths[name].find(item) if name in self._paths else ():
            value: Any = match.value
            found += rows(value) if isinstance(value, list) else [value]
        return [str(value) for value in found if isinstance(value, str | int | float)]

    def _one(self, name: str, item: Item) -> str:
        return next(iter(self._all(name, item)), "")

    def _change(self, item: Item) -> Change:
        key = self._one("key", item)
        if not key:
            raise KeyError(f"no '{self.config.key}' in an item")
        uri = self._one("uri", item) or f"{self._listing}#{quote(key)}"
        readers = frozenset(self.config.readers)
        if self.config.readers_path:
            prefix = self.config.readers_prefix
            readers = frozenset(f"{prefix}{name}" for name in self._all("readers_path", item))
            if not readers:  # it may have been open to more people before
                return Change(kind="delete", key=key, uri=uri, reason="no_readers")
        revision = self._one("modified", item) if self.config.detail else ""
        return Change(
            kind="upsert",
            key=key,
            uri=uri,
            revision=revision or digest(json.dumps(item, sort_keys=True).encode()),
            readers=readers,
        )

    def _document(self, item: Item, change: Change) -> RawDocument:
        title, text = self._one("title", item), "\n\n".join(self._all("text", item))
        suffix, media_type = _TYPES.get(self.config.format, ("txt", "text/plain"))
        match self.config.format:
            case "markdown":
                data = markdown(title or change.key, {}, text)
            case "html":
                data = page(title or change.key, {}, text)
            case "text":
                data = f"{title}\n\n{text}".strip().encode("utf-8", "replace")
        changed = self._one("modified", item)
        return RawDocument(
            key=change.key,
            uri=change.uri,
            name=f"{change.key}.{suffix}",
            data=data,
            media_type=media_type,
            title=title or None,
            modified_at=_time(changed) if changed else None,
            readers=change.readers,
        )


def _compiled(name: str, path: str) -> Any:
    errors = need("jsonpath_ng.exceptions", "rest")
    try:
        return need("jsonpath_ng.ext", "rest").parse(path)
    except errors.JSONPathError as error:
        raise ConfigError(f"'{path}' is no JSONPath.", hint=f"Correct `{name}`.") from error


def _answered(response: Any) -> None:
    if not response.ok:
        raise SourceError(f"{VENDOR} answers {response.status_code}.")


def _resumed(state: Cursor) -> str | None:
    try:
        said = str(json.loads(state.value or "null"))
        _time(said)
    except ValueError:
        return None
    return said


def _time(text: str) -> datetime:
    """A time as ISO 8601, in seconds or in milliseconds; without a zone it is UTC."""
    try:
        number = float(text)
        return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
    except (ValueError, OverflowError):
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
