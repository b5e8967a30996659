"""Standard input and output: one client, which started this process, and one principal."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

from mcp.server.stdio import stdio_server

from rag.config import Settings
from rag.mcp.tools import server
from rag.types import Principal

if TYPE_CHECKING:
    from rag.app import App
    from rag.remote import RemoteApp


async def serve(settings: Settings, user: str | None, domain: str | None) -> None:
    """Answer until the client closes our input, as this person of the domain.

    Clients give up on a server that says nothing for some seconds. So the protocol is spoken at
    once, while the data folder is opened; a tool that is called meanwhile waits for it. Raises
    what went wrong with the folder, which every call of a tool was told as well.
    """
    opening = asyncio.create_task(_opened(settings, user, domain))
    served = server(lambda: asyncio.shield(opening))
    try:
        async with stdio_server() as (incoming, outgoing):
            await served.run(incoming, outgoing, served.create_initialization_options())
    finally:
        opening.cancel()
        await asyncio.wait({opening})
        if not opening.cancelled():
            await opening.result()[0].aclose()


async def _opened(
    settings: Settings, user: str | None, domain: str | None
) -> tuple[App | RemoteApp, Principal]:
    """Whatever owns the data folder, and who asks it."""
    # Not on the loop, which is answering already.
    await asyncio.to_thread(importlib.import_module, "rag.remote")
    from rag.remote import connect

    app = await connect(settings)
    try:
        return app, await asyncio.to_thread(app.person, user, domain)
    except BaseException:
        await app.aclose()
        raise
