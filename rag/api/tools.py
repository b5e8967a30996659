"""The route of MCP clients: let in like everyone else, then answered in their protocol."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.api.policy import Room, User
from rag.api.strict import StrictRoute
from rag.types import Principal

Answering = Callable[[Principal], ASGIApp]


class _Passed(Response):
    """A response that another application makes."""

    def __init__(self, inner: ASGIApp) -> None:
        super().__init__()
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.inner(scope, receive, send)


def router(answering: Answering) -> APIRouter:
    """`/mcp` for what answers there, which is another face's and given from outside."""
    made = APIRouter(route_class=StrictRoute, include_in_schema=False)

    # Only POST: without sessions there is nothing to listen to and nothing to end.
    @made.post("/mcp", dependencies=[Room])
    async def mcp(who: User) -> Response:  # pyright: ignore[reportUnusedFunction]
        return _Passed(answering(who))

    return made
