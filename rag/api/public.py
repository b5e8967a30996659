"""What anyone on this machine may see: health, metrics and the Ask widget."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from starlette.responses import FileResponse

from rag.api import metrics
from rag.api.guard import WIDGET
from rag.api.policy import Keeper, Public
from rag.api.problems import of_status, respond
from rag.api.state import Server, State
from rag.errors import NotFound
from rag.types import Check

STATIC = Path(__file__).parent / "static"
router = APIRouter(dependencies=[Public], include_in_schema=False)
watched = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process runs; says nothing of its parts, so it answers at once."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(server: Server) -> Any:
    """Whether questions can be answered now, with the checks that say so."""
    checks = await server.app.ready()
    problems = await server.app.unusable()
    checks.append(
        Check(name="configuration", ok=not problems, detail=" ".join(problems) or "usable")
    )
    if all(check.ok for check in checks):
        return {"ready": True, "checks": checks}
    failing = ", ".join(check.name for check in checks if not check.ok)
    problem = of_status(503, f"Not ready: {failing}.", "/readyz", code="not_ready")
    return respond(problem.model_copy(update={"checks": checks}), {"Retry-After": "5"})


@watched.get("/metrics")
async def prometheus(who: Keeper, server: Server) -> Response:
    """Counters in Prometheus' text format. They name sources: where people sign in, for admins."""
    freshness, ended = await server.app.freshness(), await server.app.ended_runs()
    text = await asyncio.to_thread(server.metrics.text, freshness, ended)
    return Response(text, headers={"Content-Type": metrics.MEDIA_TYPE})


@router.get(WIDGET)
async def widget_page(server: Server) -> FileResponse:
    """The page in the panel of the Ask widget: the only one that others may frame."""
    _require_embedding(server)
    return FileResponse(STATIC / "ask.html", media_type="text/html; charset=utf-8")


@router.get(f"{WIDGET}.js")
async def widget_script(server: Server) -> FileResponse:
    """What a page of another origin loads to have a button that opens the panel."""
    _require_embedding(server)
    return FileResponse(STATIC / "widget.js", media_type="text/javascript; charset=utf-8")


@router.get("/static/ask.js")
async def script() -> FileResponse:
    return FileResponse(STATIC / "ask.js", media_type="text/javascript; charset=utf-8")


@router.get("/static/ask.css")
async def style() -> FileResponse:
    return FileResponse(STATIC / "ask.css", media_type="text/css; charset=utf-8")


@router.get("/static/icon.svg")
async def icon() -> FileResponse:
    return FileResponse(STATIC / "icon.svg", media_type="image/svg+xml")


def _require_embedding(server: State) -> None:
    if not server.app.settings.server.embed_in:
        raise NotFound(
            "No page may embed the Ask widget.",
            hint='Set server.embed_in to the origins that may: ["https://intranet.example"].',
        )
