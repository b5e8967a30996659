"""The routes of models: which there are, whether they answer, what they cost."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from rag.api.policy import Keeper
from rag.api.routes import RESPONSES, Name
from rag.api.state import Server
from rag.api.streams import while_connected
from rag.api.strict import StrictRoute
from rag.models.told import Costs, ModelCheck, ModelInfo
from rag.store.spending import By
from rag.types import Data as Body

Days = Annotated[int, Query(ge=1, le=3_660, description="Today and the days before it.")]

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)


class Models(Body):
    models: list[ModelInfo]


class CheckModels(Body):
    """Which model to ask; all of them when none is named."""

    model: Name | None = None


class Checked(Body):
    ok: bool
    checks: list[ModelCheck]


@router.get("/models")
async def models(who: Keeper, server: Server) -> Models:
    """What may answer: extractive, the declared models and the routes. Asks none of them."""
    return Models(models=await server.app.models(who))


@router.post("/models/check")
async def check(request: Request, body: CheckModels, who: Keeper, server: Server) -> Checked:
    """Ask one model, or each, for a word."""
    found = await while_connected(request, server.app.check_models(who, body.model))
    return Checked(ok=all(one.ok for one in found), checks=found)


@router.get("/models/costs")
async def costs(who: Keeper, server: Server, by: By = "model", days: Days = 30) -> Costs:
    """What was spent on models, by person, domain, model or day; and where each budget stands."""
    return await server.app.model_costs(who, by, days)
