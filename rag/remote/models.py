"""The verbs of models, over HTTP."""

from __future__ import annotations

from rag.models.told import Costs, ModelCheck, ModelInfo
from rag.remote.line import Line, query
from rag.store.spending import By
from rag.types import Principal


class ModelVerbs(Line):
    """Looks at models, and at what they cost."""

    async def models(self, principal: Principal) -> list[ModelInfo]:
        found = await self._json("GET", "models", principal)
        return [ModelInfo.model_validate(one) for one in found["models"]]

    async def check_models(self, principal: Principal, name: str | None = None) -> list[ModelCheck]:
        found = await self._json("POST", "models/check", principal, json={"model": name})
        return [ModelCheck.model_validate(one) for one in found["checks"]]

    async def model_costs(self, principal: Principal, by: By = "model", days: int = 30) -> Costs:
        params = query(by=by, days=str(days))
        return Costs.model_validate(
            await self._json("GET", "models/costs", principal, params=params)
        )
