"""Query adapters: a matrix fitted to what was said, in a plain file."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from rag.app.domains import Domain
from rag.app.gathering import Gathering
from rag.app.parts import Parts
from rag.candidates import Candidate
from rag.errors import InvalidInput
from rag.learn.adapting import ENOUGH, Fit, adapted
from rag.retrieve.levers import Adapter, Levers
from rag.store.candidates import Candidates, Voted
from rag.store.questions import unfolded
from rag.types import Principal, Progress

FOLDER = "candidates"
FILE = "adapter.npy"


class Adapters:
    """Makes adapters of feedback and gives the one that a candidate is."""

    bound_to = ("embedder",)

    def __init__(self, parts: Parts, gathering: Gathering) -> None:
        self._parts = parts
        self._gathering = gathering
        self._kept = Candidates(parts.ledger.database, parts.ledger.now)
        self._loaded: dict[str, tuple[int, Adapter]] = {}
        """By candidate, with when the file was written that it was read from."""

    async def put(self, levers: Levers, candidate: Candidate, domain: Domain) -> Levers:
        """With the adapter that a candidate is; as they are where nothing is left of it."""
        adapter = await asyncio.to_thread(self._adapter, candidate.id)
        return replace(levers, adapter=adapter) if adapter else levers

    async def make(
        self, principal: Principal, domain: Domain, progress: Callable[[Progress], None]
    ) -> Candidate:
        """An adapter to all that was said and accepted until now. Raises InvalidInput for too
        little, and where none does better on questions that it did not learn from."""
        found = await self._gathering.gather(domain, progress)
        if found.generation.encoder is not None:
            raise InvalidInput(
                "An adapter turns questions as the configured embedder sees them, and a trained "
                "encoder answers.",
                hint="Train another encoder: rag tune encoder.",
            )
        id = str(uuid4())
        fit, learned = await self._fit(found.votes, found.generation.id)
        if fit is None:
            raise InvalidInput(
                f"{learned} questions with a useful passage are too few to fit an adapter to.",
                hint=f"{ENOUGH} would do. Accept more feedback: rag review.",
            )
        if not fit.mix:
            raise InvalidInput(
                f"No adapter does better on questions that it did not learn from, of {learned}.",
                hint="Wait for more feedback, or make a memory: rag tune memory.",
            )
        await asyncio.to_thread(self._save, id, fit.matrix)
        return await asyncio.to_thread(
            self._kept.add,
            id,
            domain.pack.name,
            "adapter",
            {**found.lineage, "mix": fit.mix, "steps": fit.steps},
            {**found.counts, "questions": learned, "before": fit.before, "after": fit.after},
            principal.id,
            found.votes,
        )

    async def write(self, candidate: Candidate) -> None:
        """Fit it again to what is left; of too little it turns nothing, nor where the index is of
        another embedder by now or cut otherwise."""
        kept = await asyncio.to_thread(self._kept.votes, candidate.id)
        votes = [Voted(one.event, one.trace_id, one.chunk_id, one.value) for one in kept]
        # The generation that it was made on may be gone.
        known = await asyncio.to_thread(self._parts.ledger.generations.all, candidate.domain)
        fit = None
        for one in known:
            made_alike = all(
                one.fingerprint.get(part) == candidate.lineage[part]
                for part in ("embedder", "chunker")
            )
            if made_alike and one.state in ("live", "beside"):
                fit, _ = await self._fit(votes, one.id)
        if fit is None or not fit.mix:
            await asyncio.to_thread(shutil.rmtree, self._folder(candidate.id), ignore_errors=True)
        else:
            await asyncio.to_thread(self._save, candidate.id, fit.matrix)

    async def _fit(self, votes: Sequence[Voted], generation: str) -> tuple[Fit | None, int]:
        """The fit, and of how many questions; none of too few."""
        traces = {one.trace_id for one in votes}
        questions = await asyncio.to_thread(self._kept.questions, traces)
        useful: dict[str, dict[str, float]] = {}
        vectors: dict[str, bytes] = {}
        for one in votes:
            question = questions.get(one.trace_id)
            if question is None:
                continue
            said = useful.setdefault(question.digest, {})
            said[one.chunk_id] = said.get(one.chunk_id, 0.0) + one.value
            vectors[question.digest] = question.vector
        shown = await asyncio.to_thread(self._shown, traces)
        names = sorted({one.chunk_id for one in votes} | shown)
        pool = await self._parts.index.vectors(generation, names)
        places = {name: n for n, name in enumerate(pool)}
        learned = {
            digest: {
                places[name]: value for name, value in said.items() if value > 0 and name in places
            }
            for digest, said in sorted(useful.items())
        }
        learned = {digest: said for digest, said in learned.items() if said}
        if len(learned) < ENOUGH:
            return None, len(learned)
        matrix = np.stack([unfolded(vectors[digest]) for digest in learned])
        fit = await asyncio.to_thread(
            adapted,
            matrix,
            list(learned.values()),
            np.array(list(pool.values()), dtype=np.float32),
        )
        return fit, len(learned)

    def _shown(self, traces: Iterable[str]) -> set[str]:
        """Every passage that these answers were given."""
        return {
            str(hit["chunk_id"])
            for trace in self._parts.traces.some(sorted(traces))
            for hit in trace["hits"]
        }

    def _folder(self, id: str) -> Path:
        return self._parts.settings.data / FOLDER / id

    def _save(self, id: str, matrix: NDArray[np.float32]) -> None:
        folder = self._folder(id)
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{FILE}.part"
        with part.open("wb") as file:
            np.save(file, matrix, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / FILE)

    def _adapter(self, id: str) -> Adapter | None:
        path = self._folder(id) / FILE
        try:
            written = path.stat().st_mtime_ns
        except FileNotFoundError:
            self._loaded.pop(id, None)
            return None
        known = self._loaded.get(id)
        if known is None or known[0] != written:
            known = (written, Adapter(id, np.load(path, allow_pickle=False)))
            self._loaded[id] = known
        return known[1]
