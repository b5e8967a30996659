"""What the routes of one server share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request

from rag.api.metrics import Metrics
from rag.errors import Unavailable

if TYPE_CHECKING:
    from rag.app import App


@dataclass
class State:
    """One server's app, its counters and its room for answers."""

    app: App
    metrics: Metrics
    free: asyncio.Semaphore


def state_of(request: Request) -> State:
    return cast(State, request.app.state.ratchet)


def app_of(request: Request) -> App:
    return state_of(request).app


async def room(request: Request) -> AsyncIterator[None]:
    """A place among the answers being made, kept until the last byte is sent; else 503 at once."""
    free = state_of(request).free
    if free.locked():
        raise Unavailable(
            "As many answers as allowed are being made.", hint="Try again in a moment."
        )
    async with free:
        yield


Server = Annotated[State, Depends(state_of)]
Room = Depends(room)
