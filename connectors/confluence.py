"""Pages and blog posts of Confluence, Cloud or Server, for those whom each is restricted to."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, Field, field_validator

from connectors._api import fetching
from connectors._atlassian import Atlassian, AtlassianConfig
from connectors._sdk import PAGE, Item, Items, overlapping, rows, understood, when
from connectors._threads import page
from rag.errors import DocumentFailed, SourceError
from rag.types import Change, Cursor, RawDocument

VENDOR = "Confluence"
_RESTRICTIONS = "restrictions.read.restrictions"
_LISTED = f"version,ancestors,{_RESTRICTIONS}.user,{_RESTRICTIONS}.group"

Readers = frozenset[str]


class ConfluenceConfig(AtlassianConfig):
    """Which spaces to read."""

    spaces: tuple[str, ...] = Field(min_length=1, description="Keys of spaces, e.g. HR or ~ada.")
    include: tuple[Literal["page", "blogpost"], ...] = Field(
        ("page", "blogpost"), min_length=1, description="What to read of them."
    )

    @field_validator("spaces")
    @classmethod
    def _keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            if not re.fullmatch(r"~?[\w.:-]+", key, re.ASCII):
                raise ValueError(f"'{key}' is no key of a space")
        return tuple(dict.fromkeys(keys))


class ConfluenceConnector:
    """Lists everything each time, since restricting a page does not make it a new version.

    A page without restrictions is for the `readers` of the source. One with restrictions, of its
    own or of a page above it, is for those whom every one of these names; someone named once
    directly and once by a group only is left out, on the safe side.
    """

    Config: ClassVar[type[BaseModel]] = ConfluenceConfig
    verified: ClassVar[str] = "answers by Atlassian's published schema; not a live Confluence"

    def __init__(self, config: ConfluenceConfig) -> None:
        self.config = config
        cloud = config.deployment == "cloud" and not config.url.endswith("/wiki")
        self._base = f"{config.url}/wiki" if cloud else config.url
        self._site = Atlassian(VENDOR, config, self._base)

    async def check(self) -> str:
        await self._ready()
        with understood(VENDOR):
            found, following = await self._page({"limit": PAGE})
        count = f"{'more than ' if following else ''}{len(found)}"
        return f"{self._base}: {count} pages in {', '.join(self.config.spaces)}."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        await self._ready()
        above: dict[str, Readers | None] = {}
        waiting: list[Item] = []
        with understood(VENDOR):
            async for item in self._pages():
                if item["type"] == "blogpost":
                    item["ancestors"] = list[Item]()  # it stands below no page
                above[item["id"]] = _restricted(item)
                if all(one["id"] in above for one in item["ancestors"]):
                    yield self._listed(item, above)
                else:  # it is older than a page it was moved below
                    waiting.append({name: item[name] for name in _KEPT})
            for item in waiting:
                for one in item["ancestors"]:
                    if one["id"] not in above:
                        above[one["id"]] = await self._above(one["id"])
                yield self._listed(item, above)
        yield Change(kind="complete")

    async def fetch(self, change: Change) -> RawDocument:
        with fetching(), understood(VENDOR):
            item = await self._site.get(
                f"rest/api/content/{change.key}", expand="body.export_view,version,space"
            )
            if item is None or item["status"] != "current":
                raise DocumentFailed("vanished", f"{change.uri} is gone.")
            title = item["title"]
            facts = {"Space": item["space"]["name"], "Updated": item["version"]["when"][:10]}
            return RawDocument(
                key=change.key,
                uri=change.uri,
                name=f"{change.key}.html",
                data=page(title, facts, item["body"]["export_view"]["value"]),
                media_type="text/html",
                title=title,
                modified_at=when(item["version"]["when"]),
                readers=change.readers,
            )

    async def aclose(self) -> None:
        await self._site.aclose()

    async def _ready(self) -> None:
        """A space that is not seen any more would be listed as an empty one."""
        await self._site.signed_in("rest/api/user/current")
        cloud = self.config.deployment == "cloud"
        path, name = ("api/v2/spaces", "keys") if cloud else ("rest/api/space", "spaceKey")
        for key in self.config.spaces:
            with understood(VENDOR):
                found = await self._site.get(path, **{name: key})
                seen = {str(one["key"]).lower() for one in rows(found["results"])}
            if key.lower() not in seen:
                raise SourceError(
                    f"{VENDOR} shows no space {key} to this token.",
                    hint="Check its key and what the token may read.",
                )

    async def _pages(self) -> Items:
        if self.config.deployment == "server":
            async for item in overlapping(self._offset):
                yield item
            return
        asked: dict[str, Any] | None = {"limit": PAGE}
        while asked is not None:
            found, following = await self._page(asked)
            for item in found:
                yield item
            if following is not None and following == asked:
                raise SourceError("The listing does not get on.")
            asked = following

    async def _offset(self, start: int) -> tuple[list[Item], bool]:
        found, following = await self._page({"limit": PAGE, "start": start})
        return found, following is not None

    async def _page(self, asked: dict[str, Any]) -> tuple[list[Item], dict[str, Any] | None]:
        """A page and what to ask for the next one."""
        spaces = ", ".join(f'"{key}"' for key in self.config.spaces)
        kinds = ", ".join(self.config.include)
        answer = await self._site.get(
            "rest/api/content/search",
            cql=f"space in ({spaces}) and type in ({kinds}) order by created asc",
            expand=_LISTED,
            **asked,
        )
        following: str | None = answer["_links"].get("next")
        if following is None:
            return rows(answer["results"]), None
        # Only what leads on is taken from the link, so it leads nowhere else.
        named = dict(parse_qsl(urlsplit(following).query))
        on = {name: named[name] for name in ("cursor", "start", "limit", "next") if name in named}
        return rows(answer["results"]), on

    async def _above(self, id: str) -> Readers | None:
        """Restrictions of a page that is not in the listing itself."""
        item = await self._site.get(f"rest/api/content/{id}", expand=_LISTED)
        # One that the token may not see is restricted to people unknown.
        return frozenset() if item is None else _restricted(item)

    def _listed(self, item: Item, above: dict[str, Readers | None]) -> Change:
        lines = [above[item["id"]], *(above[one["id"]] for one in item["ancestors"])]
        named = [readers for readers in lines if readers is not None]
        readers = named[0].intersection(*named[1:]) if named else frozenset(self.config.readers)
        uri = f"{self._base}{item['_links']['webui']}"
        if not readers:  # it may have been open to more people before
            return Change(kind="delete", key=item["id"], uri=uri, reason="restricted")
        return Change(
            kind="upsert",
            key=item["id"],
            uri=uri,
            revision=str(item["version"]["number"]),
            readers=readers,
        )


_KEPT = ("id", "ancestors", "version", "_links")


def _restricted(item: Item) -> Readers | None:
    """Whom a page is restricted to; None where it is not."""
    said = item["restrictions"]["read"]["restrictions"]
    users, groups = rows(said["user"]["results"]), rows(said["group"]["results"])
    if not (users or groups):
        return None
    names = {
        f"user:{user[field].lower() if field == 'email' else user[field]}"
        for user in users
        for field in ("email", "username", "accountId")
        if user.get(field)
    }
    return frozenset(names | {f"group:{group['name']}" for group in groups})
