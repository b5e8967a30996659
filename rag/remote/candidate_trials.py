"""The verbs of trying a candidate with a share of the people, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.candidates import CandidateComparison, CandidateTrial
from rag.remote.line import Line, query
from rag.types import Principal

if TYPE_CHECKING:
    from rag.remote import RemoteApp

PATH = "candidates/trial"


class RemoteCandidateTrials:
    """What `rag.app.candidate_trials.CandidateTrials` does for a command line."""

    def __init__(self, app: RemoteApp) -> None:
        self._line: Line = app

    async def begin(
        self, principal: Principal, name: str, share: float, domain: str | None = None
    ) -> CandidateTrial:
        body = {"candidate": name, "share": share, "domain": domain}
        return CandidateTrial.model_validate(
            await self._line.json("PUT", PATH, principal, domain, json=body)
        )

    async def stop(self, principal: Principal, domain: str | None = None) -> CandidateTrial:
        params = query(domain=domain)
        return CandidateTrial.model_validate(
            await self._line.json("DELETE", PATH, principal, domain, params=params)
        )

    async def compare(
        self, principal: Principal, domain: str | None = None
    ) -> CandidateComparison | None:
        params = query(domain=domain)
        found = (await self._line.json("GET", PATH, principal, domain, params=params))["comparison"]
        return CandidateComparison.model_validate(found) if found else None
