"""Encoders that were trained further on what was said: the weights in a folder, and an index made
with them beside the one that answers."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import uuid4

from rag.app.domains import Domain
from rag.app.encoders import FOLDER
from rag.app.gathering import Gathered, Gathering
from rag.app.housekeeping import SYSTEM
from rag.app.loras import alone
from rag.app.parts import Parts
from rag.app.people import People
from rag.app.runs import Runs
from rag.backends.encoder import usable_cores
from rag.backends.local_model import LocalModel, Remembered, describe
from rag.candidates import Candidate
from rag.errors import Conflict, Forbidden, InvalidInput, NotFound
from rag.learn.built import appearing
from rag.learn.encoding import ENOUGH, MOST, Found, Pairs, Rated, lessons, mined, teach
from rag.learn.lora import FOLDER as MODELS
from rag.retrieve.levers import Levers
from rag.store.candidates import Candidates, Question
from rag.store.generations import Generation
from rag.store.questions import unfolded
from rag.types import IndexQuery, Payload, Principal, Progress

DEEP = 20
"""Passages that the index is asked for, to find those that only look useful."""
MODULES = "modules.json"


class _Said(NamedTuple):
    """What was said of one question, in whatever answers."""

    question: Question
    values: dict[str, float]
    traces: list[Mapping[str, Any]]


class TrainedEncoders:
    """Trains encoders; which one searches is told by the generation that answers."""

    bound_to: tuple[str, ...] = ()

    def __init__(self, parts: Parts, gathering: Gathering, people: People, runs: Runs) -> None:
        self._parts = parts
        self._gathering = gathering
        self._people = people
        self._runs = runs
        self._kept = Candidates(parts.ledger.database, parts.ledger.now)
        self._models = parts.settings.data / MODELS

    async def put(self, levers: Levers, candidate: Candidate, domain: Domain) -> Levers:
        """As they are: a generation is searched by the encoder that made it."""
        return levers

    async def make(
        self, principal: Principal, domain: Domain, progress: Callable[[Progress], None]
    ) -> Candidate:
        """One that was trained on all that was said and accepted until now, with its index beside
        the live one.

        Killed while it is trained, nothing of it is listed; killed later, whoever does runs makes
        the index all the same. Raises InvalidInput for an embedder that is not ours to train, for
        too little, and where none does better on questions that it did not learn from; Conflict
        while something else is trained.
        """
        if self._parts.settings.embedding.provider != "sentence_transformers":
            raise InvalidInput(
                "The embedder is an endpoint: its weights are not here to be trained.",
                hint="Make an adapter or a memory: rag tune adapter, rag tune memory.",
            )
        local = await asyncio.to_thread(self._local)
        id, name = str(uuid4()), domain.pack.name
        with alone(self._models):
            found = await self._gathering.gather(domain, progress)
            pairs, texts = await self._pairs(domain, found, progress)
            if len(pairs.questions) < ENOUGH:
                raise InvalidInput(
                    f"{len(pairs.questions)} questions with a useful passage are too few to train "
                    "an encoder with.",
                    hint=f"{ENOUGH} would do. Accept more feedback: rag review.",
                )
            with appearing(self._parts.encoders.folder(id)) as out:
                given = lessons(
                    pairs,
                    texts,
                    (local.query_prompt, local.document_prompt),
                    local.folder,
                    out,
                    max_tokens=local.max_tokens,
                    threads=self._parts.settings.embedding.threads or usable_cores(),
                )
                told = await teach(given, progress)
                if not told.epochs:
                    raise InvalidInput(
                        "No encoder does better on questions that it did not learn from, of "
                        f"{len(pairs.questions)}.",
                        hint="Wait for more feedback, or make a memory: rag tune memory.",
                    )
            lineage = {
                **found.lineage,
                "base": local.fingerprint,
                "epochs": told.epochs,
                "mix": told.mix,
                "seed": given.seed,
                "versions": dict(told.versions),
            }
            figures = {
                **found.counts,
                "questions": len(pairs.questions),
                "passages": len(given.passages),
                **told.model_dump(mode="json", include={"before", "after", "losses", "seconds"}),
            }
            made = await asyncio.to_thread(
                self._kept.add,
                *(id, name, "encoder", lineage, figures, principal.id, found.votes),
                whole=False,
            )
        try:
            await self._runs.beside(principal, name, "encoder", id, progress)
        except BaseException:
            # Of one whose index is not whole nobody is told; what is left of it is swept.
            await asyncio.to_thread(self._kept.forget, id)
            raise
        return made

    async def write(self, candidate: Candidate) -> None:
        """Say where it has learned what is erased: that cannot be taken out of it."""
        shrunk = await asyncio.to_thread(self._kept.shrunk, candidate)
        if shrunk and not candidate.figures.get("withdrawn"):
            await asyncio.to_thread(self._kept.note, candidate.id, {"withdrawn": True})
            # Somebody has to decide.
            await asyncio.to_thread(
                self._parts.audit.write,
                *(SYSTEM, "model learned what is erased", candidate.name),
                domain=candidate.domain,
            )

    def tainted(self) -> list[str]:
        """The encoders that learned what is erased by now."""
        known = self._kept.of_kind("encoder")
        return [f"{one.domain}/{one.name}" for one in known if one.figures.get("withdrawn")]

    async def sweep(self) -> int:
        """Remove weights that nothing can answer with any more. Returns of how many encoders."""
        return await asyncio.to_thread(self._swept)

    def _swept(self) -> int:
        folder = self._parts.settings.data / FOLDER
        count = 0
        # What was trained is listed a moment later.
        with suppress(Conflict), alone(self._models):
            known = self._kept.of_kind("encoder")
            kept = {one for each in known for one in self._kept.hopeful(each.domain, "encoder")}
            kept |= self._parts.ledger.generations.encoders()
            # A reranker's files may be called alike.
            kept |= {one.id for one in self._kept.of_kind("reranker")}
            for path in folder.glob(f"*/{MODULES}"):
                if path.parent.name not in kept and not path.parent.name.startswith("."):
                    shutil.rmtree(path.parent, ignore_errors=True)
                    count += 1
        return count

    def _local(self) -> LocalModel:
        cache = self._parts.settings.data / "cache"
        return describe(self._parts.settings.embedding, cache, Remembered(cache / "embedding.json"))

    # --- what there is to learn ---

    async def _pairs(
        self, domain: Domain, found: Gathered, progress: Callable[[Progress], None]
    ) -> tuple[Pairs, Mapping[str, str]]:
        """Questions with their passages, and what those say: of each question only what whoever
        asked it may read now."""
        said = [
            one
            for one in (await asyncio.to_thread(self._said, found)).values()
            if any(value > 0 for value in one.values.values())
        ]
        rated: list[Rated] = []
        texts: dict[str, str] = {}
        for done, one in enumerate(said[-MOST:], 1):
            payloads, looked = await self._looked_at(domain, found.generation, one)
            useful = {
                name: value for name, value in one.values.items() if value > 0 and name in payloads
            }
            if useful:
                texts.update((name, _text(payload)) for name, payload in payloads.items())
                disliked = [
                    name for name, value in one.values.items() if value < 0 and name in payloads
                ]
                text = str(one.traces[0]["query_standalone"])
                rated.append(Rated(text, unfolded(one.question.vector), useful, disliked, looked))
            progress(Progress(phase="search", done=done, total=len(said[-MOST:])))
        if not rated:
            return Pairs([], [], []), {}
        return await asyncio.to_thread(mined, rated), texts

    def _said(self, found: Gathered) -> dict[str, _Said]:
        """By the words of the question, from old to new."""
        traces = {one.trace_id for one in found.votes}
        questions = self._kept.questions(traces)
        told = {str(one["id"]): one for one in self._parts.traces.some(sorted(traces))}
        by_age = sorted(found.votes, key=lambda one: told[one.trace_id]["ts"])
        said: dict[str, _Said] = {}
        for one in by_age:
            question = questions[one.trace_id]
            known = said.setdefault(question.digest, _Said(question, {}, []))
            known.values[one.chunk_id] = known.values.get(one.chunk_id, 0.0) + one.value
            if told[one.trace_id] not in known.traces:
                known.traces.append(told[one.trace_id])
        return said

    async def _looked_at(
        self, domain: Domain, live: Generation, said: _Said
    ) -> tuple[Mapping[str, Payload], list[Found]]:
        """What was shown with a question and what the index gives, as far as whoever asked may
        read it; what was judged is among the payloads."""
        index, ledger = self._parts.index, self._parts.ledger
        near: dict[str, float] = {}
        readable: set[str] = set()
        shown = {str(hit["chunk_id"]): None for one in said.traces for hit in one["hits"]}
        for who in await asyncio.to_thread(self._askers, said.traces, domain.pack.name):
            encoder = await self._parts.encoders.of(live.encoder)
            searched = await index.search(
                live.id,
                IndexQuery.model_construct(
                    dense=await encoder.embed_query(said.traces[0]["query_standalone"]),
                    sparse=None,
                    readers=who.readers,
                    filter=None,
                    limit=DEEP,
                ),
            )
            near.update((one.chunk_id, one.score) for one in searched.dense)
            asked = {*near, *shown, *said.values}
            readable |= await asyncio.to_thread(ledger.admit, live.id, who, asked)
        payloads = await index.payloads(live.id, sorted(readable))
        order = [name for name in dict.fromkeys([*shown, *near]) if name in payloads]
        return payloads, [
            Found(name, payloads[name].document_id, near.get(name, 0.0)) for name in order
        ]

    def _askers(self, traces: Iterable[Mapping[str, Any]], domain: str) -> list[Principal]:
        """Whoever asked, as they are now."""
        found: dict[str, Principal] = {}
        for trace in traces:
            with suppress(NotFound, Forbidden):
                who = str(trace["principal_id"])
                found[who] = self._people.now(Principal(id=who), domain)
        return [*found.values()]


def _text(payload: Payload) -> str:
    """As it is embedded."""
    return f"{payload.header}\n{payload.text}" if payload.header else payload.text
