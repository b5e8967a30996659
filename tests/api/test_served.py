"""On a real socket: leaving cancels the answer, and broken requests break only themselves."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from rag.api.server import create_app
from tests.api.fake import SLOW, FakeApp


@asynccontextmanager
async def served(fake: FakeApp, api: FastAPI | None = None) -> AsyncIterator[int]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        config = uvicorn.Config(api or create_app(fake), lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        server.capture_signals = _no_signals  # type: ignore[method-assign]
        task = asyncio.create_task(server.serve(sockets=[bound]))
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        try:
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            await task


class _no_signals:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.anyio
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_a_client_that_leaves_cancels_its_answer(fake: FakeApp, accept: str) -> None:
    async with served(fake) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("/api/v1/answers", {"question": SLOW}, accept))
        await writer.drain()
        await asyncio.wait_for(fake.started.wait(), 10)
        assert not fake.cancelled.is_set()
        writer.close()
        await asyncio.wait_for(fake.cancelled.wait(), 10)
        with suppress(OSError):
            await writer.wait_closed()
        del reader
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert (await client.post("/api/v1/answers", json={"question": "q"})).is_success


@pytest.mark.anyio
async def test_a_silent_stream_is_kept_alive(
    fake: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.api.streams.SILENCE_SECONDS", 0.05)
    async with served(fake) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("/api/v1/answers", {"question": SLOW}, "text/event-stream"))
        await asyncio.wait_for(reader.readuntil(b": ping"), 10)
        writer.close()
        await asyncio.wait_for(fake.cancelled.wait(), 10)


RAW = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "no-host": b"GET / HTTP/1.1\r\n\r\n",
    "two-hosts": b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
    "two-lengths": b"POST /api/v1/syncs HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "negative": b"POST /api/v1/syncs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
    "huge-header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    "bad-chunk": b"POST /api/v1/syncs HTTP/1.1\r\nHost: localhost\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.anyio
@pytest.mark.parametrize("raw", RAW.values(), ids=RAW.keys())
async def test_a_broken_request_breaks_only_itself(fake: FakeApp, raw: bytes) -> None:
    async with served(fake) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(OSError):
            writer.write(raw)
            await writer.drain()
            line = await asyncio.wait_for(reader.readline(), 10)
            assert line == b"" or line.split()[1].startswith(b"4")
        writer.close()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert (await client.get("/healthz")).is_success


def request(path: str, body: dict, accept: str) -> bytes:
    data = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Accept: {accept}\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data
