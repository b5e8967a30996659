"""A pool of documents that is cut one way and another, and searched each time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import unquote
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from rag.app.domains import Domain
from rag.app.measuring import Question
from rag.app.parts import Parts
from rag.backends.qdrant_edge import QdrantEdgeIndex
from rag.errors import NotFound, Unavailable
from rag.ingest.chunking import StructureChunker
from rag.ingest.write import SLICE, GenerationWriter, Placed
from rag.learn.chunks import Passage, Sought, holds
from rag.learn.measuring import Place
from rag.retrieve.duplicates import distinct
from rag.retrieve.fuse import fuse, merge
from rag.retrieve.retriever import Embedded
from rag.store.generations import Generation
from rag.store.ledger import StoredVersion
from rag.types import IndexQuery


class Trying(NamedTuple):
    """A question, what is sought for it, and how it is searched."""

    question: Question
    sought: Sought
    embedded: Embedded
    documents: frozenset[str]
    """Those that have what is sought."""


Version = tuple[StoredVersion, frozenset[str], str]
"""With its readers and the name of its source."""


class Pool:
    """Some documents, cut and searched as the product does, in an index that is kept nowhere."""

    def __init__(
        self,
        parts: Parts,
        domain: Domain,
        live: Generation,
        index: QdrantEdgeIndex,
        clock: Callable[[], float],
        until: float,
    ) -> None:
        self._parts = parts
        self._domain = domain
        self._live = live
        self._index = index
        self._clock = clock
        self._until = until
        self._took = 0.0
        """What it took to cut and to search the pool, at most."""
        self._began = 0.0
        self._laid = ""

    async def lay(
        self, chunker: StructureChunker, pool: Iterable[Version], until: float
    ) -> list[Placed]:
        """As many documents of the pool as there is time for, at least one part of them."""
        await self._begin()
        laid: list[Placed] = []
        batch: list[Placed] = []
        for version, readers, source in pool:
            try:
                document = await asyncio.to_thread(
                    self._parts.blobs.get_document, version.text_hash
                )
            except (NotFound, Unavailable):
                # The next rebuild tells of what is damaged.
                continue
            chunks = await asyncio.to_thread(chunker.chunk, document)
            id, number = version.document_id, version.version
            batch.append(Placed(id, number, source, version.uri, readers, document, chunks))
            if sum(len(one.chunks) for one in batch) < SLICE:
                continue
            laid += await self._put(batch)
            batch = []
            if self._clock() > until:
                break
        return laid + await self._put(batch)

    async def again(self, chunker: StructureChunker, laid: Sequence[Placed]) -> list[Placed] | None:
        """The same documents, cut otherwise; None where there is no time for it."""
        if self._clock() + self._took > self._until:
            return None
        await self._begin()
        placed: list[Placed] = []
        batch: list[Placed] = []
        for one in laid:
            chunks = await asyncio.to_thread(chunker.chunk, one.document)
            batch.append(replace(one, chunks=chunks))
            if sum(len(each.chunks) for each in batch) >= SLICE:
                placed += await self._put(batch)
                batch = []
                if self._clock() > self._until:
                    return None
        return placed + await self._put(batch)

    async def measure(self, laid: Sequence[Placed], asked: Sequence[Trying]) -> NDArray[np.float64]:
        """What each question finds of what is sought."""
        tokens = {
            (one.document_id, chunk.ordinal): chunk.tokens for one in laid for chunk in one.chunks
        }
        most = self._domain.pack.answer.context_tokens
        each = [holds(await self._found(one, tokens), one.sought, most) for one in asked]
        self._took = max(self._took, self._clock() - self._began)
        return np.array(each)

    async def _found(self, asked: Trying, tokens: Mapping[tuple[str, int], int]) -> list[Passage]:
        """What whoever asked may read, by the pack's own knobs: what was promoted for the live cut
        does not come along."""
        knobs = self._domain.pack.retrieval
        lists = [
            await self._index.search(
                self._laid,
                IndexQuery.model_construct(
                    dense=vector,
                    sparse=self._domain.sparse.encode_query(query.sparse),
                    readers=asked.question.who.readers,
                    filter=None,
                    limit=knobs.candidates,
                ),
            )
            for query, vector in zip(asked.embedded.queries, asked.embedded.vectors, strict=True)
        ]
        ranked = merge([fuse(one, knobs) for one in lists])
        payloads = await self._index.payloads(self._laid, [one.chunk_id for one in ranked])
        hits = [
            one.hit(rank, payloads[one.chunk_id])
            for rank, one in enumerate(ranked, 1)
            if one.chunk_id in payloads
        ]
        return [
            Passage(
                Place(one.document_id, one.version, one.start, one.end),
                unquote(one.uri),
                one.text,
                tokens[one.document_id, one.ordinal],
            )
            for one in (hit.payload for hit in distinct(hits, knobs.near_duplicate, len(hits)))
        ]

    async def _begin(self) -> None:
        if self._laid:
            await self._index.drop(self._laid)
        self._laid, self._began = str(uuid4()), self._clock()
        await self._index.create(self._laid, self._live.dimension)

    async def _put(self, batch: Sequence[Placed]) -> list[Placed]:
        if batch:
            writer = GenerationWriter(
                ledger=self._parts.ledger,
                index=self._index,
                embedder=await self._parts.encoders.of(self._live.encoder),
                sparse=self._domain.sparse,
                generation=self._live.model_copy(update={"id": self._laid}),
            )
            await writer.put(batch)
        return [*batch]
