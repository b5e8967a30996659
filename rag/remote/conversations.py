"""The verbs of conversations, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from rag.conversations import Conversation, Talk
from rag.remote.line import Line, query
from rag.types import Principal

if TYPE_CHECKING:
    from rag.remote import RemoteApp


class RemoteConversations:
    """What `rag.app.conversations.Conversations` does for a command line."""

    def __init__(self, app: RemoteApp) -> None:
        self._line: Line = app

    async def begin(
        self, principal: Principal, domain: str | None = None, title: str = ""
    ) -> Conversation:
        body = query(domain=domain, title=title or None)
        made = await self._line.json("POST", "conversations", principal, domain, json=body)
        return Conversation.model_validate(made)

    async def page(
        self,
        principal: Principal,
        domain: str | None = None,
        *,
        search: str = "",
        limit: int = 50,
        after: str | None = None,
    ) -> list[Conversation]:
        params = query(domain=domain, search=search, limit=str(limit), cursor=after)
        found = await self._line.json("GET", "conversations", principal, domain, params=params)
        return [Conversation.model_validate(one) for one in found["conversations"]]

    async def show(
        self, principal: Principal, conversation_id: str, *, after: int = 0, limit: int = 100
    ) -> Talk:
        params = {"after": str(after), "limit": str(limit)}
        found = await self._line.json("GET", _path(conversation_id), principal, params=params)
        return Talk.model_validate(found)

    async def rename(self, principal: Principal, conversation_id: str, title: str) -> Conversation:
        body = {"title": title}
        made = await self._line.json("PATCH", _path(conversation_id), principal, json=body)
        return Conversation.model_validate(made)

    async def choose(
        self, principal: Principal, conversation_id: str, n: int, trace_id: str
    ) -> Talk:
        where = f"{_path(conversation_id)}/turns/{n}"
        made = await self._line.json("PUT", where, principal, json={"trace_id": trace_id})
        return Talk.model_validate(made)

    async def delete(self, principal: Principal, conversation_id: str) -> None:
        await self._line.send("DELETE", _path(conversation_id), principal)

    async def share(self, principal: Principal, conversation_id: str) -> str:
        made = await self._line.json("POST", f"{_path(conversation_id)}/share", principal)
        return str(made["link"])

    async def unshare(self, principal: Principal, conversation_id: str) -> Conversation:
        made = await self._line.json("DELETE", f"{_path(conversation_id)}/share", principal)
        return Conversation.model_validate(made)


def _path(conversation_id: str) -> str:
    return f"conversations/{quote(conversation_id, safe='')}"
