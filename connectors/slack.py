"""Messages of Slack channels: a document for each thread, and one for the rest of each day."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, cast

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors._api import Api, Refused, Sleep, fetching, secure
from connectors._messages import Message, at, first_line, markup, written
from connectors._pages import Kept
from connectors._threads import page
from rag.errors import DocumentFailed, SourceError
from rag.readers import Reader
from rag.types import EVERYONE, Change, Cursor, RawDocument, utc_now

PAGE = 200
_REFUSED = {
    "access_denied", "account_inactive", "enterprise_is_restricted", "invalid_auth",
    "missing_scope", "no_permission", "not_allowed_token_type", "not_authed",
    "org_login_required", "team_access_not_granted", "token_expired", "token_revoked",
}  # fmt: skip
_GONE = {"channel_not_found", "thread_not_found", "message_not_found"}

Channel = dict[str, Any]


class SlackConfig(BaseModel):
    """Which channels, and a token that may read them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr = Field(
        description="Bot or user token of an app of your own, xoxb-… or xoxp-…."
    )
    channels: tuple[str, ...] = Field(
        (), description="Names or ids of channels; empty reads those that the token's owner is in."
    )
    since_days: int | None = Field(
        None, ge=1, description="Only messages of the last days; older ones are dropped again."
    )
    recheck_days: int = Field(
        7,
        ge=1,
        le=365,
        description="A quick listing reads so many days again, for what was edited.",
    )
    readers: tuple[Reader, ...] = Field(
        (EVERYONE,),
        min_length=1,
        description="Who may read public channels; a private one is read by its members.",
    )
    timeout_s: float = Field(60, gt=0, le=600, description="Longest time for one answer.")
    api_url: str = Field("https://slack.com/api", description="Where the interface is.")
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )

    _secure = field_validator("api_url")(secure)


class _Missing(SourceError):
    """Slack does not have it, or not for this token."""


