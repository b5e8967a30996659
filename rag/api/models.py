"""The routes of models: which there are, whether they answer, what they cost, which one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field

from rag.api.policy import Admin
from rag.api.routes import EVENTS, RESPONSES, Domain, Name, with_progress
from rag.api.state import Server
from rag.api.streams import while_connected
from rag.api.strict import StrictRoute
from rag.models.told import Comparison, Costs, Days, ModelCheck, ModelInfo
from rag.store.choices import Choice, How, ScoreCard
from rag.store.daily import Split
from rag.store.spending import By
from rag.types import Data as Body
from rag.types import Progress

Span = Annotated[int, Query(ge=1, le=3_660, description="Today and the days before it.")]
ModelName = Annotated[str | None, Query(min_length=1, max_length=200)]

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)


class Models(Body):
    models: list[ModelInfo]


class CheckModels(Body):
    """Which model to ask; all of them when none is named."""

    model: Name | None = None


class Checked(Body):
    ok: bool
    checks: list[ModelCheck]


class ConformRequest(Body):
    """Which model to try, with the prompts of which domain."""

    model: Name
    domain: Name | None = None


class ChooseModel(Body):
    """What answers from now on; `override` says why, where the pack's floor is not met."""

    model: Name
    domain: Name | None = None
    override: Annotated[str, Field(max_length=1_000)] = ""


class TryModel(Body):
    """What is tried beside the default. canary: it answers that share of the conversations.

    shadow: it answers that share of the questions once more, and nobody is shown what. pair: it
    answers that share of the questions in conversations once more, and people choose.
    """

    model: Name
    how: How
    share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
    domain: Name | None = None
    override: Annotated[str, Field(max_length=1_000)] = ""


class OfDomain(Body):
    domain: Name | None = None


class ScoreCards(Body):
    cards: list[ScoreCard]


class ModelChoices(Body):
    choices: list[Choice]


@router.get("/models")
async def models(who: Admin, server: Server, domain: Domain = None) -> Models:
    """What may answer: extractive, the declared models and the routes. Asks none of them."""
    return Models(models=await server.app.models(who, domain))


@router.post("/models/check")
async def check(request: Request, body: CheckModels, who: Admin, server: Server) -> Checked:
    """Ask one model, or each, for a word."""
    found = await while_connected(request, server.app.check_models(who, body.model))
    return Checked(ok=all(one.ok for one in found), checks=found)


@router.get("/models/costs")
async def costs(
    who: Admin, server: Server, by: By = "model", days: Span = 30, domain: Domain = None
) -> Costs:
    """What was spent on models, by person, domain, model or day; and where each budget stands.

    Without a domain: in all of them, which takes the role in the default one.
    """
    return await server.app.model_costs(who, by, days, domain)


@router.get("/models/days")
async def model_days(
    who: Admin, server: Server, by: Split = "model", days: Span = 30, domain: Domain = None
) -> Days:
    """What models did day by day: answers, tokens, USD, and how long answers took.

    Without a domain: in all of them, which takes the role in the default one.
    """
    return await server.app.model_days(who, by, days, domain)


@router.post("/models/conformance", response_model=ScoreCard, responses=EVENTS)
async def conform(request: Request, body: ConformRequest, who: Admin, server: Server) -> Any:
    """Run the conformance suite against a model: a dozen answers. The score card is kept.

    Events as of a sync.
    """

    async def work(progress: Callable[[Progress], None]) -> ScoreCard:
        return await server.app.conform(who, body.model, body.domain, progress=progress)

    return await with_progress(request, work)


@router.get("/models/conformance")
async def score_cards(
    who: Admin, server: Server, model: ModelName = None, domain: Domain = None
) -> ScoreCards:
    """The latest score cards of one model, or of all, newest first."""
    return ScoreCards(cards=await server.app.score_cards(who, model, domain))


@router.put("/models/default")
async def choose(body: ChooseModel, who: Admin, server: Server) -> Choice:
    """Let a model or route answer from the next question on; 409 when it is below the floor."""
    return await server.app.choose_model(who, body.model, body.domain, body.override)


@router.get("/models/default")
async def choices(who: Admin, server: Server, domain: Domain = None) -> ModelChoices:
    """Who made which model the default, newest first; the first one counts."""
    return ModelChoices(choices=await server.app.model_choices(who, domain))


@router.put("/models/trial")
async def begin_trial(body: TryModel, who: Admin, server: Server) -> Choice:
    """Try a model or route beside the default, from the next question on.

    409 where it answers already, or is to answer people and is below the floor.
    """
    return await server.app.trials.begin(
        who, body.model, body.how, body.share, body.domain, body.override
    )


@router.delete("/models/trial")
async def stop_trial(who: Admin, server: Server, domain: Domain = None) -> Choice:
    """End the trial, from the next question on; 409 where there is none."""
    return await server.app.trials.stop(who, domain)


@router.get("/models/trial")
async def compare(who: Admin, server: Server, domain: Domain = None) -> Comparison:
    """Both sides of the latest trial since it began, and how sure each difference is."""
    return await server.app.trials.compare(who, domain)


@router.post("/models/rollback")
async def roll_back(body: OfDomain, who: Admin, server: Server) -> Choice:
    """End the trial, or without one let what answered before answer from the next question on.

    409 where there is nothing to go back to.
    """
    return await server.app.trials.roll_back(who, body.domain)
