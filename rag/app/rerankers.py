"""Rerankers: what was found is ordered as people's ratings say, by trees in a plain file."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import structlog

from rag.app.adapters import FOLDER
from rag.app.domains import Domain
from rag.app.gathering import Gathering
from rag.app.parts import Parts
from rag.app.people import People
from rag.backends.lambdamart import LambdaMartReranker, features
from rag.candidates import Candidate
from rag.errors import ConfigError, Forbidden, InvalidInput, NotFound
from rag.learn.ranking import ENOUGH, Asked, Fit, ranked
from rag.retrieve.levers import Levers
from rag.store.candidates import Candidates, Voted
from rag.store.questions import unfolded
from rag.types import Hit, Principal, Progress

FILE, LEARNED = "reranker.json", "learned.npz"
"""The trees, and what they were grown on, to grow them anew when somebody is erased."""
MOST = 1_000
"""Questions that are learned from, the latest."""

log = structlog.get_logger(__name__)


class Rerankers:
    """Makes rerankers of feedback and gives the one that a candidate is."""

    bound_to = ("embedder",)

    def __init__(self, parts: Parts, gathering: Gathering, people: People) -> None:
        self._parts = parts
        self._gathering = gathering
        self._people = people
        self._kept = Candidates(parts.ledger.database, parts.ledger.now)
        self._loaded: dict[str, tuple[int, LambdaMartReranker]] = {}
        """By candidate, with when the file was written that it was read from."""

    async def put(self, levers: Levers, candidate: Candidate, domain: Domain) -> Levers:
        """With the reranker that a candidate is; as they are where nothing is left of it."""
        reranker = await asyncio.to_thread(self._reranker, candidate.id)
        return replace(levers, reranker=reranker) if reranker else levers

    async def make(
        self, principal: Principal, domain: Domain, progress: Callable[[Progress], None]
    ) -> Candidate:
        """One of all that was said and accepted until now. Raises InvalidInput for too little, and
        where none surely does better on questions that it did not learn from."""
        found = await self._gathering.gather(domain, progress)
        said = _said((one.trace_id, one.chunk_id, one.value) for one in found.votes)
        asked = await self._asked(domain, found.generation.id, found.votes, said, progress)
        if len(asked) < ENOUGH:
            raise InvalidInput(
                f"{len(asked)} questions with a useful passage among what is found are too few "
                "to order by.",
                hint=f"{ENOUGH} would do. Accept more feedback: rag review.",
            )
        fit = await asyncio.to_thread(ranked, [*asked.values()])
        if not fit.trees:
            raise InvalidInput(
                "No reranker surely does better on questions that it did not learn from, "
                f"of {len(asked)}.",
                hint="Wait for more feedback, or make a memory: rag tune memory.",
            )
        id = str(uuid4())
        await asyncio.to_thread(self._save, id, asked, fit)
        return await asyncio.to_thread(
            self._kept.add,
            id,
            domain.pack.name,
            "reranker",
            {**found.lineage, "method": "lambdamart", "trees": fit.trees},
            {**found.counts, "questions": len(asked), "before": fit.before, "after": fit.after},
            principal.id,
            found.votes,
        )

    async def write(self, candidate: Candidate) -> None:
        """Grow the trees anew on what is left; of too little nothing is left."""
        await asyncio.to_thread(self._write, candidate.id)

    def _write(self, id: str) -> None:
        votes = self._kept.votes(id)
        said = _said((one.digest, one.chunk_id, one.value) for one in votes)
        try:
            learned = _read(self._folder(id) / LEARNED)
        except FileNotFoundError:
            return
        asked = {
            digest: one._replace(useful=useful)
            for digest, one in learned.items()
            if (useful := _found(said.get(digest, {}), one.names))
        }
        fit = ranked([*asked.values()]) if len(asked) >= ENOUGH else None
        if fit is None or not fit.trees:
            shutil.rmtree(self._folder(id), ignore_errors=True)
        else:
            self._save(id, asked, fit)

    async def _asked(
        self,
        domain: Domain,
        generation: str,
        votes: Sequence[Voted],
        by_trace: Mapping[str, Mapping[str, float]],
        progress: Callable[[Progress], None],
    ) -> dict[str, Asked]:
        """Each question by its words, searched for again as whoever asked it last may now, without
        what was promoted; those of which nothing useful is found are left out."""
        traces = {one.trace_id for one in votes}
        questions = await asyncio.to_thread(self._kept.questions, traces)
        latest: dict[str, Mapping[str, Any]] = {}
        said: dict[str, dict[str, float]] = {}
        shown: dict[str, set[str]] = {}
        told = await asyncio.to_thread(lambda: [*self._parts.traces.some(sorted(traces))])
        for trace in sorted(told, key=lambda one: one["ts"]):
            digest = questions[trace["id"]].digest
            latest[digest] = trace
            shown.setdefault(digest, set()).update(str(hit["chunk_id"]) for hit in trace["hits"])
            of = said.setdefault(digest, {})
            for name, value in by_trace[trace["id"]].items():
                of[name] = of.get(name, 0.0) + value
        asked: dict[str, Asked] = {}
        kept = sorted(latest, key=lambda digest: latest[digest]["ts"])[-MOST:]
        for done, digest in enumerate(kept, 1):
            trace = latest[digest]
            question, hits = await self._searched(domain, generation, trace)
            names = [hit.payload.chunk_id for hit in hits]
            if useful := _found(said[digest], names):
                asked[digest] = Asked(
                    unfolded(questions[trace["id"]].vector),
                    await asyncio.to_thread(features, question, hits),
                    names,
                    useful,
                    frozenset(shown[digest] | said[digest].keys()),
                )
            progress(Progress(phase="search", done=done, total=len(kept)))
        return asked

    async def _searched(
        self, domain: Domain, generation: str, trace: Mapping[str, Any]
    ) -> tuple[str, Sequence[Hit]]:
        """What a reranker would be given, in the order that the answer would have without it."""
        try:
            who = await asyncio.to_thread(
                self._people.now, Principal(id=trace["principal_id"]), trace["domain"]
            )
        except (NotFound, Forbidden):
            return "", ()
        looking = _Looking()
        await domain.retriever.retrieve(
            who,
            trace["query_standalone"],
            generation=generation,
            limit=domain.pack.retrieval.limit,
            levers=Levers(reranker=looking),
        )
        hits = looking.hits
        if self._parts.reranker is not None:
            scores = await self._parts.reranker.rerank(looking.question, hits)
            order = sorted(range(len(hits)), key=lambda n: -scores[n])
            hits = [hits[n] for n in order]
        return looking.question, hits

    # --- the files ---

    def _folder(self, id: str) -> Path:
        return self._parts.settings.data / FOLDER / id

    def _save(self, id: str, asked: Mapping[str, Asked], fit: Fit) -> None:
        folder = self._folder(id)
        folder.mkdir(parents=True, exist_ok=True)
        _write_learned(folder / LEARNED, asked)
        _written(folder / FILE, fit.written)

    def _reranker(self, id: str) -> LambdaMartReranker | None:
        path = self._folder(id) / FILE
        try:
            written = path.stat().st_mtime_ns
        except FileNotFoundError:
            self._loaded.pop(id, None)
            return None
        known = self._loaded.get(id)
        if known is None or known[0] != written:
            try:
                known = (written, LambdaMartReranker(path))
            except ConfigError as error:
                log.warning("reranker not read", candidate=id, reason=error.message)
                return None
            self._loaded[id] = known
        return known[1]


class _Looking:
    """Takes the place of a reranker, to see what one is given."""

    fingerprint = "looking"
    question = ""
    hits: Sequence[Hit] = ()

    async def rerank(self, question: str, hits: Sequence[Hit]) -> list[float]:
        self.question, self.hits = question, hits
        return [-float(n) for n in range(len(hits))]

    async def aclose(self) -> None:
        """Nothing is open."""


def _said(votes: Iterable[tuple[str, str, float]]) -> dict[str, dict[str, float]]:
    """What all together say of each passage, by question."""
    said: dict[str, dict[str, float]] = {}
    for question, chunk_id, value in votes:
        of = said.setdefault(question, {})
        of[chunk_id] = of.get(chunk_id, 0.0) + value
    return said


def _found(said: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """How useful which of these are, where they are."""
    return {name: min(1.0, said[name]) for name in names if said.get(name, 0.0) > 0}


def _write_learned(path: Path, asked: Mapping[str, Asked]) -> None:
    """Without what people said: that is read anew, as far as it is there still."""
    part = path.with_suffix(".part")
    found = [*asked.values()]
    with part.open("wb") as file:
        np.savez(
            file,
            digests=np.array([*asked]),
            counts=np.array([len(one.names) for one in found]),
            vectors=np.stack([one.vector for one in found]),
            rows=np.concatenate([one.rows for one in found]),
            names=np.array([name for one in found for name in one.names]),
            shown=np.array([name in one.shown for one in found for name in one.names]),
        )
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _read(path: Path) -> dict[str, Asked]:
    asked: dict[str, Asked] = {}
    with np.load(path, allow_pickle=False) as kept:
        rows, shown = kept["rows"], kept["shown"]
        names = [str(name) for name in kept["names"]]
        ends = np.cumsum(kept["counts"]).tolist()
        for digest, vector, begin, end in zip(
            kept["digests"], kept["vectors"], [0, *ends[:-1]], ends, strict=True
        ):
            seen = {
                name
                for name, there in zip(names[begin:end], shown[begin:end], strict=True)
                if there
            }
            asked[str(digest)] = Asked(
                vector, rows[begin:end], names[begin:end], {}, frozenset(seen)
            )
    return asked


def _written(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
