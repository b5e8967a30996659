"""Puts the HTTP application together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import FastAPI

from rag import __version__
from rag.api import problems, public, routes
from rag.api.guard import Guard, is_loopback
from rag.api.metrics import Metrics
from rag.api.state import State
from rag.errors import ConfigError

if TYPE_CHECKING:
    from rag.app import App


def create_app(app: App) -> FastAPI:
    """The API and the page over one app, which stays the caller's to close.

    Raises ConfigError for an address beyond loopback: there are no accounts yet to ask for.
    """
    settings = app.settings.server
    if not is_loopback(settings.host):
        raise ConfigError(
            f"server.host: {settings.host} can be reached from other machines, and anyone there "
            "would be the single user with every role.",
            hint="Use 127.0.0.1 until accounts arrive.",
        )
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
    api.state.ratchet = State(app, metrics, asyncio.Semaphore(settings.max_concurrent))
    problems.install(api)
    api.include_router(public.router)
    api.include_router(routes.router)
    api.add_middleware(Guard, max_body_bytes=settings.max_body_bytes, metrics=metrics)
    return api
