"""The verbs of accounts, over HTTP, as whoever runs the server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote

from rag.people import Caller
from rag.remote.line import Line, query
from rag.store.accounts import Account
from rag.store.audit import Entry
from rag.store.signins import ApiKey
from rag.types import Principal, Role

if TYPE_CHECKING:
    from rag.remote import RemoteApp


class RemoteAccounts:
    """What `rag.app.accounts.Accounts` does for a command line."""

    def __init__(self, app: RemoteApp) -> None:
        self._line: Line = app

    async def invite(self, principal: Principal, name: str, roles: Iterable[Role]) -> str:
        body = {"name": name, "roles": sorted(roles) or [Role.USER]}
        return str((await self._line.json("POST", "invitations", principal, json=body))["link"])

    async def list(self, principal: Principal) -> list[Account]:
        found = await self._line.json("GET", "accounts", principal)
        return [Account.model_validate(one) for one in found["accounts"]]

    async def change(
        self,
        principal: Principal,
        name: str,
        *,
        roles: Iterable[Role] | None = None,
        suspended: bool | None = None,
    ) -> Account:
        body = {"roles": None if roles is None else sorted(roles), "suspended": suspended}
        path = f"accounts/{quote(name, safe='')}"
        return Account.model_validate(await self._line.json("PATCH", path, principal, json=body))

    async def keys(self, caller: Caller) -> list[ApiKey]:
        found = await self._line.json("GET", "keys", _as(caller))
        return [ApiKey.model_validate(one) for one in found["keys"]]

    async def add_key(
        self, caller: Caller, name: str, scopes: Iterable[Role], days: float, owner: str = ""
    ) -> tuple[ApiKey, str]:
        body = {"name": name, "scopes": sorted(scopes) or [Role.USER], "days": days, "owner": owner}
        made = await self._line.json("POST", "keys", _as(caller), json=body)
        return ApiKey.model_validate(made["key"]), str(made["secret"])

    async def remove_key(self, caller: Caller, key_id: str) -> ApiKey:
        path = f"keys/{quote(key_id, safe='')}"
        return ApiKey.model_validate(await self._line.json("DELETE", path, _as(caller)))

    async def audit(self, principal: Principal, limit: int, before: int | None) -> list[Entry]:
        params = query(limit=str(limit), before=None if before is None else str(before))
        found = await self._line.json("GET", "audit", principal, params=params)
        return [Entry.model_validate(one) for one in found["entries"]]


def _as(caller: Caller) -> Principal:
    return Principal(id=caller.user)
