"""What admins see and end of other people's ways in: sessions, API keys and unused links."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rag.app.accounts import Accounts
from rag.app.parts import Parts
from rag.errors import NotFound
from rag.store.accounts import Invitation
from rag.store.signins import ApiKey, SignedIn
from rag.types import Principal


class Access:
    """Whatever is ended here is gone for the next request, and stands in the audit log."""

    def __init__(self, parts: Parts, accounts: Accounts) -> None:
        self._parts = parts
        self._accounts = accounts

    async def sessions(self, principal: Principal, name: str) -> Sequence[SignedIn]:
        """Somebody's, the one used last first. Raises NotFound for whoever has no account."""
        await asyncio.to_thread(self._parts.accounts.get, name)
        return await asyncio.to_thread(self._parts.sessions.list, name)

    async def end_sessions(
        self, principal: Principal, name: str, session_id: str | None = None
    ) -> int:
        """One of somebody's, or all. Returns how many. Raises NotFound."""
        await asyncio.to_thread(self._parts.accounts.get, name)
        ended = await asyncio.to_thread(self._parts.sessions.close, name, session_id)
        if session_id is not None and not ended:
            raise NotFound("There is no such session.")
        await self._accounts.wrote(principal, "end sessions", name, sessions=ended)
        return ended

    async def keys(
        self, principal: Principal, owner: str | None, limit: int, after: str | None
    ) -> Sequence[ApiKey]:
        """Somebody's, or everybody's, newest first; those after the key with that id."""
        return await asyncio.to_thread(self._parts.keys.list, owner, limit, after)

    async def remove_key(self, principal: Principal, key_id: str) -> ApiKey:
        """Anybody's. Raises NotFound."""
        removed = await asyncio.to_thread(self._parts.keys.remove, key_id)
        await self._accounts.wrote(principal, "remove key", removed.account, key=key_id)
        return removed

    async def invitations(self, principal: Principal) -> Sequence[Invitation]:
        """The links that nobody used yet, newest first."""
        return await asyncio.to_thread(self._parts.accounts.invitations)

    async def withdraw(self, principal: Principal, name: str) -> None:
        """End the link that somebody was given. Raises NotFound."""
        await asyncio.to_thread(self._parts.accounts.withdraw, name)
        await self._accounts.wrote(principal, "withdraw invitation", name)
