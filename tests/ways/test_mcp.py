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
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from rag.api.server import create_app
from rag.config import Settings
from rag.errors import Unavailable
from rag.mcp import over_http as over_http_of
from rag.mcp.tools import server
from rag.types import Principal
from tests.api.fake import SLOW, FakeApp
from tests.api.test_served import served
from tests.ways.conftest import Deployment
from tests.ways.test_docs import examples

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
    """A process of its own, started as the documentation says, which goes through the server."""
    (configured,) = examples("json")
    args = json.loads(configured)["mcpServers"]["ratchet"]["args"]
    given = {"/path/to/data": str(deployment.app.settings.data), "mira": user}
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "rag", *(given.get(arg, arg) for arg in args)],
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
    assert set(listed) == {"search", "ask", "get_document", "rate"}
    assert all(tool.output_schema for tool in listed.values())
    writes = {name for name, tool in listed.items() if not tool.annotations.read_only_hint}
    assert writes == {"rate"}

    found = await client.call_tool("search", {"query": "warranty on a new lamp", "limit": 2})
    assert len(found.structured_content["passages"]) == 2
    assert json.loads(found.content[0].text) == found.structured_content

    nowhere = {"query": "warranty on a new lamp", "file_kinds": ["slides"]}
    assert (await client.call_tool("search", nowhere)).structured_content == {"passages": []}

    asked = {"question": QUESTION, "file_kinds": ["text"]}
    first = (await client.call_tool("ask", asked)).structured_content
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

    of = {"trace_id": first["trace_id"], "target": {"kind": "citation", "n": cited["n"]}}
    kept = (await client.call_tool("rate", {**of, "value": 1})).structured_content
    assert (kept["target"]["chunk_id"], kept["effective"]) == (cited["chunk_id"], True)


@pytest.mark.parametrize("mode", ERAS)
def test_a_conversation_with_citations_over_http(deployment: Deployment, mode: str) -> None:
    told(conversation, over_http(deployment, mode=mode))


def test_a_conversation_with_citations_over_stdio(deployment: Deployment) -> None:
    told(conversation, over_stdio(deployment))


@pytest.mark.parametrize("opened", [over_http, over_stdio])
def test_a_tool_knows_only_what_the_person_may_read(deployment: Deployment, opened: Any) -> None:
    allowed: dict[str, Any] = {}

    async def as_robin(client: Client) -> None:
        allowed.update((await client.call_tool("ask", {"question": REFUND})).structured_content)
        assert "shop manager" in allowed["answer"]

    async def as_guest(client: Client) -> None:
        answer = await client.call_tool("ask", {"question": REFUND})
        found = await client.call_tool("search", {"query": REFUND})
        assert answer.structured_content["abstained"]
        assert found.structured_content["passages"]
        assert "manager" not in answer.model_dump_json() + found.model_dump_json()
        cited = allowed["citations"][0]
        place = {"document_id": cited["document_id"], "version": cited["version"]}
        hidden = await client.call_tool("get_document", place)
        unknown = await client.call_tool("get_document", {**place, "document_id": "nothing"})
        assert hidden.is_error
        assert hidden.content == unknown.content, "that it exists is no business of theirs"

    told(as_robin, over_http(deployment, "robin"))
    told(as_guest, opened(deployment, "guest"))


WRONG = {
    "no question": ("ask", {}, "invalid_input"),
    "blank": ("ask", {"question": "  "}, "invalid_input"),
    "a NUL": ("ask", {"question": "why\0"}, "invalid_input"),
    "a NUL before": (
        "ask",
        {"question": "why", "history": [{"role": "user", "content": "\0"}]},
        "invalid_input",
    ),
    "too long": ("ask", {"question": "x" * 20_001}, "invalid_input"),
    "no such domain": ("ask", {"question": "why", "domain": "tables"}, "not_found"),
    "no such parameter": ("search", {"query": "why", "k": 3}, "invalid_input"),
    "no such kind": ("search", {"query": "why", "file_kinds": ["poem"]}, "invalid_input"),
    "too many": ("search", {"query": "why", "limit": 51}, "invalid_input"),
    "no document": ("get_document", {"document_id": "nothing", "version": 1}, "not_found"),
    "no version": ("get_document", {"document_id": "nothing"}, "invalid_input"),
    "no verdict": ("rate", {"trace_id": "x"}, "invalid_input"),
    "half a thumb": ("rate", {"trace_id": "x", "value": 0.5}, "invalid_input"),
    "no answer": ("rate", {"trace_id": "x", "value": 1}, "not_found"),
    "who says so": ("rate", {"trace_id": "x", "value": 1, "actor": "bob"}, "invalid_input"),
    "a path": ("get_document", {"document_id": "../x", "version": 1}, "invalid_input"),
}


