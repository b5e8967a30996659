"""Feedback memories: made of what was said, kept in the vector store, written anew when it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from operator import attrgetter
from uuid import NAMESPACE_URL, uuid4, uuid5

from rag.app.domains import Domain
from rag.app.gathering import Gathering
from rag.app.parts import Parts
from rag.candidates import Candidate
from rag.learn.remembering import fitted
from rag.retrieve.levers import Levers
from rag.retrieve.memory import NOTES, Memory, MemoryKnobs, Note, Vote
from rag.store.candidates import Candidates, Kept
from rag.store.questions import unfolded
from rag.types import EVERYONE, Payload, Point, Principal, Progress, SparseVector

AT_ONCE = 500


class Memories:
    """Makes memories of feedback and gives the one that a candidate is."""

    bound_to = ("questions", "chunker")

    def __init__(self, parts: Parts, gathering: Gathering) -> None:
        self._parts = parts
        self._gathering = gathering
        self._kept = Candidates(parts.ledger.database, parts.ledger.now)

    async def put(self, levers: Levers, candidate: Candidate, domain: Domain) -> Levers:
        """With the memory that a candidate is."""
        knobs = MemoryKnobs.model_validate(candidate.lineage["knobs"])
        return replace(levers, memory=Memory(candidate.id, self._parts.index, knobs))

    async def make(
        self, principal: Principal, domain: Domain, progress: Callable[[Progress], None]
    ) -> Candidate:
        """A memory of all that was said and accepted until now, kept and written or neither. Raises
        InvalidInput for nothing, StorageFull."""
        found = await self._gathering.gather(domain, progress, any_cut=True)
        knobs, told = await asyncio.to_thread(fitted, found.rated)
        made = await asyncio.to_thread(
            self._kept.add,
            str(uuid4()),
            domain.pack.name,
            "memory",
            {**found.lineage, "knobs": knobs.model_dump()},
            {**found.counts, "gate_fitted": told},
            principal.id,
            [*found.votes, *found.clicked],
            whole=False,
        )
        try:
            await self.write(made)
            await asyncio.to_thread(self._kept.settle, made.id, "made")
        except BaseException:
            # Of one that is not written whole nobody is told.
            await asyncio.to_thread(self._kept.forget, made.id)
            raise
        return made

    async def write(self, candidate: Candidate) -> None:
        """Put a memory as it is kept into the vector store, anew."""
        index = self._parts.index
        await index.drop(candidate.id)
        await index.create(candidate.id, self._parts.embedder.dimension)
        points = _points(candidate.id, await asyncio.to_thread(self._kept.votes, candidate.id))
        while some := await asyncio.to_thread(_next, points):
            await index.upsert(candidate.id, some)
        await index.optimize(candidate.id)


def _points(id: str, kept: Sequence[Kept]) -> Iterator[Point]:
    """One for each question in other words; equal ones are one."""
    for digest, some in groupby(kept, attrgetter("digest")):
        found = list(some)
        votes: dict[str, list[Vote]] = {}
        for one in found:
            votes.setdefault(one.chunk_id, []).append(Vote(one.rater, one.value, one.event))
        notes = tuple(
            Note(chunk_id=chunk_id, votes=tuple(of)) for chunk_id, of in sorted(votes.items())
        )
        yield Point.model_construct(
            dense=tuple(float(one) for one in unfolded(found[0].vector)),
            sparse=SparseVector(indices=(), values=()),
            payload=Payload(
                chunk_id=str(uuid5(NAMESPACE_URL, f"{id} {digest}")),
                document_id=found[0].trace_id,
                version=0,
                source="memory",
                readers=(EVERYONE,),
                language="und",
                title="",
                uri="",
                text=NOTES.dump_json(notes).decode(),
                header="",
                ordinal=0,
                start=0,
                end=0,
            ),
        )


def _next(points: Iterator[Point]) -> list[Point]:
    return list(islice(points, AT_ONCE))
