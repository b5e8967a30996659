"""The verbs of trying a model beside another, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.models.told import Comparison
from rag.remote.line import Line, query
from rag.store.choices import Choice, How
from rag.types import Principal

if TYPE_CHECKING:
    from rag.remote import RemoteApp


class RemoteTrials:
    """What `rag.app.trials.Trials` does for a command line."""

    def __init__(self, app: RemoteApp) -> None:
        self._line: Line = app

    async def begin(
        self,
        principal: Principal,
        model: str,
        how: How,
        share: float,
        domain: str | None = None,
        override: str = "",
    ) -> Choice:
        body = {"model": model, "how": how, "share": share, "domain": domain, "override": override}
        return Choice.model_validate(
            await self._line.json("PUT", "models/trial", principal, domain, json=body)
        )

    async def stop(self, principal: Principal, domain: str | None = None) -> Choice:
        params = query(domain=domain)
        return Choice.model_validate(
            await self._line.json("DELETE", "models/trial", principal, domain, params=params)
        )

    async def compare(self, principal: Principal, domain: str | None = None) -> Comparison:
        params = query(domain=domain)
        return Comparison.model_validate(
            await self._line.json("GET", "models/trial", principal, domain, params=params)
        )

    async def roll_back(self, principal: Principal, domain: str | None = None) -> Choice:
        body = {"domain": domain}
        return Choice.model_validate(
            await self._line.json("POST", "models/rollback", principal, domain, json=body)
        )