@pytest.mark.parametrize("mode", ERAS)
def test_what_is_wrong_is_told_to_the_model(deployment: Deployment, mode: str) -> None:
    async def story(client: Client) -> None:
        for name, (tool, arguments, code) in WRONG.items():
            result = await client.call_tool(tool, arguments)
            assert result.is_error, name
            assert result.structured_content["error"]["code"] == code, name
            assert result.structured_content["error"]["message"] in result.content[0].text
        with pytest.raises(MCPError, match="Did you mean 'ask'"):
            await client.call_tool("asks", {})

    told(story, over_http(deployment, mode=mode))


@pytest.fixture
def fake(tmp_path: Any) -> FakeApp:
    return FakeApp(Settings(data=tmp_path))


@pytest.mark.parametrize("mode", ERAS)
def test_a_failure_within_is_told_without_its_inside(fake: FakeApp, mode: str) -> None:
    async def asking() -> tuple[FakeApp, Principal]:
        return fake, Principal(id="anna")

    async def nobody() -> tuple[FakeApp, Principal]:
        raise Unavailable("The data folder cannot be opened.", hint="Wait.")

    async def story() -> None:
        async with Client(server(asking), mode=mode) as client:  # type: ignore[arg-type]
            bug = await client.call_tool("ask", {"question": "bug"})
            assert bug.structured_content["error"]["code"] == "internal"
            assert "secret" not in bug.model_dump_json()
            full = await client.call_tool("ask", {"question": "full disk"})
            assert full.structured_content["error"] == {
                "code": "storage_full", "message": "The disk is full.", "hint": "Make room.",
                "retryable": True, "retry_after_s": 60,
            }  # fmt: skip
        async with Client(server(nobody), mode=mode) as client:  # type: ignore[arg-type]
            assert len((await client.list_tools()).tools) == 4
            closed = await client.call_tool("ask", {"question": "why"})
            assert closed.structured_content["error"]["code"] == "unavailable"

    asyncio.run(story())


@pytest.mark.parametrize("mode", ERAS)
def test_a_client_that_leaves_cancels_its_answer(fake: FakeApp, mode: str) -> None:
    async def story() -> None:
        api = create_app(fake, over_http_of(fake))  # type: ignore[arg-type]
        async with served(fake, api) as port, httpx2.AsyncClient(timeout=30) as http:
            transport = streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                asked = asyncio.create_task(client.call_tool("ask", {"question": SLOW}))
                await asyncio.wait_for(fake.started.wait(), 20)
                assert not fake.cancelled.is_set()
                asked.cancel()
                await asyncio.wait({asked})
            await asyncio.wait_for(fake.cancelled.wait(), 20)

    asyncio.run(story())


CALL = {
    "jsonrpc": "2.0", "id": 1, "method": "tools/call",
    "params": {"name": "search", "arguments": {"query": "warranty"}},
}  # fmt: skip
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    fake = FakeApp(Settings(data=tmp_path_factory.mktemp("fake")))
    return TestClient(create_app(fake, over_http_of(fake)), base_url="http://localhost:8000")  # type: ignore[arg-type]


def test_only_this_machine_s_own_pages_are_let_in(http: TestClient) -> None:
    assert "24 months" in http.post("/mcp", json=CALL, headers=ACCEPT).text
    for headers, status in (
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"X-Ratchet-As": "nobody"}, 404),
    ):
        response = http.post("/mcp", json=CALL, headers={**ACCEPT, **headers})
        assert response.status_code == status, headers
        assert "24 months" not in response.text
    for method in ("GET", "DELETE", "PUT"):
        assert http.request(method, "/mcp").status_code == 405


JSON = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=9) | st.just("\ud800\0"),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=9), one, max_size=3),
    max_leaves=6,
)
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
METHODS = ("initialize", "tools/call", "tools/list", "ping", "server/discover", "x", "")
PARAMS = JSON | st.fixed_dictionaries(
    {"name": st.sampled_from(["search", "ask", "rate", "x"]) | JSON, "arguments": JSON},
    optional={"_meta": st.just(META) | JSON},
)
MESSAGES = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": st.sampled_from(METHODS), "params": PARAMS},
    optional={"id": st.integers() | JSON},
)
VERSIONS = st.sampled_from([None, "2025-06-18", "2026-07-28", "2026-07-28", "x"])


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=40) | JSON | MESSAGES, VERSIONS)
def test_no_body_makes_it_fail(http: TestClient, body: Any, version: str | None) -> None:
    headers = {**ACCEPT, "Content-Type": "application/json"}
    if version is not None:
        headers["MCP-Protocol-Version"] = version
    if isinstance(body, dict):
        # The newer protocol wants these to agree with the body; they do as far as they can.
        headers["Mcp-Method"] = ascii(body.get("method") or "x").strip("'")
        params = body.get("params")
        name = params.get("name") if isinstance(params, dict) else None
        headers["Mcp-Name"] = name if name in ("search", "ask", "rate") else "x"
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert http.post("/mcp", content=content, headers=headers).status_code < 500
