"""The face for MCP clients: the same verbs as tools, over HTTP and over standard input and output.

The protocol is the official SDK's, which takes seconds to import and is imported when first used.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from rag.types import Principal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from rag.app import App

Answering = Callable[[Principal], "ASGIApp"]
"""What answers one HTTP request of a client that was let in as this principal."""


def over_http(app: App) -> Answering:
    """The tools over streamable HTTP; who asks is found out before, by whoever serves it."""

    def answering(principal: Principal) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            # Not on the loop, which meanwhile answers everybody else.
            http = await asyncio.to_thread(importlib.import_module, "rag.mcp.http")
            await http.answer(app, principal, scope, receive, send)

        return answer

    return answering
