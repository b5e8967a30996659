"""Configuration candidates: how the two lists are joined, searched for on what was rated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

from rag.app.domains import Domain
from rag.app.generations import Generations
from rag.app.measuring import Measuring, of_paths
from rag.app.parts import Parts
from rag.candidates import Candidate
from rag.domain import RetrievalKnobs
from rag.errors import InvalidInput
from rag.learn.configuring import CHOICES, ENOUGH, Listed, searched
from rag.learn.measuring import DEEP
from rag.retrieve.levers import Levers
from rag.retrieve.retriever import Seen
from rag.store.candidates import Candidates
from rag.store.events import Events
from rag.types import Principal, Progress

MOST = 1_000
"""Questions that are searched on, the latest."""


class Configurations:
    """Makes candidates of the pack's retrieval settings."""

    bound_to = ("embedder", "chunker")

    def __init__(self, parts: Parts, generations: Generations, measuring: Measuring) -> None:
        self._parts = parts
        self._generations = generations
        self._measuring = measuring
        self._kept = Candidates(parts.ledger.database, parts.ledger.now)
        self._events = Events(parts.ledger.database)

    async def put(self, levers: Levers, candidate: Candidate, domain: Domain) -> Levers:
        """With the settings that a candidate is, and the pack's where it says nothing."""
        knobs = domain.pack.retrieval.model_copy(update=candidate.lineage["knobs"])
        return replace(levers, knobs=RetrievalKnobs.model_validate(knobs.model_dump()))

    async def make(
        self, principal: Principal, domain: Domain, progress: Callable[[Progress], None]
    ) -> Candidate:
        """The settings that do best on what was accepted until now and on the half of the pack's
        own questions that may be fitted to. Raises InvalidInput for too few questions."""
        live = await self._generations.answering(domain)
        as_of = await asyncio.to_thread(self._events.moment, self._parts.ledger.now())
        questions = (await self._measuring.earlier(domain, live, as_of))[-MOST:]
        if len(questions) < ENOUGH:
            raise InvalidInput(
                f"{len(questions)} questions are too few to choose settings by; {ENOUGH} would do.",
                hint="Accept feedback first, or add evals to the pack.",
            )
        listed: list[Listed] = []
        for done, one in enumerate(questions, 1):
            seen = Seen()
            await domain.retriever.retrieve(
                one.who, one.text, generation=live.id, limit=DEEP, seen=seen
            )
            names = {
                each.chunk_id for lists in seen.found for each in (*lists.dense, *lists.sparse)
            }
            payloads = await self._parts.index.payloads(live.id, sorted(names))
            wanted = of_paths(one.paths, payloads.values()) if one.paths else one.wanted
            documents = {name: payload.document_id for name, payload in payloads.items()}
            listed.append(Listed(seen.found, documents, wanted))
            progress(Progress(phase="search", done=done, total=len(questions)))
        best = await asyncio.to_thread(searched, listed, domain.pack.retrieval)
        lineage = {
            "as_of": as_of.isoformat(),
            "knobs": best.knobs,
            "embedder": str(live.fingerprint["embedder"]),
            "chunker": str(live.fingerprint["chunker"]),
            "generation": live.id,
            "evals": any(one.paths for one in questions),
            "tried": len(CHOICES),
        }
        figures = {"questions": len(questions), "before": best.before, "after": best.after}
        return await asyncio.to_thread(
            self._kept.add,
            str(uuid4()),
            domain.pack.name,
            "configuration",
            lineage,
            figures,
            principal.id,
        )

    async def write(self, candidate: Candidate) -> None:
        """Nothing: of settings nobody can be told."""
