"""Streamable HTTP, one request at a time: no session, so nothing to steal, to expire or to share.

Any of several servers can answer the next request, with the permissions that count by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from rag.mcp.tools import server
from rag.types import Principal

if TYPE_CHECKING:
    from rag.app import App


async def answer(
    app: App, principal: Principal, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer one POST. What it began ends with it, also when the client leaves."""
    # Read here, where a body that is too long or cut off is refused as everywhere else.
    body = await Request(scope, receive).body()
    given = False

    async def asking() -> tuple[App, Principal]:
        return app, principal

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    # A manager of its own: its tasks live as long as the request, in the task that serves it.
    manager = StreamableHTTPSessionManager(
        server(asking), stateless=True, max_request_body_size=max(len(body), 1)
    )
    async with manager.run():
        await manager.handle_request(scope, again, send)
