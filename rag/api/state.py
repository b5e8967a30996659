"""What the routes of one server share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request

from rag.api.limits import Pace
from rag.api.metrics import Metrics

if TYPE_CHECKING:
    from rag.app import App


@dataclass
class State:
    """One server's app, its counters and its room for answers."""

    app: App
    metrics: Metrics
    free: asyncio.Semaphore
    pace: Pace


def state_of(request: Request) -> State:
    return cast(State, request.app.state.ratchet)


def app_of(request: Request) -> App:
    return state_of(request).app


async def shared(request: Request) -> State:
    """Not a plain function: the framework would have a thread call it, at every request."""
    return state_of(request)


Server = Annotated[State, Depends(shared)]
