"""The official MCP client uses the tools over both transports, in both eras of the protocol."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from tests.ways.conftest import Deployment

QUESTION = "How long is the warranty on a new lamp?"
REFUND = "Who may approve a refund above 200 euro?"
ERAS = ("legacy", "auto")


@asynccontextmanager
async def over_http(
    deployment: Deployment, user: str = "robin", mode: str = "auto"
) -> AsyncIterator[Client]:
    headers = {"X-Ratchet-As": user}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        transport = streamable_http_client(f"{deployment.url}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


@asynccontextmanager
async def over_stdio(
    deployment: Deployment, user: str = "robin", mode: str = "auto"
) -> AsyncIterator[Client]:
    """A process of its own, which goes through the server that holds the data folder."""
    data = str(deployment.app.settings.data)
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "rag", "--data", data, "mcp", "--as", user],
        env={name: value for name, value in os.environ.items() if not name.startswith("RAG_")},
    )
    async with Client(command, mode=mode) as client:
        yield client


def told(story: Callable[[Client], Awaitable[None]], opened: Any) -> None:
    async def run() -> None:
        async with opened as client:
            await story(client)

    asyncio.run(run())


async def conversation(client: Client) -> None:
    """What a client does: list, search, ask, ask further, read what is cited."""
    listed = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(listed) == {"search", "ask", "get_document"}
    assert all(tool.output_schema and tool.annotations.read_only_hint for tool in listed.values())

    found = await client.call_tool("search", {"query": "warranty on a new lamp", "limit": 2})
    assert len(found.structured_content["passages"]) == 2
    assert json.loads(found.content[0].text) == found.structured_content

    first = (await client.call_tool("ask", {"question": QUESTION})).structured_content
    assert "24 months" in first["answer"]
    history = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": first["answer"]},
    ]
    more = {"question": "And who shows the receipt for it?", "history": history}
    second = (await client.call_tool("ask", more)).structured_content
    assert second["citations"]

    cited = first["citations"][0]
    start, end = cited["span"]
    place = {"document_id": cited["document_id"], "version": cited["version"]}
    whole = (await client.call_tool("get_document", place)).structured_content
    assert whole["text"][start:end] == cited["quote"]
    assert (whole["length"], whole["next"]) == (len(whole["text"]), None)
    around = {**place, "offset": start, "limit": end - start}
    page = (await client.call_tool("get_document", around)).structured_content
    assert (page["text"], page["next"]) == (cited["quote"], end)


@pytest.mark.parametrize("mode", ERAS)
def test_a_conversation_with_citations_over_http(deployment: Deployment, mode: str) -> None:
    told(conversation, over_http(deployment, mode=mode))


def test_a_conversation_with_citations_over_stdio(deployment: Deployment) -> None:
    told(conversation, over_stdio(deployment))
