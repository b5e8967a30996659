"""The index that does not answer: a stopped engine, a server behind a broken line."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from rag.backends import qdrant_edge, qdrant_server
from rag.backends.qdrant_edge import QdrantEdgeIndex
from rag.backends.qdrant_server import QdrantServerIndex
from rag.errors import EngineError
from rag.testing.index import ALL, DIMENSION, make_point
from rag.types import IndexQuery
from tests.backends.rest_standin import stand_in
from tests.backends.test_qdrant_edge import engines, shards

QUERY = IndexQuery(dense=(1.0, 0.0, 0.0, 0.0), readers=ALL, limit=5)


@pytest.mark.parametrize("who", [engines, shards])
def test_a_stopped_engine_is_no_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: Callable
) -> None:
    async def story() -> None:
        index = QdrantEdgeIndex(tmp_path)
        await index.create("one", DIMENSION)
        await index.upsert("one", [make_point(1)])
        monkeypatch.setattr(qdrant_edge, "PATIENCE_S", 1.0)
        for process in who(tmp_path):
            process.send_signal(signal.SIGSTOP)
        try:
            for call in (index.search("one", QUERY), index.upsert("one", [make_point(2)])):
                with pytest.raises(EngineError, match="did not answer within 1 s") as caught:
                    await call
                assert (caught.value.status, caught.value.retryable) == (503, True)
        finally:
            for process in who(tmp_path):
                process.send_signal(signal.SIGCONT)
        monkeypatch.setattr(qdrant_edge, "PATIENCE_S", 20.0)
        assert len((await index.search("one", QUERY)).dense) >= 1
        await index.upsert("one", [make_point(2)])
        assert await index.count("one") == 2
        await index.aclose()

    asyncio.run(story())


@asynccontextmanager
async def line(url: str, fault: str) -> AsyncIterator[str]:
    """The address of a relay to the server, which cuts, stops or drips what comes back."""
    server = httpx.URL(url)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if fault == "reset":
            writer.transport.abort()
            return
        back, forth = await asyncio.open_connection(server.host, server.port)

        async def ask() -> None:
            while data := await reader.read(65_536):
                forth.write(data)
                await forth.drain()

        asking = asyncio.create_task(ask())
        try:
            if fault == "black hole":
                await asyncio.wait({asking})
            elif fault == "cut":
                writer.write(await back.read(20))
            else:
                while data := await back.read(1):
                    writer.write(data)
                    await writer.drain()
                    await asyncio.sleep(0.5)
        finally:
            asking.cancel()
            forth.close()
            writer.close()

    relaying = await asyncio.start_server(relay, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{relaying.sockets[0].getsockname()[1]}"
    finally:
        relaying.close()


@pytest.mark.parametrize("fault", ["reset", "black hole", "cut", "drip"])
def test_a_broken_line_to_a_server_is_told_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(qdrant_server, "TIMEOUT_S", 1)

    async def story(url: str) -> None:
        good = QdrantServerIndex(url)
        await good.create("one", DIMENSION)
        await good.upsert("one", [make_point(1)])
        async with line(url, fault) as broken:
            bad = QdrantServerIndex(broken)
            async with asyncio.timeout(10):
                for call in (bad.search("one", QUERY), bad.upsert("one", [make_point(2)])):
                    with pytest.raises(EngineError) as caught:
                        await call
                    assert caught.value.hint
            await bad.aclose()
        assert len((await good.search("one", QUERY)).dense) >= 1
        await good.aclose()

    with stand_in(tmp_path) as url:
        asyncio.run(story(url))
