"""Which build of an index answers, which may be written, and how one takes over from another."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Literal, cast

from rag.app.domains import Domain
from rag.app.file_kinds import FileKinds
from rag.app.parts import Parts
from rag.candidates import Candidate
from rag.errors import Conflict, GenerationMismatch, NotFound, Unavailable, counted
from rag.ingest.parsing import PARSER_FINGERPRINT
from rag.ingest.write import POINTS_FINGERPRINT, GenerationWriter
from rag.protocols import Embedder
from rag.store.generations import CONFIGURED, Generation, Pair, left_behind
from rag.types import Data, Filter

State = Literal["live", "building", "filling", "beside", "retired"]
COMPARED = ("embedder", "sparse", "points")
"""What a generation must have been made with for today's questions to be compared with it."""


class GenerationInfo(Data):
    """A generation of a domain's index, as whoever compares them sees it."""

    id: str
    state: State
    created_at: datetime
    activated_at: datetime | None
    """When it went live."""
    documents: int
    chunks: int
    made_with: Mapping[str, str]
    """embedder, sparse, chunker, parser: which were in use"""
    problem: str = ""
    """Why it cannot be searched now; empty when it can."""


class Generations:
    """Guards that vectors of different making never meet in one search or one index."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._kinds = FileKinds(parts)

    async def fingerprint(self, domain: Domain, pair: Pair) -> dict[str, str]:
        """What a generation is made with now that is of an encoder and a chunking."""
        return {
            "embedder": (await self._parts.encoders.of(pair.encoder)).fingerprint,
            "sparse": domain.sparse.fingerprint,
            "chunker": (await self._parts.chunkers.of(pair.chunking)).fingerprint,
            "parser": PARSER_FINGERPRINT,
            "points": POINTS_FINGERPRINT,
        }

    async def answering(self, domain: Domain, filter: Filter | None = None) -> Generation:
        """The live generation, if questions can be compared with its vectors, and what the filter
        names with its points."""
        name = domain.pack.name
        live = await asyncio.to_thread(self._parts.ledger.generations.live, name)
        if live is None:
            raise Unavailable(
                f"The domain '{name}' has nothing indexed yet.", hint="Run: rag sync."
            )
        await self._require_comparable(domain, live)
        await self._kinds.require(live, filter)
        return live

    async def named(self, domain: Domain, id: str, filter: Filter | None = None) -> Generation:
        """A generation of the domain, live or not, if questions can be compared with it."""
        known = await asyncio.to_thread(self._parts.ledger.generations.all, domain.pack.name)
        found = next((one for one in known if one.id == id), None)
        if found is None:
            raise NotFound(
                f"The domain '{domain.pack.name}' has no generation {id!r}.",
                hint="A retired one is dropped by the next sync. Choose another.",
            )
        await self._require_comparable(domain, found)
        await self._kinds.require(found, filter)
        return found

    async def list(self, domain: Domain) -> list[GenerationInfo]:
        """Every generation that the domain has, the newest first."""
        kept = self._parts.ledger.generations
        return [
            await self._info(domain, one, await asyncio.to_thread(kept.placed, one.id))
            for one in await asyncio.to_thread(kept.all, domain.pack.name)
        ]

    async def _info(
        self, domain: Domain, one: Generation, placed: tuple[int, int]
    ) -> GenerationInfo:
        problem = ""
        try:
            await self._require_comparable(domain, one)
        except (GenerationMismatch, Unavailable) as error:
            problem = error.message
        return GenerationInfo(
            id=one.id,
            state=cast("State", one.state),
            created_at=one.created_at,
            activated_at=one.activated_at,
            documents=placed[0],
            chunks=placed[1],
            made_with={part: str(value) for part, value in one.fingerprint.items()},
            problem=problem,
        )

    async def _require_comparable(self, domain: Domain, generation: Generation) -> None:
        now = await self.fingerprint(domain, generation.pair)
        for part in COMPARED:
            if generation.fingerprint.get(part) != now[part]:
                raise _mismatch(generation, part, now[part])

    async def fill_in(self) -> None:
        """Bring live indexes of earlier versions up to date, as far as that needs no rebuild."""
        await self._kinds.fill_all()

    async def aclose(self) -> None:
        await self._kinds.aclose()

    async def writable(self, domain: Domain) -> Generation:
        """The live generation to write into, made on first use."""
        live = await asyncio.to_thread(self._parts.ledger.generations.live, domain.pack.name)
        if live is None:
            # Live only once the engine has it: a crash in between leaves nothing to ask.
            built = await self.new(domain)
            await asyncio.to_thread(self._parts.ledger.generations.switch, built.id)
            return built
        now = await self.fingerprint(domain, live.pair)
        for part, value in now.items():
            if live.fingerprint.get(part) != value:
                raise _mismatch(live, part, value)
        await self._parts.index.create(live.id, live.dimension)
        return live

    async def new(
        self,
        domain: Domain,
        pair: Pair = CONFIGURED,
        state: Literal["building", "filling"] = "building",
    ) -> Generation:
        """An empty generation that answers nothing until it is switched to."""
        embedder = await self._parts.encoders.of(pair.encoder)
        generation = await asyncio.to_thread(
            self._parts.ledger.generations.add,
            domain.pack.name,
            await self.fingerprint(domain, pair),
            embedder.dimension,
            state,
            pair,
        )
        await self._parts.index.create(generation.id, generation.dimension)
        return generation

    async def verify(self, live: Generation, target: Generation) -> None:
        kept = self._parts.ledger.generations
        lacking = await asyncio.to_thread(kept.lacking, live.id, target.id)
        _, chunks = await asyncio.to_thread(kept.placed, target.id)
        points = await self._parts.index.count(target.id)
        if lacking or points != chunks:
            raise Conflict(
                f"The new generation lacks {counted(lacking, 'document')} and has {points} of "
                f"{chunks} chunks; it was not switched to.",
                hint="Run the rebuild again.",
            )

    async def drop_retired(self, name: str) -> None:
        for generation in await asyncio.to_thread(self._parts.ledger.generations.retired, name):
            await self.drop(generation)

    async def drop(self, generation: Generation) -> None:
        await self._parts.index.drop(generation.id)
        await asyncio.to_thread(self._parts.ledger.generations.forget, generation.id)

    async def sweep(self, domain: Domain, source_id: str) -> None:
        """Take what was deleted out of every index; not while the source is written."""
        for one in await asyncio.to_thread(self._parts.ledger.generations.all, domain.pack.name):
            if one.state in ("live", "beside"):
                # What is taken out needs no encoder.
                await self._writer(domain, one, self._parts.embedder).sweep(source_id)

    async def beside(self, domain: Domain, candidate: Candidate) -> Generation:
        """The generation of an encoder or a chunking, with the other that answers, as far as it
        answers from all that the live one does. Raises Conflict where it does not."""
        kept = self._parts.ledger.generations
        live = await self.answering(domain)
        pair = live.pair._replace(**{candidate.kind: candidate.id})
        found = await asyncio.to_thread(kept.of_pair, domain.pack.name, pair)
        if found is None or not alike(found, live):
            raise Conflict(
                "Its index is not kept any more, as another one was made or promoted since or this "
                "one was refused.",
                hint=f"Make another: rag tune {candidate.kind}.",
            )
        if behind := await asyncio.to_thread(kept.lacking, live.id, found.id):
            raise left_behind(behind)
        await self._require_comparable(domain, found)
        return found

    async def require_searchable(self, domain: Domain, pair: Pair) -> None:
        """Raises GenerationMismatch where there is a generation of the pair that was made with
        what is configured no more, so that no question could be asked of it."""
        kept = self._parts.ledger.generations
        found = await asyncio.to_thread(kept.of_pair, domain.pack.name, pair)
        if found is not None:
            await self._require_comparable(domain, found)

    async def writer(self, domain: Domain, generation: Generation) -> GenerationWriter:
        embedder = await self._parts.encoders.of(generation.encoder)
        return self._writer(domain, generation, embedder)

    def _writer(
        self, domain: Domain, generation: Generation, embedder: Embedder
    ) -> GenerationWriter:
        return GenerationWriter(
            ledger=self._parts.ledger,
            index=self._parts.index,
            embedder=embedder,
            sparse=domain.sparse,
            generation=generation,
        )


def alike(one: Generation, other: Generation) -> bool:
    """Whether two generations are made alike but for what their candidates are: of the same texts,
    and of the same passages where they are cut by the same chunking."""
    parts = (one.fingerprint.keys() | other.fingerprint.keys()) - {"embedder"}
    if one.chunking != other.chunking:
        parts -= {"chunker"}
    return all(one.fingerprint.get(part) == other.fingerprint.get(part) for part in parts)


def _mismatch(live: Generation, part: str, now: str) -> GenerationMismatch:
    return GenerationMismatch(
        f"The index was built with {part} '{live.fingerprint.get(part)}', now it is '{now}'; "
        "mixing them would give wrong answers.",
        hint="Run: rag sync --rebuild, or set the configuration back.",
    )
