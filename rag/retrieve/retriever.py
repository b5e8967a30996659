"""Retrieval as one call: a principal and a question in, re-checked hits with their stories out."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from rag.domain import Pack, RetrievalKnobs
from rag.errors import NotFound, RagError, Unavailable
from rag.protocols import Embedder, Index, Reranker, SparseEncoder
from rag.retrieve.duplicates import distinct
from rag.retrieve.expand import Expander, Query, gist
from rag.retrieve.fuse import Ranked, fuse, merge, remembered, renumbered
from rag.retrieve.levers import NONE, Levers
from rag.retrieve.memory import Memory, Moved
from rag.retrieve.widen import widen
from rag.store.blobs import Blobs
from rag.store.ledger import Ledger
from rag.types import (
    Candidates,
    Document,
    Filter,
    Hit,
    IndexQuery,
    Principal,
    Score,
    Scored,
    SearchResult,
)

CACHED_DOCUMENTS = 64

log = structlog.get_logger(__name__)


class Embedded(NamedTuple):
    """What is searched for a question, and how it is seen."""

    queries: Sequence[Query]
    vectors: Sequence[tuple[float, ...]]
    """Of each query, by the encoder of what is searched."""
    own: tuple[float, ...]
    """Of the question itself, as questions are compared with each other."""


@dataclass
class Seen:
    """What each stage of one search made of it, for whoever wants to look into it."""

    queries: Sequence[Query] = ()
    vector: Sequence[float] = ()
    """Of the question itself, the first of these, as questions are compared."""
    found: Sequence[Candidates] = ()
    """One for each query, of what the principal may read."""
    fused: Sequence[Ranked] = ()
    remembered: Sequence[Ranked] = ()
    """The same, as what people found useful for such questions moves them; without that, empty."""
    moved: Mapping[str, Moved] = field(default_factory=dict[str, Moved])
    read: Sequence[Hit] = ()
    """The best of those that differ from each other, before a reranker orders them."""


class Retriever:
    """Searches one domain. Nothing that the ledger does not admit is ranked, shown or logged."""

    def __init__(
        self,
        *,
        pack: Pack,
        index: Index,
        embedder: Embedder,
        sparse: SparseEncoder,
        ledger: Ledger,
        blobs: Blobs,
        searching: Callable[[str], Awaitable[Embedder]] | None = None,
        reranker: Reranker | None = None,
        expand: bool = True,
    ) -> None:
        """`searching` gives the encoder that made a generation, by its id; without, that is
        `embedder`, by which questions are compared with each other."""
        self.pack = pack
        self.index = index
        self.embedder = embedder
        self._searching = searching
        self.sparse = sparse
        self.ledger = ledger
        self.blobs = blobs
        self.reranker = reranker
        self.expand = expand
        self.expander = Expander(pack.synonyms)
        # Parsed documents never change under their digest, so the cache can not be stale.
        self._documents: OrderedDict[str, Document] = OrderedDict()

    async def retrieve(
        self,
        principal: Principal,
        question: str,
        *,
        generation: str,
        limit: int,
        filter: Filter | None = None,
        levers: Levers = NONE,
        seen: Seen | None = None,
    ) -> SearchResult:
        """The best `limit` hits that the principal may read in the generation, now.

        `levers` are what a release changes of the search; by themselves they change nothing.
        `seen` is filled with what each stage made of the question.
        """
        knobs = levers.knobs or self.pack.retrieval
        reranker = levers.reranker or self.reranker
        question = gist(question)
        timings: dict[str, float] = {}
        clock = time.perf_counter()
        depth = max(knobs.candidates, limit)
        queries, vectors, own = await self.embedded(question, generation)
        turned = [levers.adapter(one) for one in vectors] if levers.adapter else vectors
        clock = _lap(timings, "embed", clock)
        # What was remembered first: it is found soon, and read while the rest is searched.
        moved, found = await asyncio.gather(
            # What was asked before is kept as it was embedded.
            _recalled(levers.memory, own),
            asyncio.gather(
                *(
                    self._search(principal, query, vector, generation, depth, filter)
                    for query, vector in zip(queries, turned, strict=True)
                )
            ),
        )
        clock = _lap(timings, "search", clock)
        admitted, moved = await self._admitted(principal, generation, found, moved)
        clock = _lap(timings, "check", clock)
        fused = merge([fuse(candidates, knobs) for candidates in admitted])
        # What was not found may not be what the filter names.
        ranked = remembered(fused, moved, found_only=filter is not None)
        clock = _lap(timings, "fuse", clock)
        hits = await self._read(ranked, generation, depth if reranker else limit, knobs)
        clock = _lap(timings, "read", clock)
        if seen is not None:
            seen.vector = own
            seen.queries, seen.found, seen.fused, seen.read = queries, admitted, fused, hits
            seen.moved, seen.remembered = moved, ranked if moved else ()
        if reranker is not None:
            hits = await self._rerank(reranker, question, hits, moved)
            _lap(timings, "rerank", clock)
        return SearchResult.model_construct(
            hits=tuple(renumbered(hits[:limit])),
            queries=tuple(query.dense for query in queries),
            generation=generation,
            timings=timings,
        )

    async def embedded(self, question: str, generation: str) -> Embedded:
        """What is searched for a question in a generation, the question itself first."""
        question = gist(question)
        queries = self.expander.expand(question) if self.expand else [Query(question, question)]
        encoder = await self._searching(generation) if self._searching else self.embedder
        vectors = [await encoder.embed_query(query.dense) for query in queries]
        own = vectors[0]
        if encoder is not self.embedder:
            own = await self.embedder.embed_query(queries[0].dense)
        return Embedded(queries, vectors, own)

    async def widen(self, hits: Sequence[Hit], levers: Levers = NONE) -> list[Hit]:
        """The hits with their surroundings, read from the exact version each stands in."""
        return await asyncio.to_thread(
            self._widen, hits, (levers.knobs or self.pack.retrieval).widen
        )

    async def _search(
        self,
        principal: Principal,
        query: Query,
        vector: tuple[float, ...],
        generation: str,
        limit: int,
        filter: Filter | None,
    ) -> Candidates:
        return await self.index.search(
            generation,
            IndexQuery.model_construct(
                dense=vector,
                sparse=self.sparse.encode_query(query.sparse),
                readers=principal.readers,
                filter=filter,
                limit=limit,
            ),
        )

    async def _admitted(
        self,
        principal: Principal,
        generation: str,
        found: Sequence[Candidates],
        moved: Mapping[str, Moved],
    ) -> tuple[list[Candidates], dict[str, Moved]]:
        named = {
            one.chunk_id for candidates in found for one in (*candidates.dense, *candidates.sparse)
        }
        live = await asyncio.to_thread(self.ledger.admit, generation, principal, named | {*moved})

        def allowed(scored: Sequence[Scored]) -> tuple[Scored, ...]:
            return tuple(one for one in scored if one.chunk_id in live)

        return [
            Candidates.model_construct(dense=allowed(one.dense), sparse=allowed(one.sparse))
            for one in found
        ], {chunk_id: one for chunk_id, one in moved.items() if chunk_id in live}

    async def _read(
        self, ranked: Sequence[Ranked], generation: str, limit: int, knobs: RetrievalKnobs
    ) -> list[Hit]:
        """The best `limit` that differ from each other, with their texts; no more are read."""
        hits: list[Hit] = []
        kept: list[Hit] = []
        at_once = limit + limit // 2
        for start in range(0, len(ranked), at_once):
            part = ranked[start : start + at_once]
            payloads = await self.index.payloads(generation, [one.chunk_id for one in part])
            # One that is missing was swept after it had been replaced a moment ago.
            hits += [
                one.hit(rank, payloads[one.chunk_id])
                for rank, one in enumerate(part, start + 1)
                if one.chunk_id in payloads
            ]
            kept = distinct(hits, knobs.near_duplicate, limit)
            if len(kept) == limit:
                break
        return kept

    async def _rerank(
        self,
        reranker: Reranker,
        question: str,
        hits: Sequence[Hit],
        moved: Mapping[str, Moved],
    ) -> list[Hit]:
        scores = await reranker.rerank(question, hits)
        # What people found counts as much beside a reranker as it does beside one list.
        spread = max(scores, default=0.0) - min(scores, default=0.0)
        raised = [
            score + spread * moved[hit.payload.chunk_id].boost
            if hit.payload.chunk_id in moved
            else score
            for score, hit in zip(scores, hits, strict=True)
        ]
        pairs = sorted(
            zip(raised, hits, strict=True), key=lambda pair: (-pair[0], pair[1].payload.chunk_id)
        )
        return [
            hit.model_copy(
                update={
                    "rank": rank,
                    "score": score,
                    "scores": (
                        *hit.scores,
                        Score(stage="rerank", rank=rank, score=score, why=reranker.fingerprint),
                    ),
                }
            )
            for rank, (score, hit) in enumerate(pairs, 1)
        ]

    def _widen(self, hits: Sequence[Hit], neighbours: int) -> list[Hit]:
        wanted = {(hit.payload.document_id, hit.payload.version) for hit in hits}
        texts = self.ledger.texts(wanted)
        return [
            self._widened(hit, texts[hit.payload.document_id, hit.payload.version], neighbours)
            for hit in hits
        ]

    def _widened(self, hit: Hit, digest: str, neighbours: int) -> Hit:
        try:
            return widen(hit, self._document(digest), neighbours)
        except (NotFound, Unavailable) as error:
            # The chunk itself is whole: one damaged file must not silence all that was found.
            log.warning("not widened", uri=hit.payload.uri, reason=error.message)
            return hit

    def _document(self, digest: str) -> Document:
        document = self._documents.get(digest) or self.blobs.get_document(digest)
        self._documents[digest] = document
        self._documents.move_to_end(digest)
        if len(self._documents) > CACHED_DOCUMENTS:
            self._documents.popitem(last=False)
        return document


async def _recalled(memory: Memory | None, vector: Sequence[float]) -> dict[str, Moved]:
    if memory is None:
        return {}
    try:
        return await memory.recall(vector)
    except RagError as error:
        # It only orders what is found: without it questions are answered as before there was one.
        log.warning("memory not asked", memory=memory.id, reason=error.message)
        return {}


def _lap(timings: dict[str, float], stage: str, since: float) -> float:
    now = time.perf_counter()
    timings[stage] = round((now - since) * 1000, 3)
    return now
