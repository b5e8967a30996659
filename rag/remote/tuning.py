"""The verbs of the ratchet, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.candidates import Candidate, Gain, Judgement, Kind, Release
from rag.remote.line import Line, OnProgress, query
from rag.types import Principal

if TYPE_CHECKING:
    from rag.learn.lora import Recipe
    from rag.remote import RemoteApp


class RemoteTuning:
    """What `rag.app.tuning.Tuning` does for a command line."""

    def __init__(self, app: RemoteApp) -> None:
        self._line: Line = app

    async def make(
        self,
        principal: Principal,
        kind: Kind,
        domain: str | None,
        progress: OnProgress,
        base: str | None = None,
        budget: float | None = None,
        *,
        answers: bool = False,
    ) -> Candidate:
        body = {
            "kind": kind,
            "domain": domain,
            "base": base,
            "budget": budget,
            "answers": answers,
        }
        return Candidate.model_validate(
            await self._line.long("candidates", principal, domain, body, progress)
        )

    async def train(
        self, principal: Principal, recipe: Recipe, domain: str | None, progress: OnProgress
    ) -> Candidate:
        body = {"recipe": recipe.model_dump(mode="json"), "domain": domain}
        return Candidate.model_validate(
            await self._line.long("candidates/llm", principal, domain, body, progress)
        )

    async def list(self, principal: Principal, domain: str | None) -> list[Candidate]:
        params = query(domain=domain)
        found = await self._line.json("GET", "candidates", principal, domain, params=params)
        return [Candidate.model_validate(one) for one in found["candidates"]]

    async def get(
        self, principal: Principal, name: str, domain: str | None
    ) -> tuple[Candidate, list[Judgement]]:
        params = query(domain=domain)
        path = f"candidates/{name}"
        found = await self._line.json("GET", path, principal, domain, params=params)
        reports = [Judgement.model_validate(one) for one in found["reports"]]
        return Candidate.model_validate(found["candidate"]), reports

    async def gains(self, principal: Principal, domain: str | None) -> list[Gain]:
        params = query(domain=domain)
        found = await self._line.json("GET", "gains", principal, domain, params=params)
        return [Gain.model_validate(one) for one in found["gains"]]

    async def measure(
        self, principal: Principal, name: str, domain: str | None, progress: OnProgress
    ) -> Judgement:
        path = f"candidates/{name}/reports"
        return Judgement.model_validate(
            await self._line.long(path, principal, domain, {"domain": domain}, progress)
        )

    async def promote(
        self, principal: Principal, name: str, domain: str | None, why: str = ""
    ) -> Release:
        path = f"candidates/{name}/promotion"
        body = {"why": why, "domain": domain}
        return Release.model_validate(
            await self._line.json("POST", path, principal, domain, json=body)
        )

    async def roll_back(
        self,
        principal: Principal,
        domain: str | None,
        to: int | None = None,
        why: str = "",
        *,
        force: bool = False,
    ) -> Release:
        body = {"to": to, "why": why, "domain": domain, "force": force}
        return Release.model_validate(
            await self._line.json("POST", "releases/rollback", principal, domain, json=body)
        )

    async def releases(self, principal: Principal, domain: str | None) -> list[Release]:
        params = query(domain=domain)
        found = await self._line.json("GET", "releases", principal, domain, params=params)
        return [Release.model_validate(one) for one in found["releases"]]
