"""Files of Google Drive: shared drives, and what is shared with a service account."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors._api import Answer, Api, Sleep, fetching, moment, secure
from connectors._google import FIELDS as PERMISSIONS
from connectors._google import readers_of
from connectors._service_account import ServiceAccount, key_file
from rag.errors import DocumentFailed, DocumentRejected, SourceError
from rag.globs import matches
from rag.readers import Reader
from rag.types import Change, Cursor, RawDocument, utc_now

PAGE, TOGETHER = 200, 10
_SCOPE = "https://www.googleapis.com/auth/drive.readonly"
_GOOGLE, _OFFICE = (
    "application/vnd.google-apps.",
    "application/vnd.openxmlformats-officedocument.",
)
_FOLDER = f"{_GOOGLE}folder"
# What Google's own formats are exported as, best first: Google exports at most 10 MB.
_EXPORTS: dict[str, tuple[tuple[str, str], ...]] = {
    f"{_GOOGLE}document": (
        (f"{_OFFICE}wordprocessingml.document", ".docx"),
        ("text/plain", ".txt"),
    ),
    f"{_GOOGLE}presentation": (
        (f"{_OFFICE}presentationml.presentation", ".pptx"),
        ("text/plain", ".txt"),
    ),
    f"{_GOOGLE}spreadsheet": ((f"{_OFFICE}spreadsheetml.sheet", ".xlsx"),),
    f"{_GOOGLE}drawing": (("application/pdf", ".pdf"),),
}
_FILE = (
    "id,name,mimeType,size,md5Checksum,headRevisionId,modifiedTime,trashed,webViewLink,driveId,"
    + PERMISSIONS
)
_ANY = {"supportsAllDrives": "true"}
_ALL = _ANY | {"includeItemsFromAllDrives": "true"}

Item = dict[str, Any]


class DriveConfig(BaseModel):
    """Which drives, and the service account that may read them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service_account: SecretStr = Field(description="The account's key file, as JSON.")
    subject: str = Field(
        "", description="Person to act for, where the domain delegates that to the account."
    )
    drives: tuple[str, ...] = Field(
        (), description="Shared drives to read, by id; empty reads what is shared with the account."
    )
    include: tuple[str, ...] = Field(("*",), description="Only files so named, e.g. *.pdf.")
    exclude: tuple[str, ...] = Field((), description="Never files so named.")
    readers: tuple[Reader, ...] = Field(
        (), description="Who may read all of it; empty means whom each file is shared with."
    )
    shared_readers: tuple[Reader, ...] = Field(
        (),
        description="Who may read what is shared with a whole domain or with anyone; empty means "
        "only the people and groups that are named.",
    )
    max_bytes: int = Field(100_000_000, ge=1, description="Larger files are rejected(too_large).")
    timeout_s: float = Field(120, gt=0, le=3600, description="Longest time for one answer.")
    api_url: str = Field(
        "https://www.googleapis.com", description="Where the interface is, e.g. a private endpoint."
    )
    token_url: str = Field(
        "https://oauth2.googleapis.com/token", description="Where tokens are given out."
    )
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )

    _secure = field_validator("api_url", "token_url")(secure)

    _key_file = field_validator("service_account")(key_file)


