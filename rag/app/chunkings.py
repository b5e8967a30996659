"""Chunking candidates: another way to cut documents, searched for on a pool of them, with an index
of all beside the one that answers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote
from uuid import uuid4
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from rag.app.cutting import Pool, Trying, Version
from rag.app.domains import Domain
from rag.app.generations import Generations
from rag.app.measuring import EVALS, Measuring, Question
from rag.app.parts import Parts
from rag.app.runs import Runs
from rag.backends.qdrant_edge import QdrantEdgeIndex
from rag.candidates import Candidate
from rag.config import ChunkingSettings
from rag.errors import InvalidInput
from rag.ingest.chunking import StructureChunker
from rag.ingest.write import Placed
from rag.learn.chunks import ENOUGH, Cut, Sought, around, chosen
from rag.retrieve.levers import Levers
from rag.store.candidates import Candidates
from rag.store.events import Events
from rag.store.generations import Generation
from rag.store.scratch import scratch
from rag.types import Principal, Progress

MINUTES = 10.0
"""For which cuts are tried, unless somebody says otherwise."""
MOST = 1_000
"""Questions that are searched on, the latest."""
DEEP = 20
"""Passages of the live index whose documents are in the pool as well: those are hard to tell from
what is sought."""
FIRST = 0.25
"""The share of the time in which questions are searched for as now, and after it so much again in
which the pool is read with the cut in use."""


class Chunkings:
    """Searches for cuts; which one documents are cut by is told by the generation."""

    bound_to: tuple[str, ...] = ()

    def __init__(
        self,
        parts: Parts,
        generations: Generations,
        measuring: Measuring,
        runs: Runs,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parts = parts
        self._generations = generations
        self._measuring = measuring
        self._runs = runs
        self._clock = clock
        self._kept = Candidates(parts.ledger.database, parts.ledger.now)
        self._events = Events(parts.ledger.database)

    async def put(self, levers: Levers, candidate: Candidate, domain: Domain) -> Levers:
        """As they are: a generation is cut by the chunking that it names."""
        return levers

    async def write(self, candidate: Candidate) -> None:
        """Nothing: of two numbers nobody can be told."""

    async def make(
        self,
        principal: Principal,
        domain: Domain,
        progress: Callable[[Progress], None],
        minutes: float = MINUTES,
    ) -> Candidate:
        """The cut that brings most of what is sought to a model, of those that could be tried in
        the time, with its index beside the live one.

        Tried on what was accepted until now and on the half of the pack's own questions that may
        be fitted to. Killed as its index is made, whoever does runs makes that all the same.
        Raises InvalidInput for too little, and where none is surely better.
        """
        since = self._clock()
        live = await self._generations.answering(domain)
        as_of = await asyncio.to_thread(self._events.moment, self._parts.ledger.now())
        questions = await self._measuring.earlier(domain, live, as_of, any_cut=True)
        wanted = [one for one in _wanted(domain, questions) if one[1].facts or one[1].rated]
        some = sorted(wanted[-MOST:], key=lambda one: crc32(one[0].id.encode()))
        until = since + 60 * minutes * FIRST
        asked, versions = await self._asked(domain, live, some, until, progress)
        _require(len(asked))
        now = await self._parts.chunkers.of(live.chunking)
        with scratch(self._parts.settings.data) as folder:
            index = QdrantEdgeIndex(folder, self._parts.settings.index.optimize_above)
            pool = Pool(self._parts, domain, live, index, self._clock, since + 60 * minutes)
            try:
                laid = await pool.lay(now, versions, until + 60 * minutes * FIRST)
                there = {one.document_id for one in laid}
                asked = [one for one in asked if one.documents <= there]
                _require(len(asked), ": to read the documents of the others there was no time")
                before = await pool.measure(laid, asked)
                tried = await self._tried(pool, now, laid, asked, progress)
            finally:
                await index.aclose()
        best = await asyncio.to_thread(chosen, before, tried)
        figures = {
            "questions": len(asked),
            "before": best.before,
            "after": best.after,
            "documents": len(there),
            "tried": len(tried),
        }
        lineage = {
            "as_of": as_of.isoformat(),
            "cut": best.cut._asdict(),
            "before": now.cut.model_dump(),
            "tried": [one._asdict() for one in tried],
            "pool": len(there),
            "embedder": str(live.fingerprint["embedder"]),
            "chunker": str(live.fingerprint["chunker"]),
            "generation": live.id,
            "evals": any(one.sought.facts for one in asked),
        }
        id, name = str(uuid4()), domain.pack.name
        made = await asyncio.to_thread(
            self._kept.add,
            *(id, name, "chunking", lineage, figures, principal.id),
            whole=False,
        )
        try:
            await self._runs.beside(principal, name, "chunking", id, progress)
        except BaseException:
            # Of one whose index is not whole nobody is told.
            await asyncio.to_thread(self._kept.forget, id)
            raise
        return made

    async def _tried(
        self,
        pool: Pool,
        now: StructureChunker,
        laid: Sequence[Placed],
        asked: Sequence[Trying],
        progress: Callable[[Progress], None],
    ) -> dict[Cut, NDArray[np.float64]]:
        """What each cut was worth that there was time for. Raises InvalidInput for none."""
        tried: dict[Cut, NDArray[np.float64]] = {}
        cuts = around(Cut(now.cut.size, now.cut.overlap), self._parts.embedder.max_tokens)
        for done, cut in enumerate(cuts):
            chunker = self._parts.chunkers.cut(ChunkingSettings(**cut._asdict()))
            progress(Progress(phase="cut", done=done, total=len(cuts)))
            again = await pool.again(chunker, laid)
            if again is None:
                break
            tried[cut] = await pool.measure(again, asked)
        if not tried:
            raise InvalidInput(
                "The time was over before another cut was tried.",
                hint="Give it more: rag tune chunking --budget MINUTES.",
            )
        return tried

    async def _asked(
        self,
        domain: Domain,
        live: Generation,
        wanted: Sequence[tuple[Question, Sought]],
        until: float,
        progress: Callable[[Progress], None],
    ) -> tuple[list[Trying], list[Version]]:
        """The questions whose documents there are, as many as there is time for, and the pool:
        those documents, then what the live search finds beside them, most often found first."""
        kept = self._parts.ledger
        versions = {
            one[0].document_id: one
            for one in await asyncio.to_thread(kept.live_versions, live.id, lacking="")
        }
        named = await asyncio.to_thread(_named, versions.values(), [one for _, one in wanted])
        asked: list[Trying] = []
        beside: Counter[str] = Counter()
        for done, (question, sought) in enumerate(wanted, 1):
            if len(asked) >= ENOUGH and self._clock() > until:
                break
            places = {
                at: value
                for at, value in sought.rated.items()
                if at.document_id in versions and versions[at.document_id][0].version == at.version
            }
            documents = {at.document_id for at in places}
            documents |= {one for path in sought.paths for one in named.get(path, ())}
            if not documents:
                continue
            found = await domain.retriever.retrieve(
                question.who, question.text, generation=live.id, limit=DEEP
            )
            beside.update({hit.payload.document_id for hit in found.hits})
            embedded = await domain.retriever.embedded(question.text, live.id)
            sought = sought._replace(rated=places)
            asked.append(Trying(question, sought, embedded, frozenset(documents)))
            progress(Progress(phase="search", done=done, total=len(wanted)))
        first = {one for each in asked for one in each.documents}
        order = sorted(beside.keys() - first, key=lambda one: (-beside[one], one))
        pool = [versions[one] for one in (*sorted(first), *order) if one in versions]
        return asked, pool


def _wanted(domain: Domain, questions: Iterable[Question]) -> list[tuple[Question, Sought]]:
    """Facts of the pack's own questions, and what people found useful."""
    cases: Mapping[str, Any] = {f"{EVALS}/{one.id}": one for one in domain.pack.evals()}
    return [
        (
            one,
            Sought(cases[one.id].facts, one.paths)
            if one.paths
            else Sought(
                rated={
                    one.wanted.places[name]: value
                    for name, value in one.wanted.passages.items()
                    if value > 0 and name in one.wanted.places
                }
            ),
        )
        for one in questions
    ]


def _named(versions: Iterable[Version], sought: Iterable[Sought]) -> dict[str, list[str]]:
    """The documents of each path, by the end of their addresses."""
    paths = {path for one in sought for path in one.paths}
    found: dict[str, list[str]] = {}
    for version, _, _ in versions:
        parts = unquote(version.uri).split("/")
        for n in range(1, len(parts)):
            if (end := "/".join(parts[n:])) in paths:
                found.setdefault(end, []).append(version.document_id)
    return found


def _require(count: int, why: str = "") -> None:
    if count < ENOUGH:
        raise InvalidInput(
            f"{count} questions are too few to choose a cut by{why}; {ENOUGH} would do.",
            hint="Accept feedback first, add evals with facts to the pack, or give it more time.",
        )
