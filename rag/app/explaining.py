"""A search told stage by stage, by the pack's knobs or by others, for those who tune them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from rag.answer.evidence import Evidence
from rag.app.domains import Domain, Domains
from rag.app.generations import Generations
from rag.app.parts import Parts
from rag.app.people import People
from rag.app.tuning import Tuning
from rag.domain import RetrievalKnobs
from rag.protocols import Explains, Reranker
from rag.retrieve.expand import gist
from rag.retrieve.levers import Levers
from rag.retrieve.memory import Moved as Boosted
from rag.retrieve.retriever import Seen
from rag.store.events import Events
from rag.types import Box, Data, Filter, Hit, Principal, Scored

MOST = 50
"""Places told of each stage."""
EXCERPT = 400
"""Characters told of each passage."""
REASONS = 3
"""Told of each passage, the strongest."""
LEAST = 0.001
"""What moves less is not told."""
Stage = Literal["dense", "bm25", "fusion", "memory", "distinct", "rerank", "final"]


class Knobs(Data):
    """Other knobs than the pack's; null leaves the pack's."""

    fusion: Literal["dbsf", "rrf", "convex"] | None = None
    rrf_k: int | None = Field(default=None, ge=1, le=1_000)
    dense_weight: float | None = Field(default=None, ge=0, le=100)
    sparse_weight: float | None = Field(default=None, ge=0, le=100)
    candidates: int | None = Field(default=None, ge=1, le=1_000)
    limit: int | None = Field(default=None, ge=1, le=200)
    near_duplicate: float | None = Field(default=None, gt=0, le=1)
    widen: int | None = Field(default=None, ge=0, le=5)


class ExplainRequest(Data):
    query: str = Field(min_length=1, max_length=20_000)
    domain: str | None = None
    filter: Filter | None = None
    generation: str | None = Field(default=None, pattern=r"^[0-9a-f-]{36}$")
    """Another build of the domain's index than the live one."""
    knobs: Knobs = Knobs()
    expand: bool = True
    """Whether the question is also searched for by its parts and by other words."""
    rerank: bool = True
    """Whether the reranker orders what was found, where there is one."""
    memory: bool = True
    """Whether what people found useful for such questions moves up, where a memory is live."""
    release: bool = True
    """Whether all else that was promoted is in use: adapter, reranker, settings."""


class Place(Data):
    """Where a stage put a passage, and why."""

    chunk_id: str
    rank: int
    score: float
    why: str = ""


class Listed(Data):
    """What a stage made: its best places, of `total`."""

    stage: Stage
    places: tuple[Place, ...]
    total: int


class Passage(Data):
    """A passage that some stage names."""

    chunk_id: str
    document_id: str
    version: int
    title: str
    uri: str
    source: str
    header: str
    excerpt: str
    page: int | None
    boxes: tuple[Box, ...]
    start: int
    end: int


class Quoted(Data):
    """A sentence that answers, as it would be quoted."""

    chunk_id: str
    text: str
    start: int
    end: int
    score: float


class Moved(Data):
    """Why the memory moved a passage."""

    boost: float
    """What it gained, in fused score."""
    similarity: float
    """How near the nearest question is that speaks of it."""
    people: int
    useful: int
    """How many of them found it useful, or opened it."""
    events: tuple[str, ...]
    """The feedback behind it, by id."""
    said: tuple[str, ...]
    """Those of them that somebody said; of the others a source was opened."""


class Reason(Data):
    """Something that a reranker looks at, and by how much it moves a passage beside the others."""

    name: str
    push: float


class Explained(Data):
    """How a search came about; only what the principal may read is in it."""

    generation: str
    knobs: RetrievalKnobs
    reranker: str | None
    """The fingerprint of the one that ordered; null where none did."""
    adapter: str | None
    """The candidate that turned the question towards what people found useful."""
    queries: tuple[str, ...]
    stages: tuple[Listed, ...]
    passages: Mapping[str, Passage]
    moved: Mapping[str, Moved]
    """What the memory moved, by passage."""
    reasons: Mapping[str, tuple[Reason, ...]]
    """What moved a passage most in the reranker, by passage, where it can tell."""
    evidence: tuple[Quoted, ...]
    confidence: float
    abstains: bool
    """Whether the answer would be that it does not know."""
    timings: Mapping[str, float]
    """Milliseconds per stage."""


