"""Files of SharePoint sites and OneDrives, through Microsoft Graph."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from mimetypes import guess_type
from typing import Any, ClassVar, Self
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors._api import ATTEMPTS, Api, Sleep, fetching, moment, pause, secure
from connectors._graph import readers_of
from rag.errors import DocumentFailed, DocumentRejected, SourceError
from rag.globs import matches
from rag.readers import Reader
from rag.types import Change, Cursor, RawDocument, utc_now

BATCH = 20  # as many requests as Graph takes in one
# The whole of a changed folder is listed anew, so its parents, which are named as well, must not
# be; and a file whose sharing changed must be named although its bytes did not.
_DELTA = {
    "deltaExcludeParent": "true",
    "Prefer": "deltashowremovedasdeleted, deltatraversepermissiongaps, deltashowsharingchanges",
}
Item = dict[str, Any]


class SharepointConfig(BaseModel):
    """Which libraries and drives, and the app registration that may read them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tenant: str = Field(
        pattern=r"^[A-Za-z0-9.-]+$",
        description="Tenant id or domain, e.g. contoso.onmicrosoft.com.",
    )
    client_id: str = Field(min_length=1, description="Application (client) id of the app.")
    client_secret: SecretStr = Field(description="A client secret of the app.")
    sites: tuple[str, ...] = Field(
        (), description="Sites to read, e.g. https://contoso.sharepoint.com/sites/hr."
    )
    users: tuple[str, ...] = Field((), description="People whose OneDrive is read, by login.")
    drives: tuple[str, ...] = Field((), description="Single drives (libraries) to read, by id.")
    include: tuple[str, ...] = Field(("*",), description="Only files so named, e.g. *.pdf.")
    exclude: tuple[str, ...] = Field((), description="Never files so named.")
    readers: tuple[Reader, ...] = Field(
        (), description="Who may read all of it; empty means whom each file is shared with."
    )
    shared_readers: tuple[Reader, ...] = Field(
        (),
        description="Who may read what is shared with everybody or by a link for everybody; empty "
        "means only the people and groups that are named.",
    )
    max_bytes: int = Field(100_000_000, ge=1, description="Larger files are rejected(too_large).")
    timeout_s: float = Field(120, gt=0, le=3600, description="Longest time for one answer.")
    graph_url: str = Field("https://graph.microsoft.com", description="Graph of another cloud.")
    login_url: str = Field(
        "https://login.microsoftonline.com", description="Where that cloud gives out tokens."
    )
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )

    _secure = field_validator("graph_url", "login_url")(secure)

    @model_validator(mode="after")
    def _something_to_read(self) -> Self:
        if not (self.sites or self.users or self.drives):
            raise ValueError("Name at least one of 'sites', 'users' or 'drives'.")
        for site in self.sites:
            if not urlsplit(site).hostname:
                raise ValueError("'sites' hold addresses, e.g. https://contoso.sharepoint.com.")
        return self


class _Gone(SourceError):
    """What a listing was asked of is there no more."""


