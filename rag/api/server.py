"""Puts the HTTP application together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import FastAPI

from rag import __version__
from rag.api import (
    access,
    accounts,
    agreement,
    completions,
    conversations,
    dataset_runs,
    datasets,
    declared,
    feedback,
    gaps,
    groups,
    models,
    privacy,
    problems,
    public,
    reading,
    routes,
    runs,
    sources,
    tools,
    tuning,
    ui,
    upkeep,
    uploads,
)
from rag.api.guard import Guard, names_of
from rag.api.limits import Pace
from rag.api.metrics import Metrics
from rag.api.state import State
from rag.api.tools import Answering
from rag.config import refuse_exposed

if TYPE_CHECKING:
    from rag.app import App


def create_app(app: App, mcp: Answering | None = None) -> FastAPI:
    """The API and the page over one app, which stays the caller's to close.

    `mcp` answers the clients of that protocol, where it is served.
    Raises ConfigError for an address beyond loopback.
    """
    settings = app.settings.server
    refuse_exposed(app.settings)
    # The documentation pages of the framework load scripts from elsewhere: they stay off.
    api = FastAPI(
        title="Ratchet",
        version=__version__,
        description="Ask your own documents and get cited answers.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    metrics = Metrics()
    api.state.ratchet = State(
        app, metrics, asyncio.Semaphore(settings.max_concurrent), Pace(app.settings.limits)
    )
    api.state.uploading = asyncio.Semaphore(uploads.AT_ONCE)
    problems.install(api)
    api.include_router(public.router)
    api.include_router(public.watched)
    api.include_router(ui.router)
    api.include_router(routes.router)
    api.include_router(sources.router)
    api.include_router(uploads.router)
    api.include_router(reading.router)
    api.include_router(runs.router)
    api.include_router(upkeep.router)
    api.include_router(groups.router)
    api.include_router(feedback.router)
    api.include_router(datasets.router)
    api.include_router(dataset_runs.router)
    api.include_router(gaps.router)
    api.include_router(tuning.router)
    api.include_router(agreement.router)
    api.include_router(conversations.router)
    api.include_router(completions.router)
    if mcp is not None:
        api.include_router(tools.router(mcp))
    api.include_router(models.router)
    api.include_router(declared.router)
    api.include_router(accounts.router)
    api.include_router(access.router)
    api.include_router(privacy.router)
    api.add_middleware(
        Guard,
        max_body_bytes=settings.max_body_bytes,
        max_upload_bytes=settings.max_upload_bytes,
        names=names_of(settings),
        embed_in=settings.embed_in,
        metrics=metrics,
    )
    return api
