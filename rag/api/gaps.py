"""The routes of gaps: what people asked and were not answered."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime

from rag.api.pages import Cursor, Limit, page
from rag.api.policy import Data
from rag.api.routes import RESPONSES, Domain
from rag.api.state import Server
from rag.api.strict import StrictRoute
from rag.app.gaps import ToldGap, ToldQuestion
from rag.store.gaps import Asked, place
from rag.types import Data as Body

router = APIRouter(prefix="/api/v1/gaps", route_class=StrictRoute, responses=RESPONSES)
When = Annotated[AwareDatetime | None, Query(description="Asked then or later: with its zone.")]
Before = Annotated[AwareDatetime | None, Query(description="Asked before then.")]
Language = Annotated[str, Query(max_length=16, description="Only questions in it.")]


class Gaps(Body):
    gaps: list[ToldGap]
    languages: list[str]
    """In which something was asked that is not known."""
    next: str | None = None
    """The cursor of the next page; null after the last."""


class Questions(Body):
    questions: list[ToldQuestion]
    next: str | None = None


@router.get("")
async def gaps(
    who: Data,
    server: Server,
    since: When = None,
    until: Before = None,
    language: Language = "",
    limit: Limit = 50,
    cursor: Cursor = None,
    domain: Domain = None,
) -> Gaps:
    """Questions without an answer: those that ask much the same are one gap, and what most people
    asked is first."""
    asked = Asked(since=since, until=until, language=language)
    found = await server.app.gaps.list(who, asked, limit + 1, cursor, domain)
    shown, more = page(found, limit, place)
    languages = await server.app.gaps.languages(who, domain)
    return Gaps(gaps=shown, languages=[*languages], next=more)


@router.get("/{cluster}/questions")
async def questions(
    cluster: Annotated[str, Path(min_length=1, max_length=36, description="Of a gap.")],
    who: Data,
    server: Server,
    since: When = None,
    until: Before = None,
    language: Language = "",
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$")] = None,
    domain: Domain = None,
) -> Questions:
    """The questions of a gap, those that were answered since too, newest first."""
    asked = Asked(since=since, until=until, language=language)
    before = None if cursor is None else int(cursor)
    found = await server.app.gaps.questions(who, cluster, asked, limit + 1, before, domain)
    shown, more = page(found, limit, lambda one: str(one.n))
    return Questions(questions=shown, next=more)
