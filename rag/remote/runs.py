"""The verbs of runs, over HTTP: what takes a while, and what is going on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

from rag.remote.line import Line, OnProgress, query
from rag.types import Principal, Run, SyncReport


class RunVerbs(Line):
    """Syncs, rebuilds and evaluations, and the runs that there are."""

    async def sync(
        self,
        principal: Principal,
        *,
        source: str | None = None,
        domain: str | None = None,
        progress: OnProgress | None = None,
    ) -> SyncReport:
        body = {"source": source, "domain": domain}
        return SyncReport.model_validate(
            await self.long("syncs", principal, domain, body, progress)
        )

    async def start_sync(self, principal: Principal, source: str, domain: str | None = None) -> Run:
        return Run.model_validate(await self._of("POST", principal, source, "/sync", domain))

    async def runs(
        self,
        principal: Principal,
        *,
        source: str | None = None,
        domain: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> list[Run]:
        params = query(source=source, domain=domain, limit=str(limit), cursor=after)
        found = await self.json("GET", "runs", principal, domain, params=params)
        return [Run.model_validate(one) for one in found["runs"]]

    async def run(self, principal: Principal, run_id: str, domain: str | None = None) -> Run:
        path = f"runs/{quote(run_id, safe='')}"
        params = query(domain=domain)
        return Run.model_validate(await self.json("GET", path, principal, domain, params=params))

    async def follow_run(
        self, principal: Principal, run_id: str, domain: str | None = None
    ) -> AsyncIterator[Run]:
        path = f"runs/{quote(run_id, safe='')}/events"
        params = query(domain=domain)
        async for _, data in self._events(path, principal, domain, params=params, method="GET"):
            yield Run.model_validate(data)

    async def cancel_run(self, principal: Principal, run_id: str, domain: str | None = None) -> Run:
        path = f"runs/{quote(run_id, safe='')}/cancel"
        params = query(domain=domain)
        return Run.model_validate(await self.json("POST", path, principal, domain, params=params))

    async def rebuild(
        self,
        principal: Principal,
        *,
        domain: str | None = None,
        progress: OnProgress | None = None,
    ) -> int:
        done = await self.long("rebuilds", principal, domain, {"domain": domain}, progress)
        return int(done["documents"])

    async def evaluate(
        self,
        principal: Principal,
        *,
        domain: str | None = None,
        progress: OnProgress | None = None,
    ) -> Mapping[str, Any]:
        return await self.long("evaluations", principal, domain, {"domain": domain}, progress)
