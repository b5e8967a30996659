"""The routes of agreement: how far people agree with each other."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from rag.api.pages import Cursor, Limit, page
from rag.api.policy import Data
from rag.api.routes import RESPONSES, Domain
from rag.api.state import Server
from rag.api.strict import StrictRoute
from rag.app.agreement import ToldDispute
from rag.store.agreement import Period, Rater
from rag.types import Data as Body

router = APIRouter(prefix="/api/v1/agreement", route_class=StrictRoute, responses=RESPONSES)
When = Annotated[AwareDatetime | None, Query(description="Said then or later: with its zone.")]
Before = Annotated[AwareDatetime | None, Query(description="Said before then.")]


class Agreed(Body):
    opinions: int
    people: int
    units: int
    cut: bool
    alpha: float | None
    periods: list[Period]


class Raters(Body):
    raters: list[Rater]
    next: str | None = None
    """The cursor of the next page; null after the last."""


class Disputes(Body):
    disputed: list[ToldDispute]
    next: str | None = None


@router.get("")
async def agreement(
    who: Data,
    server: Server,
    since: When = None,
    until: Before = None,
    domain: Domain = None,
) -> Agreed:
    """How far people agree on what several of them judged: Krippendorff's alpha, on the whole and
    month by month. The last 100,000 verdicts of the time are compared."""
    found = await server.app.agreement.of(who, (since, until), domain)
    shown = Agreed.model_fields.keys() - {"periods"}
    return Agreed(periods=[*found.periods], **{name: getattr(found, name) for name in shown})


@router.get("/raters")
async def raters(
    who: Data,
    server: Server,
    since: When = None,
    until: Before = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    domain: Domain = None,
) -> Raters:
    """Who judges, by pseudonym: how much, how often as most others do, and what it weighs."""
    found = await server.app.agreement.raters(who, (since, until), limit + 1, cursor, domain)
    shown, more = page(found, limit, lambda one: one.place)
    return Raters(raters=shown, next=more)


@router.get("/disputed")
async def disputed(
    who: Data,
    server: Server,
    since: When = None,
    until: Before = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    domain: Domain = None,
) -> Disputes:
    """Answers and passages of which some think well and others badly, most divided first."""
    found = await server.app.agreement.disputed(who, (since, until), limit + 1, cursor, domain)
    shown, more = page(found, limit, lambda one: one.place)
    return Disputes(disputed=shown, next=more)
