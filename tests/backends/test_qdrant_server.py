"""What the server's Index says when the server is away, refuses, or holds another's collections."""

import asyncio
import socket

import pytest
from qdrant_client import AsyncQdrantClient, models

from rag.backends.qdrant_server import QdrantServerIndex
from rag.errors import EngineError, NotFound
from rag.testing.index import ALL, DIMENSION, make_point
from rag.types import IndexQuery
from tests.backends.rest_standin import stand_in

QUERY = IndexQuery(dense=(1.0, 0.0, 0.0, 0.0), readers=ALL)


def with_index(url, scenario, **options):
    async def whole():
        index = QdrantServerIndex(url, **options)
        try:
            await scenario(index)
        finally:
            await index.aclose()

    asyncio.run(whole())


def test_a_server_that_is_away_is_named_with_a_hint():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

        async def scenario(index):
            for call in (
                index.generations(),
                index.create("one", DIMENSION),
                index.upsert("one", [make_point(1)]),
                index.search("one", QUERY),
            ):
                with pytest.raises(EngineError, match="QDRANT_URL") as caught:
                    await call
                assert url in caught.value.message
                assert caught.value.retryable

        with_index(url, scenario)


def test_a_wrong_key_is_named_with_a_hint(tmp_path):
    with stand_in(tmp_path, api_key="right") as url:

        async def refused(index):
            with pytest.raises(EngineError, match="QDRANT_API_KEY"):
                await index.generations()

        async def accepted(index):
            assert await index.generations() == {}

        with_index(url, refused)
        with pytest.warns(UserWarning, match="insecure"):
            with_index(url, refused, api_key="wrong")
        with pytest.warns(UserWarning, match="insecure"):
            with_index(url, accepted, api_key="right")


def test_collections_of_others_are_left_alone(tmp_path):
    with stand_in(tmp_path) as url:

        async def foreign():
            client = AsyncQdrantClient(url, check_compatibility=False)
            await client.create_collection(
                "other",
                vectors_config={
                    "dense": models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE)
                },
                sparse_vectors_config={
                    "bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)
                },
            )
            point = models.PointStruct(id=1, vector={"dense": [1.0, 0, 0, 0]}, payload={"a": 1})
            await client.upsert("other", [point])
            await client.close()

        async def scenario(index):
            await index.create("one", DIMENSION)
            assert await index.generations() == {"one": 0}
            await index.drop("other")

        async def survives(index):
            assert await index.generations() == {"other": 1, "ratchet_one": 0}

        asyncio.run(foreign())
        with_index(url, scenario)
        with_index(url, survives, prefix="")


def test_a_generation_dropped_by_another_process_is_not_found(tmp_path):
    with stand_in(tmp_path) as url:

        async def scenario(index):
            await index.create("one", DIMENSION)
            other = QdrantServerIndex(url)
            await other.drop("one")
            await other.create("one", DIMENSION + 1)
            await other.drop("one")
            await other.aclose()
            with pytest.raises(NotFound):
                await index.search("one", QUERY)
            await index.create("one", DIMENSION + 1)

        with_index(url, scenario)