class SlackConnector:
    """Threads and days of Slack channels; private channels for their members.

    Lists by reading: `revision` is a hash of what a document says. A cursor holds when the last
    listing began and who could read each channel. From there on the last `recheck_days` are read
    again, and a channel whose readers changed as a whole. Slack tells nobody what was deleted or
    edited before that: the next full listing finds it.
    """

    Config: ClassVar[type[BaseModel]] = SlackConfig
    verified: ClassVar[str] = "answers by Slack's published schema; not slack.com"

    def __init__(self, config: SlackConfig, sleep: Sleep = asyncio.sleep) -> None:
        # slack_sdk is no help: its client opens connections by urllib, or by aiohttp, itself.
        self.config = config
        self._kept = Kept()
        self._team = ""
        self._names: dict[str, str] = {}
        self._mails: dict[str, str] = {}
        self._api = Api(
            "Slack",
            config.api_url,
            self._obtain,
            networks=config.networks,
            timeout=config.timeout_s,
            sleep=sleep,
        )

    async def check(self) -> str:
        await self._open()
        channels = await self._channels()
        return f"{len(channels)} channels of {self._team}."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        before: dict[str, Any] = json.loads(state.value) if state.value else {}
        known: dict[str, str] = before.get("channels", {})
        now, after = utc_now(), dict[str, str]()
        await self._open()
        for channel in await self._channels():
            readers = await self._readers(channel)
            after[channel["id"]] = hashlib.sha256(json.dumps(sorted(readers)).encode()).hexdigest()
            first = date(1970, 1, 1)
            if self.config.since_days:
                first = (now - timedelta(days=self.config.since_days)).date()
            recent = known.get(channel["id"]) == after[channel["id"]]
            if recent:
                began = datetime.fromisoformat(before["began"]).date()
                first = max(first, began - timedelta(days=self.config.recheck_days))
            listed: set[str] = set()
            async for document in self._documents(channel, first):
                listed.add(document.key)
                self._kept.put(document)
                yield _change(document, readers)
            for number in range((now.date() - first).days + 1 if recent else 0):
                key = f"{channel['id']}/{first + timedelta(days=number)}"
                if key not in listed:  # nothing is left of that day, if there ever was
                    yield Change(kind="delete", key=key)
        whole = known.keys() <= after.keys()
        cursor = json.dumps({"began": now.isoformat(), "channels": after})
        yield Change(kind="complete", cursor=cursor if whole else None)

    async def fetch(self, change: Change) -> RawDocument:
        document = self._kept.take(change.key)
        if document is None:
            with fetching():
                try:
                    document = await self._again(change.key)
                except _Missing as error:
                    raise DocumentFailed("vanished", f"{change.uri} is gone.") from error
        if document is None:
            raise DocumentFailed("vanished", f"{change.uri} vanished after it was listed.")
        return document.model_copy(update={"readers": change.readers})

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _obtain(self) -> tuple[str, float]:
        return self.config.token.get_secret_value(), float("inf")

    # --- who is there ---

    async def _open(self) -> None:
        """Learns the address of the workspace and the names of its people."""
        if self._team:
            return
        said = await self._call("auth.test")
        async for one in self._all("users.list", "members"):
            profile: dict[str, Any] = one.get("profile") or {}
            shown = profile.get("display_name") or profile.get("real_name") or one.get("name")
            self._names[one["id"]] = str(shown or one["id"])
            if profile.get("email") and not one.get("deleted"):
                self._mails[one["id"]] = str(profile["email"]).lower()
        self._team = str(said["url"]).rstrip("/")

    async def _channels(self) -> list[Channel]:
        found = [
            one
            async for one in self._all(
                "conversations.list", "channels", types="public_channel,private_channel"
            )
        ]
        self._names |= {one["id"]: str(one.get("name", one["id"])) for one in found}
        if not self.config.channels:
            return [one for one in found if one.get("is_member")]
        chosen: list[Channel] = []
        for wanted in dict.fromkeys(name.lstrip("#") for name in self.config.channels):
            named = [one for one in found if wanted in (one["id"], one.get("name"))]
            if not named:
                raise SourceError(
                    f"The token sees no channel '{wanted}'.",
                    hint="Check the name, or invite the app.",
                )
            chosen += named[:1]
        return chosen

    async def _readers(self, channel: Channel) -> frozenset[str]:
        if not channel.get("is_private"):
            return frozenset(self.config.readers)
        if not self._mails:
            raise Refused(
                "Slack names no mail address, so the readers of private channels are unknown.",
                hint="Give the app the scope users:read.email (auth_error).",
            )
        members = [
            str(one)
            async for one in self._all("conversations.members", "members", channel=channel["id"])
        ]
        return frozenset(f"user:{self._mails[one]}" for one in members if one in self._mails)

    # --- what they wrote ---

    async def _documents(
        self, channel: Channel, first: date, last: date | None = None
    ) -> AsyncIterator[RawDocument]:
        """The threads and days from `first` on, newest first, a page of messages at a time."""
        span = {"oldest": _ts(first)} | ({"latest": _ts(last + timedelta(days=1))} if last else {})
        messages: list[Message] = []
        async for message in self._all(
            "conversations.history", "messages", channel=channel["id"], inclusive="true", **span
        ):
            if messages and at(message["ts"]).date() != at(messages[0]["ts"]).date():
                yield self._of_day(channel, messages)
                messages = []
            if int(message.get("reply_count") or 0):
                if last is None and (thread := await self._thread(channel, message["ts"])):
                    yield thread
            elif message.get("thread_ts", message["ts"]) == message["ts"] and self._says(message):
                messages.append(message)
        if messages:
            yield self._of_day(channel, messages)

    async def _thread(self, channel: Channel, ts: str) -> RawDocument | None:
        try:
            found = [
                one
                async for one in self._all(
                    "conversations.replies", "messages", channel=channel["id"], ts=ts
                )
            ]
        except _Missing:
            return None
        messages = [one for one in found if self._says(one)]
        if len(found) < 2 or not messages:
            return None
        messages.sort(key=lambda one: one["ts"])
        title = f"{_shown(channel)}: {first_line(messages[0], self._names)}"
        return self._document(channel, ts, title, messages)

    def _says(self, message: Message) -> bool:
        return written(message) and bool(markup(message, self._names))

    def _of_day(self, channel: Channel, messages: list[Message]) -> RawDocument:
        messages = sorted(messages, key=lambda one: one["ts"])
        day = at(messages[0]["ts"]).date().isoformat()
        return self._document(channel, day, f"{_shown(channel)}, {day}", messages)

    def _document(
        self, channel: Channel, name: str, title: str, messages: list[Message]
    ) -> RawDocument:
        said = "\n".join(markup(one, self._names) for one in messages)
        link = f"{self._team}/archives/{channel['id']}/p{messages[0]['ts'].replace('.', '')}"
        return RawDocument(
            key=f"{channel['id']}/{name}",
            uri=link,
            name=f"{channel['id']}-{name}.html",
            data=page(title, {}, said),
            media_type="text/html",
            title=title,
            modified_at=at(messages[-1]["ts"]),
        )

    async def _again(self, key: str) -> RawDocument | None:
        await self._open()
        channel_id, _, name = key.partition("/")
        channel = (await self._call("conversations.info", channel=channel_id))["channel"]
        day = _day(key)
        if day is None:
            return await self._thread(channel, name)
        async for document in self._documents(channel, day, day):
            if document.key == key:
                return document
        return None

    # --- asking ---

    async def _all(self, method: str, field: str, **params: str) -> AsyncIterator[Any]:
        cursor = ""
        while True:
            more = {"cursor": cursor} if cursor else {}
            body = await self._call(method, limit=str(PAGE), **params, **more)
            found: Any = body.get(field)
            if not isinstance(found, list):
                raise SourceError(f"Slack answers {method} with what is no list.")
            for one in cast("list[Any]", found):
                yield one
            following: dict[str, str] = body.get("response_metadata") or {}
            cursor = following.get("next_cursor", "")
            if not cursor:
                return

    async def _call(self, method: str, **params: str) -> dict[str, Any]:
        answer = await self._api.ask("GET", method, params=params)
        if answer.status == 200 and answer.body.get("ok") is True:
            return answer.body
        error = str(answer.body.get("error", ""))
        if error in _REFUSED:
            scope = f", it needs {answer.body['needed']}" if answer.body.get("needed") else ""
            raise Refused(
                f"Slack refuses the token: {error}{scope} (auth_error).",
                hint="Check the token and its scopes.",
            )
        if error in _GONE:
            raise _Missing(f"Slack does not have it: {error}.")
        if error == "not_in_channel":
            raise SourceError("The app is not in a channel it shall read.", hint="Invite it.")
        raise self._api.unexpected(answer, error)


def _change(document: RawDocument, readers: frozenset[str]) -> Change:
    return Change(
        kind="upsert",
        key=document.key,
        uri=document.uri,
        revision=hashlib.sha256(document.data).hexdigest(),
        readers=readers,
    )


def _shown(channel: Channel) -> str:
    return f"#{channel.get('name', channel['id'])}"


def _day(key: str) -> date | None:
    """The day that a key names, if it is not a thread's."""
    name = key.rpartition("/")[2]
    return date.fromisoformat(name) if "-" in name else None


def _ts(day: date) -> str:
    return f"{int(datetime.combine(day, time(), UTC).timestamp())}.000000"