class SharepointConnector:
    """Files of SharePoint sites and OneDrives, for those with whom each is shared.

    Lists with Graph's delta; `key` is drive and item, which moving and renaming keep. A cursor
    holds a delta link for each drive, taken before the listing begins, so that what changes
    meanwhile is listed next. Where Graph no longer knows one (410), or a drive is gone, no cursor
    is left and the next listing is a full one.
    """

    Config: ClassVar[type[BaseModel]] = SharepointConfig
    verified: ClassVar[str] = "answers by Microsoft Graph's published schema; not Microsoft 365"

    def __init__(self, config: SharepointConfig, sleep: Sleep = asyncio.sleep) -> None:
        self.config = config
        self._sleep = sleep
        self._api = Api(
            "Microsoft Graph",
            f"{config.graph_url}/v1.0",
            self._obtain,
            networks=config.networks,
            timeout=config.timeout_s,
            max_bytes=config.max_bytes,
            sleep=sleep,
        )

    async def check(self) -> str:
        drives = await self._drives()
        for drive in drives[:1]:
            await self._latest(drive)
        return f"{len(drives)} drives of {self.config.tenant}."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        before: dict[str, str] = json.loads(state.value) if state.value else {}
        drives = await self._drives()
        after: dict[str, str] = {}
        whole = before.keys() <= set(drives)
        for drive in drives:
            link = before.get(drive, "")
            changed = await self._changed(drive, link) if link else None
            if changed:
                items, after[drive] = changed
                for start in range(0, len(items), BATCH):
                    for change in await self._changes(drive, items[start : start + BATCH]):
                        yield change
            else:
                whole = whole and not link
                after[drive] = await self._latest(drive)
                async for change in self._everything(drive):
                    yield change
        yield Change(kind="complete", cursor=json.dumps(after) if whole else None)

    async def fetch(self, change: Change) -> RawDocument:
        drive, _, item_id = change.key.partition("/")
        path = _item(drive, item_id)
        with fetching():
            answer = await self._api.ask("GET", path)
            if answer.status in (404, 410):
                raise DocumentFailed("vanished", f"{change.uri} vanished after it was listed.")
            if answer.status != 200:
                raise self._api.unexpected(answer, _said(answer.body))
            item = answer.body
            name = str(item.get("name", item_id))
            kind = str(item.get("file", {}).get("mimeType") or guess_type(name)[0] or "")
            if "malware" in item:
                raise DocumentRejected("malware", f"Microsoft found malware in {change.uri}.")
            if int(item.get("size", 0)) > self.config.max_bytes:
                raise DocumentRejected(
                    "too_large",
                    f"{change.uri} has {item['size']:,} bytes.",
                    hint="Raise max_bytes of the source.",
                )
            response = await self._api.download(f"{path}/content", change.uri, kind)
        if response.status != 200:
            raise DocumentFailed("unreachable", f"{change.uri} answers {response.status}.")
        return RawDocument(
            key=change.key,
            uri=change.uri,
            name=name,
            data=response.content,
            media_type=None if kind in ("", "application/octet-stream") else kind,
            modified_at=moment(item.get("lastModifiedDateTime")),
            readers=change.readers,
        )

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _obtain(self) -> tuple[str, float]:
        """A token by client credentials; msal would ask the same, but over connections of its own
        and from a thread."""
        answer = await self._api.post_form(
            f"{self.config.login_url}/{self.config.tenant}/oauth2/v2.0/token",
            {
                "grant_type": "client_credentials",
                "client_id": self.config.client_id,
                "client_secret": self.config.client_secret.get_secret_value(),
                "scope": f"{self.config.graph_url}/.default",
            },
        )
        if answer.status != 200 or not answer.body.get("access_token"):
            # The description may repeat what was sent; the code says enough.
            raise self._api.refused(str(answer.body.get("error", f"status {answer.status}")))
        return str(answer.body["access_token"]), float(answer.body.get("expires_in", 600))

    # --- what is there ---

    async def _drives(self) -> list[str]:
        drives = dict.fromkeys(self.config.drives)
        for site in self.config.sites:
            parts = urlsplit(site)
            path = parts.path.rstrip("/")
            where = f"sites/{parts.hostname}{':' + quote(path) if path else ''}"
            found = await self._get(where, site)
            async for page in self._pages(f"sites/{quote(str(found['id']), safe=',')}/drives"):
                drives |= dict.fromkeys(str(drive["id"]) for drive in page)
        for user in self.config.users:
            found = await self._get(f"users/{quote(user, safe='@')}/drive", user)
            drives[str(found["id"])] = None
        return list(drives)

    async def _get(self, path: str, what: str) -> dict[str, Any]:
        answer = await self._api.ask("GET", path)
        if answer.status != 200:
            raise self._api.unexpected(answer, f"{what}: {_said(answer.body)}")
        return answer.body

    async def _pages(self, path: str, headers: dict[str, str] | None = None) -> AsyncIterator[Any]:
        """Lists of items; a page that is no list ends in SourceError, never in fewer items."""
        following: str = path
        while following:
            answer = await self._api.ask("GET", following, headers=headers)
            if answer.status in (404, 410):
                raise _Gone(f"{path} is gone.")
            if answer.status != 200 or not isinstance(answer.body.get("value"), list):
                raise self._api.unexpected(answer, _said(answer.body))
            yield answer.body["value"]
            following = str(answer.body.get("@odata.nextLink", ""))

    async def _latest(self, drive: str) -> str:
        path = f"drives/{quote(drive, safe='!')}/root/delta"
        answer = await self._api.ask("GET", path, params={"token": "latest"}, headers=_DELTA)
        if answer.status != 200 or "@odata.deltaLink" not in answer.body:
            raise self._api.unexpected(answer, _said(answer.body))
        return str(answer.body["@odata.deltaLink"])

    async def _everything(self, drive: str) -> AsyncIterator[Change]:
        seen: set[str] = set()
        async for page in self._pages(f"drives/{quote(drive, safe='!')}/root/delta"):
            # An item may be listed again when it changes meanwhile; the next listing has it too.
            fresh = [one for one in page if one["id"] not in seen and "deleted" not in one]
            seen.update(one["id"] for one in fresh)
            for start in range(0, len(fresh), BATCH):
                for change in await self._changes(drive, fresh[start : start + BATCH]):
                    yield change

    async def _changed(self, drive: str, link: str) -> tuple[list[Item], str] | None:
        """What changed since `link`, each item as it is last named, and the next link.

        None when Graph no longer knows the link.
        """
        items: dict[str, Item] = {}
        while True:
            answer = await self._api.ask("GET", link, headers=_DELTA)
            if answer.status == 410:
                return None
            if answer.status != 200 or not isinstance(answer.body.get("value"), list):
                raise self._api.unexpected(answer, _said(answer.body))
            items |= {one["id"]: one for one in answer.body["value"]}
            link = str(answer.body.get("@odata.nextLink", ""))
            if not link:
                break
        below = [one["id"] for one in items.values() if _must_descend(one)]
        visited: set[str] = set()
        while below:
            # A folder that was moved or shared otherwise is named alone; its files follow it.
            folder = below.pop()
            if folder in visited:
                continue
            visited.add(folder)
            try:
                async for page in self._pages(f"{_item(drive, folder)}/children"):
                    for one in page:
                        items.setdefault(one["id"], one)
                        below += [one["id"]] if "folder" in one else []
            except _Gone:
                continue
        return list(items.values()), str(answer.body["@odata.deltaLink"])

    async def _changes(self, drive: str, items: Sequence[Item]) -> list[Change]:
        changes: list[Change] = []
        files: list[Change] = []
        for item in items:
            change = self._change(drive, item)
            if change is None:
                continue
            (files if change.kind == "upsert" else changes).append(change)
        if self.config.readers:
            readers = frozenset(self.config.readers)
            return changes + [one.model_copy(update={"readers": readers}) for one in files]
        return changes + await self._with_readers(files)

    def _change(self, drive: str, item: Item) -> Change | None:
        name, key = str(item.get("name", "")), f"{drive}/{item['id']}"
        uri = str(item.get("webUrl") or f"{self._api.base}/{_item(drive, item['id'])}")
        if "deleted" in item:
            return Change(kind="delete", key=key, uri=uri)
        if "package" in item or "remoteItem" in item:
            reason = "notebook" if "package" in item else "a link to another drive"
            return Change(kind="skipped", key=key, uri=uri, reason=reason)
        if "file" not in item or not matches(name, self.config.include):
            return None
        if matches(name, self.config.exclude):
            return None
        revision = str(item.get("cTag") or item.get("eTag") or item.get("lastModifiedDateTime"))
        return Change(kind="upsert", key=key, uri=uri, revision=revision)

    # --- who may read it ---

    async def _with_readers(self, files: list[Change]) -> list[Change]:
        """The files with whom they are shared with, asked for together.

        A file that is gone by now is left out; one whose permissions cannot be read has failed.
        """
        done: list[Change] = []
        left = files
        for attempt in range(1, ATTEMPTS + 1):
            if not left:
                return done
            replies, wait = await self._permissions(left), 0.0
            again: list[Change] = []
            for file, reply in zip(left, replies, strict=True):
                status, headers, body = reply
                if status == 200:
                    granted = body["value"]
                    if more := body.get("@odata.nextLink"):
                        async for page in self._pages(str(more)):
                            granted += page
                    readers = readers_of(granted, self.config.shared_readers, utc_now())
                    done.append(file.model_copy(update={"readers": readers}))
                elif status == 429 or status >= 500:
                    again.append(file)
                    wait = max(wait, pause(headers, attempt))
                elif status not in (404, 410):
                    reason = f"permissions unreadable: status {status}"
                    done.append(file.model_copy(update={"kind": "failed", "reason": reason}))
            left = again
            if left and attempt < ATTEMPTS:
                await self._sleep(wait)
        return done + [
            one.model_copy(update={"kind": "failed", "reason": "permissions unreadable: busy"})
            for one in left
        ]

    async def _permissions(self, files: list[Change]) -> list[tuple[int, Item, Item]]:
        requests = [
            {
                "id": str(number),
                "method": "GET",
                "url": f"/{_item(*file.key.split('/', 1))}/permissions",
            }
            for number, file in enumerate(files)
        ]
        answer = await self._api.ask("POST", "$batch", json={"requests": requests})
        if answer.status != 200:
            raise self._api.unexpected(answer, _said(answer.body))
        replies = {str(one["id"]): one for one in answer.body.get("responses", [])}
        if replies.keys() != {request["id"] for request in requests}:
            raise SourceError("Microsoft Graph left questions unanswered.")
        return [
            (int(one["status"]), one.get("headers") or {}, one.get("body") or {})
            for one in (replies[request["id"]] for request in requests)
        ]


def _item(drive: str, item: str) -> str:
    return f"drives/{quote(drive, safe='!')}/items/{quote(item, safe='!')}"


def _must_descend(item: Item) -> bool:
    """A changed folder; the root is named with whatever changes, so it must be said of it."""
    if "folder" not in item or "deleted" in item:
        return False
    return "root" not in item or bool(item.get("@microsoft.graph.sharedChanged"))


def _said(body: Item) -> str:
    error: Item = body.get("error") or {}
    return str(error.get("code", ""))
