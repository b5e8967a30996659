"""The routes of reading: a domain's first words, a document's text, and why it was found."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from rag.api.policy import Admin, Room, User
from rag.api.routes import RESPONSES, Domain, Id, Version
from rag.api.state import Server
from rag.api.streams import while_connected
from rag.api.strict import StrictRoute
from rag.app.explaining import Explained, ExplainRequest
from rag.app.generations import GenerationInfo
from rag.app.viewing import View
from rag.types import Data, DomainInfo

At = Annotated[int, Query(ge=0, le=2**31 - 1, description="The character to show the text around.")]
Size = Annotated[int, Query(ge=1_000, le=100_000, description="How many characters, about.")]


class GenerationList(Data):
    generations: list[GenerationInfo]


router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)


@router.get("/domains/about")
async def about(who: User, server: Server, domain: Domain = None) -> DomainInfo:
    """What a domain is about, what could be asked first, and the sources one may read there."""
    return await server.app.about(who, domain)


@router.get("/documents/{document_id}/versions/{version}/view")
async def view(
    document_id: Id,
    version: Version,
    who: User,
    server: Server,
    at: At = 0,
    size: Size = 20_000,
) -> View:
    """A part of a kept version as it is built: headings, paragraphs, tables with their cells.

    Its characters are counted as citation spans count them.
    """
    return await server.app.view(who, document_id, version, at=at, size=size)


@router.get("/generations")
async def generations(who: Admin, server: Server, domain: Domain = None) -> GenerationList:
    """Every build of a domain's index, the newest first: the live one, one that is being built,
    and those that it took over from, until the next sync drops them."""
    return GenerationList(generations=await server.app.generations(who, domain))


@router.post("/searches/explain", dependencies=[Room])
async def explain(request: Request, body: ExplainRequest, who: Admin, server: Server) -> Explained:
    """How a search comes about, stage by stage, by the pack's knobs or by others, in the live
    build of the index or in another one.

    Of each stage the best 50 places are told; only what the caller may read is among them.
    """
    return await while_connected(request, server.app.explain(who, body))
