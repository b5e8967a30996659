"""The verbs of models, over HTTP."""

from __future__ import annotations

from rag.models.told import Costs, Days, ModelCheck, ModelInfo
from rag.remote.line import Line, OnProgress, query
from rag.store.choices import Choice, ScoreCard
from rag.store.daily import Split
from rag.store.spending import By
from rag.types import Principal


class ModelVerbs(Line):
    """Looks at models, at what they cost and how they conform, and chooses one."""

    async def models(self, principal: Principal, domain: str | None = None) -> list[ModelInfo]:
        found = await self.json("GET", "models", principal, domain, params=query(domain=domain))
        return [ModelInfo.model_validate(one) for one in found["models"]]

    async def check_models(self, principal: Principal, name: str | None = None) -> list[ModelCheck]:
        found = await self.json("POST", "models/check", principal, json={"model": name})
        return [ModelCheck.model_validate(one) for one in found["checks"]]

    async def model_costs(
        self, principal: Principal, by: By = "model", days: int = 30, domain: str | None = None
    ) -> Costs:
        params = query(by=by, days=str(days), domain=domain)
        return Costs.model_validate(
            await self.json("GET", "models/costs", principal, domain, params=params)
        )

    async def model_days(
        self, principal: Principal, by: Split = "model", days: int = 30, domain: str | None = None
    ) -> Days:
        params = query(by=by, days=str(days), domain=domain)
        return Days.model_validate(
            await self.json("GET", "models/days", principal, domain, params=params)
        )

    async def conform(
        self,
        principal: Principal,
        model: str,
        domain: str | None = None,
        *,
        progress: OnProgress | None = None,
    ) -> ScoreCard:
        body = {"model": model, "domain": domain}
        return ScoreCard.model_validate(
            await self.long("models/conformance", principal, domain, body, progress)
        )

    async def score_cards(
        self, principal: Principal, model: str | None = None, domain: str | None = None
    ) -> list[ScoreCard]:
        params = query(model=model, domain=domain)
        found = await self.json("GET", "models/conformance", principal, domain, params=params)
        return [ScoreCard.model_validate(one) for one in found["cards"]]

    async def choose_model(
        self, principal: Principal, model: str, domain: str | None = None, override: str = ""
    ) -> Choice:
        body = {"model": model, "domain": domain, "override": override}
        return Choice.model_validate(
            await self.json("PUT", "models/default", principal, domain, json=body)
        )

    async def model_choices(self, principal: Principal, domain: str | None = None) -> list[Choice]:
        params = query(domain=domain)
        found = await self.json("GET", "models/default", principal, domain, params=params)
        return [Choice.model_validate(one) for one in found["choices"]]
