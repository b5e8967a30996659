"""Issues and pull requests of GitHub, with what people wrote under them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors._api import fetching, secure
from connectors._sdk import PAGE, Item, Updates, resumed, rows, understood, vendor_session, when
from connectors._threads import Reply, markdown
from rag.errors import DocumentFailed, SourceError
from rag.readers import Reader
from rag.types import EVERYONE, Change, Cursor, RawDocument

VENDOR = "GitHub"
# GitHub keeps at most 2,500 comments of an issue.
_MOST_PAGES = 100
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class GitHubConfig(BaseModel):
    """Which repositories to read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    repositories: tuple[str, ...] = Field(
        min_length=1, description="Repositories, each as owner/name."
    )
    token: SecretStr = Field(
        SecretStr(""), description="Access token; empty reads public repositories, slowly."
    )
    include: tuple[Literal["issues", "pull_requests"], ...] = Field(
        ("issues", "pull_requests"), min_length=1, description="What to read of them."
    )
    url: str = Field(
        "https://api.github.com",
        description="The API; of GitHub Enterprise Server it is https://HOST/api/v3.",
    )
    timeout_s: float = Field(60, gt=0, le=600, description="Longest time for one request.")
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )
    readers: tuple[Reader, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read: user:NAME, group:NAME or everyone."
    )

    @field_validator("repositories")
    @classmethod
    def _names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not re.fullmatch(r"[\w.-]+/[\w.-]+", name, re.ASCII) or "/." in f"/{name}":
                raise ValueError(f"'{name}' is no repository; write owner/name")
        return tuple(dict.fromkeys(names))

    @field_validator("url")
    @classmethod
    def _secure(cls, url: str) -> str:
        return secure(url)


class GitHubConnector:
    """Lists by `since`, so a sync asks only for what changed; what was deleted or moved away shows
    at the next full listing. Wikis are git repositories: the git connector reads them.
    """

    Config: ClassVar[type[BaseModel]] = GitHubConfig
    verified: ClassVar[str] = "answers by GitHub's published schema; not github.com"

    def __init__(self, config: GitHubConfig) -> None:
        self.config = config
        # Not PyGithub: it makes its own sessions and takes none from us.
        self._session = vendor_session(
            VENDOR, config.url, networks=config.networks, timeout=config.timeout_s
        )
        self._session.headers.update(_HEADERS)
        if token := config.token.get_secret_value():
            self._session.headers["Authorization"] = f"Bearer {token}"

    async def check(self) -> str:
        count = 0
        for name in self.config.repositories:
            found = await self._get(f"repos/{name}", {})
            if found is None:
                raise _unseen(name)
            with understood(VENDOR):
                count += found["open_issues_count"]
        names = ", ".join(self.config.repositories)
        return f"{names}: {count:,} open issues and pull requests."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        since = resumed(state)
        for name in self.config.repositories:
            updates = Updates(since.get(name))

            async def ask(start: str, page: int, name: str = name) -> list[Item]:
                asked = {"state": "all", "sort": "updated", "direction": "asc", "since": start}
                found = await self._get(
                    f"repos/{name}/issues", {**asked, "per_page": PAGE, "page": page}
                )
                if found is None:
                    raise _unseen(name)
                return rows(found)

            with understood(VENDOR):
                async for item in updates.walk(ask):
                    if _kind(item) in self.config.include:
                        yield Change(
                            kind="upsert",
                            key=f"{name}#{item['number']}",
                            uri=item["html_url"],
                            revision=item["updated_at"],
                            readers=frozenset(self.config.readers),
                        )
            since[name] = updates.resume
        kept = {name: since[name] for name in self.config.repositories}
        yield Change(kind="complete", cursor=json.dumps(kept))

    async def fetch(self, change: Change) -> RawDocument:
        name, _, number = change.key.rpartition("#")
        with fetching(), understood(VENDOR):
            item = await self._get(f"repos/{name}/issues/{number}", {})
            # An issue moved to another repository answers there, for other readers perhaps.
            if item is None or item["html_url"] != change.uri:
                raise DocumentFailed("vanished", f"{change.uri} is gone or was moved away.")
            replies = [_reply(one) for one in await self._comments(name, number, item)]
            if _kind(item) == "pull_requests":
                pull = f"repos/{name}/pulls/{number}"
                # What is being written has no time yet, and only its author sees it.
                reviews = [one for one in await self._all(f"{pull}/reviews") if one["submitted_at"]]
                replies += [_review(one) for one in reviews]
                replies += [_remark(one) for one in await self._all(f"{pull}/comments")]
            title = f"{item['title']} (#{item['number']})"
            return RawDocument(
                key=change.key,
                uri=change.uri,
                name=f"{name.partition('/')[2]}-{number}.md",
                data=markdown(title, _facts(name, item), item["body"] or "", replies),
                media_type="text/markdown",
                title=title,
                modified_at=when(item["updated_at"]),
                readers=change.readers,
            )

    async def aclose(self) -> None:
        await asyncio.to_thread(self._session.close)

    async def _comments(self, name: str, number: str, item: Item) -> list[Item]:
        return await self._all(f"repos/{name}/issues/{number}/comments") if item["comments"] else []

    async def _all(self, path: str) -> list[Item]:
        found: list[Item] = []
        for page in range(1, _MOST_PAGES + 1):
            response = await self._ask(path, {"per_page": PAGE, "page": page})
            if response is None:
                return found
            found += rows(response.json())
            if "next" not in response.links:
                return found
        raise SourceError(f"{VENDOR} lists comments without end.")

    async def _get(self, path: str, params: Mapping[str, Any]) -> Any:
        response = await self._ask(path, params)
        return None if response is None else response.json()

    async def _ask(self, path: str, params: Mapping[str, Any]) -> Any:
        """The response; None where there is nothing, or nothing that the token may see."""
        url = f"{self.config.url}/{path}"
        response = await asyncio.to_thread(self._session.get, url, params=dict(params))
        if response.status_code in (404, 410):
            return None
        if not response.ok:
            raise SourceError(f"{VENDOR} answers {response.status_code}.")
        return response


def _unseen(name: str) -> SourceError:
    return SourceError(
        f"{VENDOR} shows no issues of {name} to this token.",
        hint="Check the name, what the token may read, and that issues are enabled.",
    )


def _kind(item: Item) -> str:
    return "pull_requests" if "pull_request" in item else "issues"


def _facts(name: str, item: Item) -> dict[str, str]:
    return {
        "Repository": name,
        "Kind": "pull request" if "pull_request" in item else "issue",
        "State": item["state"],
        "Author": _login(item),
        "Labels": ", ".join(label["name"] for label in item["labels"]),
        "Milestone": item["milestone"]["title"] if item["milestone"] else "",
        "Created": item["created_at"][:10],
    }


def _login(item: Item) -> str:
    return (item["user"] or {"login": "ghost"})["login"]  # as GitHub calls who left


def _reply(item: Item) -> Reply:
    return Reply(_login(item), when(item["created_at"]), item["body"] or "")


def _review(item: Item) -> Reply:
    kind = f"Review ({item['state'].lower().replace('_', ' ')})"
    return Reply(_login(item), when(item["submitted_at"]), item["body"] or "", kind)


def _remark(item: Item) -> Reply:
    return Reply(
        _login(item), when(item["created_at"]), item["body"] or "", f"Comment on {item['path']}"
    )
