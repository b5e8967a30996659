"""The routes under /api/v1: each reads its request, calls the facade once and answers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from rag.api.once import Once
from rag.api.pages import Cursor, Limit, page
from rag.api.policy import Admin, Data, Room, User
from rag.api.problems import MEDIA_TYPE, Problem
from rag.api.state import Server
from rag.api.streams import (
    answer_events,
    event_stream,
    progress_events,
    wants_events,
    while_connected,
)
from rag.api.strict import StrictRoute
from rag.types import (
    Answer,
    AnswerEvent,
    AskRequest,
    Check,
    DocumentInfo,
    Payload,
    Progress,
    SearchRequest,
    SearchResult,
    SyncReport,
)
from rag.types import Data as Body

Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.:-]{1,200}$")]
After = Annotated[int, Query(ge=0, le=2**31 - 1, description="Number of the first chunk.")]
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
Domain = Annotated[str | None, Query(min_length=1, max_length=100)]
AsIn = Annotated[
    str | None,
    Query(
        alias="domain",
        min_length=1,
        max_length=100,
        description="Whose roles count, for a link, which carries no header.",
    ),
]
Of = Annotated[str | None, Query(min_length=1, max_length=200, description="Name or id.")]
Sought = Annotated[str, Query(max_length=200, description="A part of it; case does not count.")]
Name = Annotated[str, Field(min_length=1, max_length=200)]

_PROBLEM: dict[str, Any] = {
    "model": Problem,
    "description": "A problem, with what to do about it",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
            }
        }
    }
}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
}
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
}

RESPONSES: dict[int | str, dict[str, Any]] = {"4XX": _PROBLEM, "5XX": _PROBLEM, 422: _PROBLEM}

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)


class SyncRequest(Body):
    """Which source to read; all of the domain when none is named."""

    source: Name | None = None
    domain: Name | None = None


class DomainRequest(Body):
    domain: Name | None = None


class Domains(Body):
    domains: list[str]


class Documents(Body):
    documents: list[DocumentInfo]
    next: str | None = None
    """The cursor of the next page; null after the last."""


class Chunks(Body):
    chunks: list[Payload]
    next: int | None = None
    """The number of the chunk to go on from; null where these are all."""


class Checks(Body):
    ok: bool
    checks: list[Check]


class Rebuilt(Body):
    documents: int


@router.post("/answers", response_model=Answer, responses=EVENTS, dependencies=[Room])
async def ask(request: Request, body: AskRequest, who: User, server: Server, once: Once) -> Any:
    """Answer a question, as one object or, for `Accept: text/event-stream`, as it is made.

    Events: started, hits, token, citation, then answer or error. Leaving cancels the answer.
    """
    if not wants_events(request):
        made = once.answer(who, lambda: server.app.ask(who, body))
        answer = await while_connected(request, made)
        server.metrics.answer(answer)
        return answer

    def counted(event: AnswerEvent) -> AnswerEvent:
        if event.event == "answer":
            server.metrics.answer(Answer.model_validate(event.data))
        return event

    made = once.events(who, lambda: server.app.stream(who, body))
    events = (counted(event) async for event in made)
    return await event_stream(request, answer_events(events))


@router.post("/searches", dependencies=[Room])
async def search(request: Request, body: SearchRequest, who: User, server: Server) -> SearchResult:
    """The passages that fit a query, best first, with the story of their scores."""
    return await while_connected(request, server.app.search(who, body))


@router.get("/domains")
async def domains(who: User, server: Server) -> Domains:
    """The domains in which the caller is known, the default one first."""
    return Domains(domains=await server.app.domains(who))


@router.get("/traces/{trace_id}")
async def trace(trace_id: Id, who: User, server: Server) -> dict[str, Any]:
    """Everything that made one answer."""
    return dict(await server.app.trace(who, trace_id))


@router.get("/documents")
async def documents(
    who: User,
    server: Server,
    failed: bool = False,
    held: bool = False,
    source: Of = None,
    search: Sought = "",
    domain: Domain = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Documents:
    """The documents the caller may read, those not indexed, or those whose deletion is held.

    Of one source where it is named, with `search` in title or address where that is given.
    By source and address, `limit` at a time; `next` is the cursor of the page after this one.
    """
    found = await server.app.documents(
        who,
        domain=domain,
        failed=failed,
        held=held,
        source=source,
        search=search,
        limit=limit + 1,
        after=cursor,
    )
    shown, more = page(found, limit, lambda one: one.id)
    return Documents(documents=shown, next=more)


@router.get(
    "/documents/{document_id}/versions/{version}/original",
    response_class=Response,
    responses=_FILE,
)
async def original(
    document_id: Id, version: Version, who: User, server: Server, _domain: AsIn = None
) -> Response:
    """The bytes of a kept version, always as an attachment."""
    found = await server.app.original(who, document_id, version)
    return _attachment(found.data, found.name, found.media_type)


@router.get(
    "/documents/{document_id}/versions/{version}/text", response_class=Response, responses=_TEXT
)
async def text(
    document_id: Id, version: Version, who: User, server: Server, _domain: AsIn = None
) -> Response:
    """The text that citation spans count in, always as an attachment."""
    found = await server.app.text(who, document_id, version)
    data = found.encode("utf-8", errors="replace")
    return _attachment(data, f"{document_id}.{version}.txt", "text/plain; charset=utf-8")


@router.get("/documents/{document_id}/versions/{version}/chunks")
async def chunks(
    document_id: Id,
    version: Version,
    who: User,
    server: Server,
    after: After = 0,
    limit: Limit = 100,
) -> Chunks:
    """The pieces that are found of a version, in order; none where it answers nothing now."""
    found = await server.app.chunks(who, document_id, version, after=after, limit=limit + 1)
    shown, further = page(found, limit, lambda one: one.ordinal + 1)
    return Chunks(chunks=shown, next=further)


@router.post("/syncs", response_model=SyncReport, responses=EVENTS)
async def sync(request: Request, body: SyncRequest, who: Admin, server: Server) -> Any:
    """Read what changed. Events: progress, then result or error. Leaving stops the sync."""

    async def work(progress: Callable[[Progress], None]) -> SyncReport:
        return await server.app.sync(who, source=body.source, domain=body.domain, progress=progress)

    return await with_progress(request, work)


@router.post("/rebuilds", response_model=Rebuilt, responses=EVENTS)
async def rebuild(request: Request, body: DomainRequest, who: Admin, server: Server) -> Any:
    """Build the index anew and switch to it at once. Events as of a sync."""

    async def work(progress: Callable[[Progress], None]) -> Rebuilt:
        count = await server.app.rebuild(who, domain=body.domain, progress=progress)
        return Rebuilt(documents=count)

    return await with_progress(request, work)


@router.post("/evaluations", response_model=dict[str, Any], responses=EVENTS)
async def evaluate(request: Request, body: DomainRequest, who: Data, server: Server) -> Any:
    """Ask the pack's evals and measure the answers. Events as of a sync."""

    async def work(progress: Callable[[Progress], None]) -> Mapping[str, Any]:
        return await server.app.evaluate(who, domain=body.domain, progress=progress)

    return await with_progress(request, work)


@router.get("/checks")
async def checks(who: Admin, server: Server) -> Checks:
    """Try every part and say what to do about those that fail."""
    found = await server.app.doctor()
    return Checks(ok=all(check.ok for check in found), checks=found)


async def with_progress(
    request: Request, work: Callable[[Callable[[Progress], None]], Awaitable[Any]]
) -> Any:
    """Long work as events of its progress, where they are asked for; leaving ends it."""
    if wants_events(request):
        return await event_stream(request, progress_events(work))

    async def silent() -> Any:
        return await work(lambda _: None)

    return await while_connected(request, silent())


def _attachment(data: bytes, name: str, media_type: str) -> Response:
    """Never shown in place: the type is the source's word, and the page's origin is ours."""
    safe = re.fullmatch(r"[\w.+-]+/[\w.+-]+(; ?charset=[\w-]+)?", media_type, re.ASCII)
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
    # Given as a header, the type is sent as it is, without a charset nobody checked.
    kind = media_type if safe else "application/octet-stream"
    return Response(data, headers={"Content-Disposition": disposition, "Content-Type": kind})
