"""The Index on a Qdrant server or cluster: one collection per generation.

Points, vectors and payloads are those of the embedded engine. Which generation is live stands in
the ledger, so no aliases are needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from pydantic import ValidationError
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from rag.backends.qdrant_filter import APART, BODY, INDEXED, Words, translate, whole
from rag.backends.qdrant_order import Ranked, settle, widen
from rag.backends.qdrant_payload import (
    checked_name,
    checked_query,
    checked_vector,
    checked_vectors,
    filter_tree,
    nearest_first,
    permitted,
    to_stored,
)
from rag.errors import EngineError, GenerationMismatch, NotFound, StorageFull
from rag.file_kinds import FileKind
from rag.types import Candidates, Filter, IndexQuery, Payload, Point, Scored

BATCH = 256
TIMEOUT_S = 60
IN_MEMORY = ":memory:"
WORDS = Words(models.Filter, models.FieldCondition, models.MatchAny, models.Range)


class QdrantServerIndex:
    """Index on the server at `url`; ":memory:" is the client's own brute-force stand-in."""

    def __init__(self, url: str, api_key: str = "", prefix: str = "ratchet_") -> None:
        self._url, self._prefix = url, prefix
        self._dimensions: dict[str, int] = {}
        self._indexed: set[str] = set()
        self._client = AsyncQdrantClient(
            location=url,
            api_key=api_key or None,
            timeout=TIMEOUT_S,
            check_compatibility=False,  # it would call the server here, and warn, not raise
        )

    async def create(self, generation: str, dimension: int) -> None:
        name = self._name(generation)
        async with self._asking(generation):
            if not await self._client.collection_exists(name):
                await self._client.create_collection(
                    name,
                    vectors_config={
                        "dense": models.VectorParams(
                            size=dimension, distance=models.Distance.COSINE
                        )
                    },
                    sparse_vectors_config={
                        "bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)
                    },
                )
        await self._check_dimension(generation, dimension)
        await self._index_fields(generation)

    async def generations(self) -> Mapping[str, int]:
        async with self._asking(""):
            found = (await self._client.get_collections()).collections
            names = sorted(c.name for c in found if c.name.startswith(self._prefix))
            return {
                name.removeprefix(self._prefix): (await self._client.count(name)).count
                for name in names
            }

    async def drop(self, generation: str) -> None:
        self._dimensions.pop(generation, None)
        async with self._asking(generation):
            await self._client.delete_collection(self._name(generation))

    async def upsert(self, generation: str, points: Sequence[Point]) -> None:
        if not points:
            await self.count(generation)
            return
        matrix = checked_vectors(points)
        await self._check_dimension(generation, matrix.shape[1])
        structs = [
            _struct(point, vector.tolist()) for point, vector in zip(points, matrix, strict=True)
        ]
        for i in range(0, len(structs), BATCH):
            batch = structs[i : i + BATCH]
            async with self._asking(generation):
                await self._client.upsert(self._name(generation), batch, wait=True)

    async def delete(self, generation: str, filter: Filter) -> None:
        selector = models.FilterSelector(filter=translate(filter_tree(filter), WORDS))
        async with self._asking(generation):
            await self._client.delete(self._name(generation), selector, wait=True)

    async def set_file_kind(self, generation: str, filter: Filter, kind: FileKind) -> None:
        condition = translate(filter_tree(filter), WORDS)
        if generation not in self._indexed:
            await self._index_fields(generation)
        async with self._asking(generation):
            await self._client.set_payload(
                self._name(generation), {APART: kind.value}, condition, wait=True
            )

    async def count(self, generation: str, filter: Filter | None = None) -> int:
        condition = translate(filter_tree(filter), WORDS)
        async with self._asking(generation):
            return (await self._client.count(self._name(generation), condition)).count

    async def search(self, generation: str, query: IndexQuery) -> Candidates:
        vector = checked_query(query)
        queries: dict[str, models.NearestQuery] = {}
        if vector is not None:
            await self._check_dimension(generation, vector.size)
            queries["dense"] = models.NearestQuery(nearest=vector.tolist())
        if query.sparse and query.sparse.indices:
            terms = models.SparseVector(
                indices=list(query.sparse.indices), values=list(query.sparse.values)
            )
            queries["bm25"] = models.NearestQuery(nearest=terms)
        if not queries:
            await self.count(generation)
            return Candidates()
        condition = translate(permitted(query), WORDS)
        lists = await self._lists(generation, queries, condition, query.limit)
        return Candidates.model_construct(
            dense=lists.get("dense", ()), sparse=lists.get("bm25", ())
        )

    async def _lists(
        self,
        generation: str,
        queries: dict[str, models.NearestQuery],
        condition: models.Filter,
        limit: int,
    ) -> dict[str, tuple[Scored, ...]]:
        lists: dict[str, tuple[Scored, ...]] = {}
        fetch = limit + 1
        while queries:
            requests = [
                models.QueryRequest(query=query, using=name, filter=condition, limit=fetch)
                for name, query in queries.items()
            ]
            async with self._asking(generation):
                found = await self._client.query_batch_points(self._name(generation), requests)
            for name, response in zip(list(queries), found, strict=True):
                hits = [Ranked(str(point.id), point.score) for point in response.points]
                settled = settle(hits, fetch, limit)
                if settled is not None:
                    lists[name] = tuple(
                        Scored.model_construct(score=score, chunk_id=id) for id, score in settled
                    )
                    del queries[name]
            fetch = widen(fetch)
        return lists

    async def payloads(self, generation: str, chunk_ids: Sequence[str]) -> Mapping[str, Payload]:
        async with self._asking(generation):
            records = await self._client.retrieve(
                self._name(generation),
                list(chunk_ids),
                with_payload=[BODY, APART],
                with_vectors=False,
            )
        found = [_payload(record.payload or {}) for record in records]
        return {payload.chunk_id: payload for payload in found}

    async def nearest(
        self, generation: str, vector: Sequence[float], *, above: float, limit: int
    ) -> list[tuple[float, Payload]]:
        asked = checked_vector(vector, limit)
        await self._check_dimension(generation, asked.size)
        request = models.QueryRequest(
            query=models.NearestQuery(nearest=asked.tolist()),
            using="dense",
            limit=limit,
            score_threshold=above,
            with_payload=[BODY, APART],
        )
        async with self._asking(generation):
            [found] = await self._client.query_batch_points(self._name(generation), [request])
        return sorted(
            ((one.score, _payload(one.payload or {})) for one in found.points), key=nearest_first
        )

    async def vectors(
        self, generation: str, chunk_ids: Sequence[str]
    ) -> Mapping[str, tuple[float, ...]]:
        async with self._asking(generation):
            records = await self._client.retrieve(
                self._name(generation),
                list(chunk_ids),
                with_payload=False,
                with_vectors=["dense"],
            )
        return {
            str(one.id): tuple(cast("list[float]", one.vector["dense"]))
            for one in records
            if isinstance(one.vector, dict)
        }

    async def optimize(self, generation: str) -> None:
        """Nothing to start: a server optimises by itself, without blocking searches."""
        await self.count(generation)

    async def aclose(self) -> None:
        await self._client.close()

    def _name(self, generation: str) -> str:
        return self._prefix + checked_name(generation)

    async def _index_fields(self, generation: str) -> None:
        """Have the server index every field that filters name; those it has stay as they are."""
        if self._url != IN_MEMORY:  # it has no payload indexes, and warns when asked for one
            async with self._asking(generation):
                for field, kind in INDEXED.items():
                    schema = models.PayloadSchemaType(kind)
                    await self._client.create_payload_index(
                        self._name(generation), field, schema, wait=True
                    )
        self._indexed.add(generation)

    async def _check_dimension(self, generation: str, dimension: int) -> None:
        if generation not in self._dimensions:
            async with self._asking(generation):
                info = await self._client.get_collection(self._name(generation))
            vectors = info.config.params.vectors
            if not isinstance(vectors, dict) or "dense" not in vectors:
                raise EngineError(
                    f"Collection {self._name(generation)} was not made by Ratchet.",
                    hint="Choose another prefix, or remove the collection.",
                )
            self._dimensions[generation] = vectors["dense"].size
        size = self._dimensions[generation]
        if size != dimension:
            raise GenerationMismatch(
                f"The vectors have {dimension} dimensions, those of generation"
                f" {generation!r} have {size}.",
                hint="Another embedding model built it; sync into a new generation.",
            )

    @asynccontextmanager
    async def _asking(self, generation: str) -> AsyncGenerator[None]:
        """End what takes too long in all, and turn what the client raises into our errors."""
        try:
            # The client's own limit is for each piece of an answer, which may come bit by bit.
            async with asyncio.timeout(TIMEOUT_S):
                yield
        except TimeoutError as error:
            raise EngineError(
                f"The Qdrant server at {self._url} did not answer within {TIMEOUT_S} s.",
                hint="See the server's log, and the network in between.",
            ) from error
        except UnexpectedResponse as error:
            text = error.content.decode(errors="replace")
            if error.status_code == 404:
                raise self._unknown(generation) from error
            if error.status_code in (401, 403):
                raise EngineError(
                    f"The Qdrant server at {self._url} refused the key.",
                    hint="Check QDRANT_API_KEY or index.api_key.",
                ) from error
            if error.status_code == 507 or "No space left" in text:
                raise StorageFull(text, hint="Free space on the Qdrant server.") from error
            raise EngineError(
                f"The Qdrant server answered {error.status_code}: {text[:500]}",
                hint="See the server's log.",
            ) from error
        except ApiException as error:
            raise EngineError(
                f"The Qdrant server at {self._url} cannot be reached: {error}",
                hint="Check QDRANT_URL or index.url, and that the server is up.",
            ) from error
        except ValueError as error:
            if "not found" in str(error):  # the in-memory client's way of saying 404
                raise self._unknown(generation) from error
            raise EngineError(f"The Qdrant client refused the call: {error}") from error

    def _unknown(self, generation: str) -> NotFound:
        self._dimensions.pop(generation, None)
        return NotFound(
            f"There is no generation {generation!r}.",
            hint="Sync first: the index is built by a sync.",
        )


def _payload(stored: Mapping[str, Any]) -> Payload:
    try:
        return Payload.model_validate_json(whole(stored))
    except (KeyError, ValidationError) as error:
        raise EngineError(
            "The collection holds points of another program or version.",
            hint="Sync into a new generation.",
        ) from error


def _struct(point: Point, vector: list[float]) -> models.PointStruct:
    terms = models.SparseVector(
        indices=list(point.sparse.indices), values=list(point.sparse.values)
    )
    return models.PointStruct(
        id=point.payload.chunk_id,
        vector={"dense": vector, "bm25": terms},
        payload=to_stored(point.payload),
    )
