"""Issues of Jira, Cloud or Server, with the comments that everybody sees."""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import BaseModel, Field, field_validator, model_validator

from connectors._api import fetching
from connectors._atlassian import Atlassian, AtlassianConfig
from connectors._sdk import PAGE, Item, Items, overlapping, rows, understood, when
from connectors._threads import Reply, page
from rag.errors import DocumentFailed, SourceError
from rag.readers import Reader
from rag.types import Change, Cursor, RawDocument, utc_now

VENDOR = "Jira"
_FIELDS = (
    "summary,description,issuetype,status,priority,resolution,labels,components,reporter,"
    "assignee,created,updated,security"
)
# For what was changed while the last listing ran, and for clocks that are not quite alike.
_OVERLAP = timedelta(minutes=5)


class JiraConfig(AtlassianConfig):
    """Which issues to read."""

    projects: tuple[str, ...] = Field((), description="Keys of projects, e.g. HELP.")
    jql: str = Field("", description="Only issues that this JQL finds, without ORDER BY.")
    restricted_readers: tuple[Reader, ...] = Field(
        (), description="Who may read issues with a security level; empty leaves them out."
    )

    @field_validator("projects")
    @classmethod
    def _keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", key):
                raise ValueError(f"'{key}' is no key of a project")
        return keys

    @model_validator(mode="after")
    def _some(self) -> JiraConfig:
        if not (self.projects or self.jql.strip()):
            raise ValueError("name projects or a jql")
        if re.search(r"\border\s+by\b", self.jql, re.IGNORECASE):
            raise ValueError("the jql has no ORDER BY")
        return self