class Explaining:
    """Searches as an answer would, and tells each stage."""

    def __init__(
        self,
        parts: Parts,
        domains: Domains,
        people: People,
        generations: Generations,
        tuning: Tuning,
    ) -> None:
        self._events = Events(parts.ledger.database)
        self._tuning = tuning
        self._domains = domains
        self._people = people
        self._generations = generations

    async def explain(self, principal: Principal, request: ExplainRequest) -> Explained:
        domain = self._domains.get(request.domain)
        who = await self._people.within(principal, request.domain)
        if request.generation is None:
            generation = await self._generations.answering(domain, request.filter)
        else:
            named, filter = request.generation, request.filter
            generation = await self._generations.named(domain, named, filter)
        given = request.knobs.model_dump(exclude_none=True)
        levers = await self._tuning.levers(domain, generation)
        if not request.release:
            levers = Levers(memory=levers.memory)
        if not request.memory:
            levers = replace(levers, memory=None)
        pack = levers.applied(domain.pack)
        knobs = pack.retrieval.model_copy(update=given)
        pack = pack.model_copy(update={"retrieval": knobs})
        retriever = self._domains.retriever(
            pack, domain.sparse, rerank=request.rerank, expand=request.expand
        )
        reranker = levers.reranker if request.rerank else None
        ordering = reranker or retriever.reranker
        seen = Seen()
        result = await retriever.retrieve(
            who,
            request.query,
            generation=generation.id,
            limit=knobs.limit,
            filter=request.filter,
            # These are in the retriever, with what was asked for in their place.
            levers=replace(levers, knobs=None, reranker=reranker),
            seen=seen,
        )
        timings = dict(result.timings)
        clock = time.perf_counter()
        hits = await retriever.widen(result.hits)
        timings["widen"] = round((time.perf_counter() - clock) * 1000, 3)
        clock = time.perf_counter()
        asker = self._domains.asker(pack, retriever)
        evidence = await asker.evidence(request.query, result.queries, hits)
        timings["evidence"] = round((time.perf_counter() - clock) * 1000, 3)
        stages = tuple(_stages(seen, hits, reranked=ordering is not None))
        return Explained(
            generation=generation.id,
            knobs=knobs,
            reranker=ordering.fingerprint if ordering else None,
            queries=result.queries,
            stages=stages,
            passages=await self._passages(domain, generation.id, stages),
            adapter=levers.adapter.id if levers.adapter else None,
            moved=await asyncio.to_thread(self._moved, seen.moved),
            reasons=await _reasons(ordering, request.query, seen.read),
            evidence=tuple(_quoted(evidence, hits)),
            confidence=round(evidence.confidence, 4),
            abstains=not evidence.sentences or evidence.confidence < pack.answer.abstain_below,
            timings=timings,
        )

    def _moved(self, moved: Mapping[str, Boosted]) -> dict[str, Moved]:
        said = self._events.said({event for one in moved.values() for event in one.events})
        return {
            chunk_id: Moved(
                **one._asdict(), said=tuple(event for event in one.events if event in said)
            )
            for chunk_id, one in moved.items()
        }

    async def _passages(
        self, domain: Domain, generation: str, stages: Iterable[Listed]
    ) -> Mapping[str, Passage]:
        named = {place.chunk_id for stage in stages for place in stage.places}
        found = await domain.retriever.index.payloads(generation, sorted(named))
        return {
            one.chunk_id: Passage(
                **one.model_dump(include=set(Passage.model_fields) - {"excerpt"}),
                excerpt=one.text[:EXCERPT],
            )
            for one in found.values()
        }


async def _reasons(
    ordering: Reranker | None, question: str, hits: Sequence[Hit]
) -> dict[str, tuple[Reason, ...]]:
    if not isinstance(ordering, Explains):
        return {}
    told = await ordering.reasons(gist(question), hits)
    return {
        hit.payload.chunk_id: tuple(
            Reason(name=name, push=round(push, 4))
            for name, push in sorted(reasons.items(), key=lambda one: (-abs(one[1]), one[0]))
            if abs(push) >= LEAST
        )[:REASONS]
        for hit, reasons in zip(hits, told, strict=True)
    }


def _stages(seen: Seen, hits: Sequence[Hit], *, reranked: bool) -> Iterator[Listed]:
    yield _listed("dense", [found.dense for found in seen.found])
    yield _listed("bm25", [found.sparse for found in seen.found])
    fused = [
        Place(chunk_id=one.chunk_id, rank=rank, score=one.score, why=one.fusion)
        for rank, one in enumerate(seen.fused, 1)
    ]
    yield Listed(stage="fusion", places=tuple(fused[:MOST]), total=len(fused))
    if seen.remembered:
        after = [
            Place(
                chunk_id=one.chunk_id,
                rank=rank,
                score=one.score,
                why=one.moved.why if one.moved else "",
            )
            for rank, one in enumerate(seen.remembered, 1)
        ]
        yield Listed(stage="memory", places=tuple(after[:MOST]), total=len(after))
    yield _of_hits("distinct", seen.read)
    if reranked:
        yield _of_hits("rerank", hits)
    yield _of_hits("final", hits)


def _listed(stage: Stage, found: Sequence[Sequence[Scored]]) -> Listed:
    """The lists of all queries as one: each passage with its best score."""
    best: dict[str, float] = {}
    for scored in found:
        for one in scored:
            best[one.chunk_id] = max(one.score, best.get(one.chunk_id, one.score))
    ranked = sorted(best.items(), key=lambda one: (-one[1], one[0]))
    places = [
        Place(chunk_id=chunk_id, rank=rank, score=score)
        for rank, (chunk_id, score) in enumerate(ranked[:MOST], 1)
    ]
    return Listed(stage=stage, places=tuple(places), total=len(ranked))


def _of_hits(stage: Stage, hits: Sequence[Hit]) -> Listed:
    places = [
        Place(
            chunk_id=hit.payload.chunk_id,
            rank=rank,
            score=hit.score,
            why=next((one.why for one in hit.scores if one.stage == "widen"), ""),
        )
        for rank, hit in enumerate(hits[:MOST], 1)
    ]
    return Listed(stage=stage, places=tuple(places), total=len(hits))


def _quoted(evidence: Evidence, hits: Sequence[Hit]) -> Iterator[Quoted]:
    for one in evidence.sentences:
        payload = hits[one.hit].payload
        yield Quoted(
            chunk_id=payload.chunk_id,
            text=one.text,
            start=one.start,
            end=one.end,
            score=round(one.score, 4),
        )
