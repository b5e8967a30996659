"""The routes of runs: ask for a sync, see how far it is, stop it, let it happen by itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request

from rag.api.once import Once
from rag.api.pages import Cursor, Limit, page
from rag.api.policy import Admin
from rag.api.routes import EVENTS, RESPONSES, Domain, Id, Of
from rag.api.sources import Source
from rag.api.state import Server
from rag.api.streams import event_stream
from rag.api.strict import StrictRoute
from rag.types import Data as Body
from rag.types import Run, Schedule, SourceInfo

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)


class Runs(Body):
    runs: list[Run]
    next: str | None = None
    """The cursor of the next page; null after the last."""


@router.post("/sources/{source}/sync", status_code=202)
async def start_sync(
    source: Source, who: Admin, server: Server, once: Once, domain: Domain = None
) -> Run:
    """Ask for a sync; a worker does it. 409 names the run while the source is worked on."""
    return await once.made(
        who,
        lambda: server.app.start_sync(who, source, domain),
        lambda run: run.id,
        lambda run_id: server.app.run(who, run_id, domain),
    )


@router.put("/sources/{source}/schedule")
async def schedule_source(
    source: Source, body: Schedule, who: Admin, server: Server, domain: Domain = None
) -> SourceInfo:
    """Let a source be read by itself: `cron` (UTC) or `every_seconds`; neither means no more."""
    chosen = body if body != Schedule() else None
    return await server.app.schedule_source(who, source, chosen, domain)


@router.get("/runs")
async def runs(
    who: Admin,
    server: Server,
    source: Of = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    domain: Domain = None,
) -> Runs:
    """The latest runs, newest first: those under way and what became of the others."""
    found = await server.app.runs(who, source=source, domain=domain, limit=limit + 1, after=cursor)
    shown, more = page(found, limit, lambda one: one.id)
    return Runs(runs=shown, next=more)


@router.get("/runs/{run_id}")
async def run(run_id: Id, who: Admin, server: Server, domain: Domain = None) -> Run:
    """One run with its progress, and its report or error when it has ended."""
    return await server.app.run(who, run_id, domain)


@router.get("/runs/{run_id}/events", response_model=Run, responses=EVENTS)
async def run_events(
    request: Request, run_id: Id, who: Admin, server: Server, domain: Domain = None
) -> Any:
    """Events: progress whenever something changed, then result; each is the run. Leaving only
    ends the watching."""

    async def events() -> AsyncGenerator[tuple[str, Any]]:
        async for found in server.app.follow_run(who, run_id, domain):
            yield "result" if found.ended else "progress", found

    return await event_stream(request, events())


@router.post("/runs/{run_id}/cancel")
async def cancel_run(run_id: Id, who: Admin, server: Server, domain: Domain = None) -> Run:
    """Stop a run; it has ended once its work has. May be said again, also after the end."""
    return await server.app.cancel_run(who, run_id, domain)