class JiraConnector:
    """Lists with JQL, after the first time only what was updated; what was deleted or moved away
    shows at the next full listing. Comments for a role or group, and attachments, are left out.
    """

    Config: ClassVar[type[BaseModel]] = JiraConfig
    verified: ClassVar[str] = "answers by Atlassian's published schema; not a live Jira"

    def __init__(self, config: JiraConfig) -> None:
        self.config = config
        self._site = Atlassian(VENDOR, config, config.url)

    async def check(self) -> str:
        await self._site.signed_in("rest/api/2/myself")
        with understood(VENDOR):
            found, more = await self._page(self._jql(None), "")
        return f"{self.config.url}: {'more than ' if more else ''}{len(found)} issues."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        began, newest = utc_now(), _since(state)
        await self._site.signed_in("rest/api/2/myself")
        with understood(VENDOR):
            async for issue in self._issues(self._jql(newest)):
                yield self._listed(issue)
                updated = when(issue["fields"]["updated"])
                newest = max(newest or updated, updated)
        # What is updated from now on may have been listed before it was.
        yield Change(kind="complete", cursor=min(newest or began, began).isoformat())

    async def fetch(self, change: Change) -> RawDocument:
        with fetching(), understood(VENDOR):
            path = f"rest/api/2/issue/{change.key}"
            issue = await self._site.get(path, fields=_FIELDS, expand="renderedFields")
            # One that was moved to another project answers there, for other readers perhaps.
            if issue is None or self._uri(issue) != change.uri:
                raise DocumentFailed("vanished", f"{change.uri} is gone or was moved away.")
            fields, shown = issue["fields"], issue["renderedFields"]
            if self._readers(issue) != change.readers:
                raise DocumentFailed("changing", f"Who may read {change.uri} has just changed.")
            replies = [_reply(one) async for one in self._comments(path) if _open(one)]
            title = f"{issue['key']} {fields['summary']}"
            return RawDocument(
                key=change.key,
                uri=change.uri,
                name=f"{issue['key']}.html",
                data=page(title, _facts(fields), shown["description"] or "", replies),
                media_type="text/html",
                title=title,
                modified_at=when(fields["updated"]),
                readers=change.readers,
            )

    async def aclose(self) -> None:
        await self._site.aclose()

    def _jql(self, since: datetime | None) -> str:
        parts: list[str] = []
        if self.config.projects:
            names = ", ".join(f'"{key}"' for key in self.config.projects)
            parts.append(f"project in ({names})")
        if self.config.jql.strip():
            parts.append(f"({self.config.jql})")
        if since:
            # Counted from now, since JQL takes a time to be in the time zone of who asks.
            minutes = math.ceil((utc_now() - since + _OVERLAP) / timedelta(minutes=1))
            parts.append(f'updated >= "-{minutes}m"')
        # By what never changes: an update must not move an issue past the page that is read next.
        return f"{' AND '.join(parts)} ORDER BY created ASC, key ASC"

    async def _issues(self, jql: str) -> Items:
        if self.config.deployment == "server":
            async for issue in overlapping(lambda start: self._offset(jql, start)):
                yield issue
            return
        token, more = "", True
        while more:
            before = token
            found, token = await self._page(jql, token)
            for issue in found:
                yield issue
            more = bool(token)
            if more and token == before:
                raise SourceError("The listing does not get on.")

    async def _page(self, jql: str, token: str) -> tuple[list[Item], str]:
        """A page and the token of the next, empty at the end."""
        if self.config.deployment == "server":
            found, more = await self._offset(jql, 0)
            return found, "more" if more else ""
        asked = {"nextPageToken": token} if token else {}
        answer = await self._site.get(
            "rest/api/2/search/jql", jql=jql, maxResults=PAGE, fields="updated,security", **asked
        )
        return rows(answer["issues"]), answer.get("nextPageToken") or ""

    async def _offset(self, jql: str, start: int) -> tuple[list[Item], bool]:
        answer = await self._site.get(
            "rest/api/2/search", jql=jql, maxResults=PAGE, fields="updated,security", startAt=start
        )
        found = rows(answer["issues"])
        return found, start + len(found) < answer["total"]

    def _listed(self, issue: Item) -> Change:
        readers, uri = self._readers(issue), self._uri(issue)
        if not readers:  # it may have been open to more people before
            return Change(kind="delete", key=issue["id"], uri=uri, reason="restricted")
        return Change(
            kind="upsert",
            key=issue["id"],
            uri=uri,
            revision=issue["fields"]["updated"],
            readers=readers,
        )

    def _uri(self, issue: Item) -> str:
        return f"{self.config.url}/browse/{issue['key']}"

    def _readers(self, issue: Item) -> frozenset[str]:
        restricted = issue["fields"].get("security")
        return frozenset(self.config.restricted_readers if restricted else self.config.readers)

    async def _comments(self, path: str) -> Items:
        async def ask(start: int) -> tuple[list[Item], bool]:
            answer = await self._site.get(
                f"{path}/comment", startAt=start, maxResults=PAGE, expand="renderedBody",
                orderBy="created",
            )  # fmt: skip
            found = rows(answer["comments"])
            return found, start + len(found) < answer["total"]

        async for comment in overlapping(ask):
            yield comment


def _since(state: Cursor) -> datetime | None:
    try:
        return when(state.value) if state.value else None
    except ValueError:
        return None


def _open(comment: Item) -> bool:
    """For everyone who sees the issue: not for a role or group, and not among agents only."""
    return not comment.get("visibility") and comment.get("jsdPublic", True)


def _reply(comment: Item) -> Reply:
    return Reply(_name(comment["author"]), when(comment["created"]), comment["renderedBody"] or "")


def _name(person: Any) -> str:
    return person["displayName"] if person else ""


def _facts(fields: Item) -> dict[str, str]:
    def named(field: str) -> str:
        return fields[field]["name"] if fields.get(field) else ""

    return {
        "Type": named("issuetype"),
        "Status": named("status"),
        "Resolution": named("resolution"),
        "Priority": named("priority"),
        "Reporter": _name(fields.get("reporter")),
        "Assignee": _name(fields.get("assignee")),
        "Labels": ", ".join(fields.get("labels") or ()),
        "Components": ", ".join(one["name"] for one in fields.get("components") or ()),
        "Created": fields["created"][:10],
    }