class DriveConnector:
    """Files of Google Drive, for those with whom each is shared.

    Lists by the changes feed; `key` is Drive's id of a file, which moving and renaming keep. A
    cursor holds a page token of the changes feed for each drive, taken before the listing begins,
    so that what changes meanwhile is listed next. Where Drive no longer knows one, or a drive is no
    longer configured, no cursor is left and the next listing is a full one.
    """

    Config: ClassVar[type[BaseModel]] = DriveConfig
    verified: ClassVar[str] = "answers by Google's published schema; not Google Drive itself"

    def __init__(self, config: DriveConfig, sleep: Sleep = asyncio.sleep) -> None:
        self.config = config
        self._account = ServiceAccount(
            config.service_account, _SCOPE, config.token_url, "drive", config.subject
        )
        self._drives = config.drives or ("",)
        self._api = Api(
            "Google Drive",
            f"{config.api_url}/drive/v3",
            self._obtain,
            networks=config.networks,
            timeout=config.timeout_s,
            max_bytes=config.max_bytes,
            sleep=sleep,
        )

    async def check(self) -> str:
        for drive in self._drives:
            await self._latest(drive)
        where = f"{len(self.config.drives)} shared drives" if self.config.drives else "Google Drive"
        who = self.config.subject or self._account.email
        return f"Files in {where} that {who} may read."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        before: dict[str, str] = json.loads(state.value) if state.value else {}
        after: dict[str, str] = {}
        whole = before.keys() <= set(self._drives)
        for drive in self._drives:
            token = before.get(drive, "")
            changed = await self._changed(drive, token) if token else None
            if changed:
                items, after[drive] = changed
                for start in range(0, len(items), PAGE):
                    for change in await self._changes(items[start : start + PAGE]):
                        yield change
            else:
                whole = whole and not token
                after[drive] = await self._latest(drive)
                async for change in self._everything(drive):
                    yield change
        yield Change(kind="complete", cursor=json.dumps(after) if whole else None)

    async def fetch(self, change: Change) -> RawDocument:
        path = f"files/{quote(change.key, safe='')}"
        with fetching():
            answer = await self._api.ask("GET", path, params={"fields": _FILE, **_ANY})
            if answer.status == 404 or answer.body.get("trashed"):
                raise DocumentFailed("vanished", f"{change.uri} vanished after it was listed.")
            item = self._good(answer)
            if int(item.get("size", 0)) > self.config.max_bytes:
                raise DocumentRejected(
                    "too_large",
                    f"{change.uri} has {int(item['size']):,} bytes.",
                    hint="Raise max_bytes of the source.",
                )
            data, kind, suffix = await self._content(path, item, change.uri)
        return RawDocument(
            key=change.key,
            uri=change.uri,
            name=f"{item.get('name', change.key)}{suffix}",
            data=data,
            media_type=None if kind in ("", "application/octet-stream") else kind,
            modified_at=moment(item.get("modifiedTime")),
            readers=change.readers,
        )

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _content(self, path: str, item: Item, uri: str) -> tuple[bytes, str, str]:
        """Bytes, media type and what to add to the name."""
        kind, reason = str(item.get("mimeType", "")), ""
        ways = _EXPORTS.get(kind, ((kind, ""),))
        for wanted, suffix in ways:
            where, params = (
                (f"{path}/export", {"mimeType": wanted})
                if kind in _EXPORTS
                else (path, {"alt": "media", **_ANY})
            )
            response = await self._api.download(where, uri, wanted, params=params)
            if response.status == 200:
                return response.content, wanted, suffix
            reason = _reason(self._api.read(response))
            if reason != "exportSizeLimitExceeded":
                break
        if reason == "exportSizeLimitExceeded":
            raise DocumentRejected(
                "too_large",
                f"{uri} is larger than Google exports.",
                hint="Split it, or keep it as an office file.",
            )
        if reason == "cannotDownloadAbusiveFile":
            raise DocumentRejected("malware", f"Google found malware in {uri}.")
        raise DocumentFailed("unreachable", f"{uri} cannot be downloaded: {reason}.")

    async def _obtain(self) -> tuple[str, float]:
        return await self._account.token(self._api)

    # --- what is there ---

    def _good(self, answer: Answer) -> Item:
        if answer.status != 200:
            raise self._api.unexpected(answer, _reason(answer))
        return answer.body

    async def _latest(self, drive: str) -> str:
        params = _ANY | ({"driveId": drive} if drive else {})
        body = self._good(await self._api.ask("GET", "changes/startPageToken", params=params))
        if "startPageToken" not in body:
            raise SourceError("Google Drive gives no place to resume from.")
        return str(body["startPageToken"])

    async def _everything(self, drive: str) -> AsyncIterator[Change]:
        seen: set[str] = set()
        async for page in self._files(drive, "trashed = false"):
            # A file may be listed again when it changes meanwhile; the next listing has it too.
            fresh = [one for one in page if one["id"] not in seen]
            seen.update(one["id"] for one in fresh)
            for change in await self._changes(fresh):
                yield change

    async def _files(self, drive: str, query: str) -> AsyncIterator[list[Item]]:
        """Pages of files; one that is no list, or not of all, is SourceError."""
        params = {
            "q": query,
            "pageSize": str(PAGE),
            "fields": f"nextPageToken,incompleteSearch,files({_FILE})",
            "corpora": "drive" if drive else "user",
            **_ALL,
        }
        if drive:
            params["driveId"] = drive
        while True:
            body = self._good(await self._api.ask("GET", "files", params=params))
            if not isinstance(body.get("files"), list) or body.get("incompleteSearch"):
                raise SourceError("Google Drive lists only a part.")
            yield body["files"]
            if not body.get("nextPageToken"):
                return
            params["pageToken"] = str(body["nextPageToken"])

    async def _changed(self, drive: str, token: str) -> tuple[list[Item], str] | None:
        """What changed since `token`, each file as last named, and the next token.

        None when Drive no longer knows the token.
        """
        items: dict[str, Item] = {}
        params = {
            "pageSize": str(PAGE),
            "includeRemoved": "true",
            "fields": "nextPageToken,newStartPageToken,"
            f"changes(changeType,fileId,removed,file({_FILE}))",
            **_ALL,
        }
        if drive:
            params["driveId"] = drive
        following = token
        while True:
            answer = await self._api.ask(
                "GET", "changes", params={**params, "pageToken": following}
            )
            if answer.status in (400, 404, 410):
                return None
            body = self._good(answer)
            if not isinstance(body.get("changes"), list):
                raise SourceError("Google Drive answers with what is no list of changes.")
            for one in body["changes"]:
                if one.get("changeType", "file") == "file":
                    gone = one.get("removed") or not one.get("file")
                    items[one["fileId"]] = (
                        {"id": one["fileId"], "trashed": True} if gone else one["file"]
                    )
            if not body.get("nextPageToken"):
                break
            following = str(body["nextPageToken"])
        await self._descend(drive, items)
        return list(items.values()), str(body["newStartPageToken"])

    async def _descend(self, drive: str, items: dict[str, Item]) -> None:
        """A folder that is shared otherwise, moved or trashed is named alone: what is in it too."""
        below = [one["id"] for one in items.values() if one.get("mimeType") == _FOLDER]
        visited: set[str] = set()
        while below:
            folder = below.pop()
            if folder in visited:
                continue
            visited.add(folder)
            async for page in self._files(drive, f"'{folder}' in parents"):
                for one in page:
                    items.setdefault(one["id"], one)
                    below += [one["id"]] if one.get("mimeType") == _FOLDER else []

    async def _changes(self, items: Sequence[Item]) -> list[Change]:
        found = [(item, change) for item in items if (change := self._change(item))]
        changes: list[Change] = []
        for start in range(0, len(found), TOGETHER):
            changes += await asyncio.gather(
                *(self._with_readers(item, one) for item, one in found[start : start + TOGETHER])
            )
        return changes

    def _change(self, item: Item) -> Change | None:
        name, key, kind = str(item.get("name", "")), item["id"], str(item.get("mimeType", ""))
        uri = str(item.get("webViewLink") or f"https://drive.google.com/open?id={quote(key)}")
        if item.get("trashed"):
            return Change(kind="delete", key=key, uri=uri)
        if kind == _FOLDER or not matches(name, self.config.include):
            return None
        if matches(name, self.config.exclude):
            return None
        if kind.startswith(_GOOGLE) and kind not in _EXPORTS:
            reason = f"a Google {kind.removeprefix(_GOOGLE)}"
            return Change(kind="skipped", key=key, uri=uri, reason=reason)
        revision = item.get("md5Checksum") or item.get("headRevisionId") or item["modifiedTime"]
        return Change(kind="upsert", key=key, uri=uri, revision=str(revision))

    # --- who may read it ---

    async def _with_readers(self, item: Item, change: Change) -> Change:
        """The file with whom it is shared with; failed where the account may not know that."""
        if change.kind != "upsert":
            return change
        if self.config.readers:
            return change.model_copy(update={"readers": frozenset(self.config.readers)})
        granted: list[Item] | None = item.get("permissions")
        if granted is None:  # as for every file of a shared drive
            granted = await self._permissions(change.key)
        if granted is None:
            return change.model_copy(update={"kind": "failed", "reason": "permissions unreadable"})
        readers = readers_of(granted, self.config.shared_readers, utc_now())
        return change.model_copy(update={"readers": readers})

    async def _permissions(self, file: str) -> list[Item] | None:
        granted: list[Item] = []
        params = {"pageSize": "100", "fields": f"nextPageToken,{PERMISSIONS}", **_ANY}
        while True:
            path = f"files/{quote(file, safe='')}/permissions"
            answer = await self._api.ask("GET", path, params=params)
            if answer.status in (403, 404):
                return None
            body = self._good(answer)
            granted += body["permissions"]
            if not body.get("nextPageToken"):
                return granted
            params["pageToken"] = str(body["nextPageToken"])


def _reason(answer: Answer) -> str:
    """Google's word for what is wrong; tokens are refused in one shape, all else in another."""
    error: Any = answer.body.get("error", "")
    if isinstance(error, str):
        return error
    details: list[Item] = error.get("errors") or [error]
    return str(details[0].get("reason") or error.get("code", ""))
