"""Gaps, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.app.gaps import ToldGap
from rag.remote.line import Line, query
from rag.store.gaps import Asked
from rag.types import Principal

if TYPE_CHECKING:
    from rag.remote import RemoteApp


class RemoteGaps:
    """What `rag.app.gaps.Gaps` does for a command line."""

    def __init__(self, app: RemoteApp) -> None:
        self._line: Line = app

    async def list(
        self,
        principal: Principal,
        asked: Asked,
        limit: int,
        after: str | None = None,
        domain: str | None = None,
    ) -> list[ToldGap]:
        narrowed = asked.model_dump(mode="json", exclude_defaults=True)
        params = query(domain=domain, limit=str(limit), cursor=after, **narrowed)
        found = await self._line.json("GET", "gaps", principal, domain, params=params)
        return [ToldGap.model_validate(one) for one in found["gaps"]]
