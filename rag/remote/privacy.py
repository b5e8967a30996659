"""The verbs of a person's data, over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rag.errors import Unavailable
from rag.remote.line import Line, query
from rag.store.erasing import Erased
from rag.store.forgetting import Forgotten
from rag.types import Principal

if TYPE_CHECKING:
    from rag.remote import RemoteApp


class RemotePrivacy:
    """What `rag.app.privacy.Privacy` does for a command line."""

    def __init__(self, app: RemoteApp) -> None:
        self._line: Line = app

    async def erase(self, principal: Principal, name: str) -> Forgotten:
        return Forgotten.model_validate(await self._line.json("DELETE", _path(name), principal))

    async def erase_document(
        self, principal: Principal, document_id: str, domain: str | None = None
    ) -> Erased:
        path = f"documents/{quote(document_id, safe='')}"
        found = await self._line.json(
            "DELETE", path, principal, domain, params=query(domain=domain)
        )
        return Erased.model_validate(found)

    async def export(self, principal: Principal, name: str) -> AsyncGenerator[Mapping[str, Any]]:
        path = "data" if name == principal.id else _path(name)
        return _rows(self._line, path, principal)


async def _rows(line: Line, path: str, principal: Principal) -> AsyncGenerator[Mapping[str, Any]]:
    last: Mapping[str, Any] = {}
    async for written in line.lines(path, principal):
        last = json.loads(written)
        yield last
    if "end" not in last:
        raise Unavailable("The server ended before the export was whole.", hint="Ask again.")


def _path(name: str) -> str:
    return f"people/{quote(name, safe='')}/data"
