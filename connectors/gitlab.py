"""Issues, merge requests and wiki pages of GitLab, with what people wrote under them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors._api import fetching, secure
from connectors._pages import digest, need
from connectors._sdk import PAGE, Item, Updates, resumed, rows, understood, vendor_session, when
from connectors._threads import Reply, markdown
from rag.errors import DocumentFailed, SourceError
from rag.readers import Reader
from rag.types import EVERYONE, Change, Cursor, RawDocument

VENDOR = "GitLab"
_MOST_PAGES = 100
_MARKS = {"issues": "#", "merge_requests": "!", "wikis": "/"}
_FORMATS = {"markdown": ("md", "text/markdown"), "org": ("org", "text/org")}


class GitLabConfig(BaseModel):
    """Which projects to read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    projects: tuple[str, ...] = Field(
        min_length=1, description="Projects, each with its groups, e.g. group/project."
    )
    token: SecretStr = Field(
        SecretStr(""), description="Access token with read_api; empty reads public projects."
    )
    include: tuple[Literal["issues", "merge_requests", "wikis"], ...] = Field(
        ("issues", "merge_requests", "wikis"), min_length=1, description="What to read of them."
    )
    url: str = Field("https://gitlab.com", description="Address of the GitLab server.")
    timeout_s: float = Field(60, gt=0, le=600, description="Longest time for one request.")
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )
    readers: tuple[Reader, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read: user:NAME, group:NAME or everyone."
    )
    confidential_readers: tuple[Reader, ...] = Field(
        (), description="Who may read confidential issues; empty leaves them out."
    )

    @field_validator("projects")
    @classmethod
    def _paths(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if "/" not in path.strip("/") or path != path.strip("/ ") or "//" in path:
                raise ValueError(f"'{path}' is no project; write group/project")
        return tuple(dict.fromkeys(paths))

    @field_validator("url")
    @classmethod
    def _secure(cls, url: str) -> str:
        return secure(url)


class GitLabConnector:
    """Lists issues and merge requests by `updated_after`; wiki pages carry no time and are compared
    by their text. What was deleted shows at the next full listing. Internal notes are left out.
    """

    Config: ClassVar[type[BaseModel]] = GitLabConfig
    verified: ClassVar[str] = "answers by GitLab's published schema; not gitlab.com"

    def __init__(self, config: GitLabConfig) -> None:
        self.config = config
        self._gitlab = need("gitlab", "gitlab").Gitlab(
            config.url,
            private_token=config.token.get_secret_value() or None,
            session=vendor_session(
                VENDOR, config.url, networks=config.networks, timeout=config.timeout_s
            ),
        )

    async def check(self) -> str:
        with understood(VENDOR):
            names = [(await self._project(path))["web_url"] for path in self.config.projects]
        return f"{', '.join(names)}: {', '.join(self.config.include).replace('_', ' ')}."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        since, reached = resumed(state), dict[str, str]()
        for path in self.config.projects:
            with understood(VENDOR):
                project = await self._project(path)
                for kind in ("issues", "merge_requests"):
                    if not self._wanted(project, kind):
                        continue
                    part = f"{path} {kind}"
                    updates = Updates(since.get(part))
                    async for item in updates.walk(self._asking(path, kind)):
                        yield self._listed(path, kind, item)
                    reached[part] = updates.resume
                if self._wanted(project, "wikis"):
                    async for change in self._wiki(path, project["web_url"]):
                        yield change
        yield Change(kind="complete", cursor=json.dumps(reached))

    async def fetch(self, change: Change) -> RawDocument:
        path, kind, name = _parts(change.key)
        with fetching(), understood(VENDOR):
            item = await self._get(f"{_of(path)}/{kind}/{quote(name, safe='')}")
            if item is None:
                raise DocumentFailed("vanished", f"{change.uri} is gone.")
            if kind == "wikis":
                return _wiki_page(change, item)
            if self._readers(item) != change.readers:
                raise DocumentFailed("changing", f"Who may read {change.uri} has just changed.")
            notes = [
                _note(one)
                for one in await self._all(f"{_of(path)}/{kind}/{name}/notes")
                if _open(one)
            ]
        title = f"{item['title']} ({_MARKS[kind]}{name})"
        return RawDocument(
            key=change.key,
            uri=change.uri,
            name=f"{path.rpartition('/')[2]}-{name}.md",
            data=markdown(title, _facts(path, kind, item), item["description"] or "", notes),
            media_type="text/markdown",
            title=title,
            modified_at=when(item["updated_at"]),
            readers=change.readers,
        )

    async def aclose(self) -> None:
        await asyncio.to_thread(self._gitlab.session.close)

    def _wanted(self, project: Item, kind: str) -> bool:
        switch = "wiki_enabled" if kind == "wikis" else f"{kind}_enabled"
        return kind in self.config.include and project.get(switch, True)

    def _readers(self, item: Item) -> frozenset[str]:
        hidden = item.get("confidential", False)
        return frozenset(self.config.confidential_readers if hidden else self.config.readers)

    def _listed(self, path: str, kind: str, item: Item) -> Change:
        key, readers = f"{path}{_MARKS[kind]}{item['iid']}", self._readers(item)
        if not readers:  # it may have been open to more people before
            return Change(kind="delete", key=key, uri=item["web_url"], reason="confidential")
        return Change(
            kind="upsert",
            key=key,
            uri=item["web_url"],
            revision=item["updated_at"],
            readers=readers,
        )

    async def _wiki(self, path: str, web_url: str) -> AsyncIterator[Change]:
        for item in await self._all(f"{_of(path)}/wikis", with_content=1):
            text = f"{item['title']}\n{item['content']}"
            yield Change(
                kind="upsert",
                key=f"{path}//{item['slug']}",
                uri=f"{web_url}/-/wikis/{quote(item['slug'])}",
                revision=digest(text.encode("utf-8", "replace")),
                readers=frozenset(self.config.readers),
            )

    def _asking(self, path: str, kind: str) -> Any:
        async def ask(start: str, page: int) -> list[Item]:
            return rows(
                await self._get(
                    f"{_of(path)}/{kind}", state="all", scope="all", order_by="updated_at",
                    sort="asc", updated_after=start, per_page=PAGE, page=page,
                )
            )  # fmt: skip

        return ask

    async def _project(self, path: str) -> Item:
        project = await self._get(_of(path))
        if project is None:
            raise SourceError(
                f"{VENDOR} shows no project {path} to this token.",
                hint="Check the name and what the token may read.",
            )
        return project

    async def _get(self, path: str, **asked: Any) -> Any:
        response = await self._ask(path, asked)
        return None if response is None else response.json()

    async def _all(self, path: str, **asked: Any) -> list[Item]:
        found: list[Item] = []
        for page in range(1, _MOST_PAGES + 1):
            response = await self._ask(path, {**asked, "per_page": PAGE, "page": page})
            found += rows(response.json())
            # A short page is not the last one: what one may not see is taken out of it.
            if "next" not in response.links:
                return found
        raise SourceError(f"{VENDOR} lists {path} without end.")

    async def _ask(self, path: str, asked: dict[str, Any]) -> Any:
        """The response; None where there is nothing, or nothing that the token may see."""
        errors = need("gitlab.exceptions", "gitlab")
        try:
            return await asyncio.to_thread(
                self._gitlab.http_get, path, query_data=asked, streamed=True
            )
        except errors.GitlabHttpError as error:
            if error.response_code == 404:
                return None
            raise SourceError(f"{VENDOR} answers {error.response_code}.") from error


def _of(path: str) -> str:
    return f"/projects/{quote(path, safe='')}"


def _parts(key: str) -> tuple[str, str, str]:
    """Project, kind and number of a key; of a wiki page its slug."""
    if "//" in key:
        path, _, slug = key.partition("//")
        return path, "wikis", slug
    kind = "issues" if "#" in key else "merge_requests"
    path, _, number = key.rpartition(_MARKS[kind])
    return path, kind, number


def _open(note: Item) -> bool:
    """Written by a person, for everyone who sees the issue."""
    return not (note["system"] or note.get("internal") or note.get("confidential"))


def _note(note: Item) -> Reply:
    return Reply(_name(note), when(note["created_at"]), note["body"] or "")


def _name(item: Item) -> str:
    return (item["author"] or {"username": "ghost"})["username"]


def _facts(path: str, kind: str, item: Item) -> dict[str, str]:
    return {
        "Project": path,
        "Kind": kind.replace("_", " ").removesuffix("s"),
        "State": item["state"],
        "Author": _name(item),
        "Labels": ", ".join(item["labels"]),
        "Milestone": item["milestone"]["title"] if item["milestone"] else "",
        "Created": item["created_at"][:10],
    }


def _wiki_page(change: Change, item: Item) -> RawDocument:
    title, text = item["title"], item["content"]
    suffix, media_type = _FORMATS.get(item["format"], ("txt", "text/plain"))
    return RawDocument(
        key=change.key,
        uri=change.uri,
        name=f"{item['slug'].rpartition('/')[2]}.{suffix}",
        data=markdown(title, {}, text) if suffix == "md" else text.encode("utf-8", "replace"),
        media_type=media_type,
        title=title,
        readers=change.readers,
    )
