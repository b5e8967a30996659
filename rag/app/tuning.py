"""The ratchet: candidates are made, measured against what is live, promoted, and taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol

import structlog

from rag.app.accounts import Accounts
from rag.app.adapters import Adapters
from rag.app.chunkings import MINUTES, Chunkings
from rag.app.configurations import Configurations, Live
from rag.app.defaults import Defaults
from rag.app.domains import Domain, Domains
from rag.app.following import INDEXED
from rag.app.gathering import Gathering
from rag.app.generations import Generations
from rag.app.loras import Loras
from rag.app.measuring import Measuring
from rag.app.memories import Memories
from rag.app.parts import Parts
from rag.app.people import People
from rag.app.prompts import Prompts
from rag.app.rerankers import TREES, Rerankers
from rag.app.runs import Runs
from rag.app.sides import Side, Sides
from rag.app.trained import TrainedEncoders
from rag.app.writing import Writing
from rag.candidates import (
    Candidate,
    CandidateTrial,
    Gain,
    Judgement,
    Kind,
    Release,
    Rules,
)
from rag.errors import Conflict, InvalidInput, RagError
from rag.learn.choices import WORDING
from rag.learn.gate import NDCG, judged
from rag.learn.lora import Recipe
from rag.retrieve.levers import NONE, Levers
from rag.store import scratch
from rag.store.candidate_trials import CandidateTrials
from rag.store.candidates import Candidates
from rag.store.generations import Generation
from rag.store.releases import Releases
from rag.types import Principal, Progress

WORTH = "The score of answers"
LONGEST = 1_440
"""Minutes that may be searched for."""

UNFINISHED = timedelta(days=1)
"""After which nobody makes any more what is not whole yet."""

log = structlog.get_logger(__name__)


class Maker(Protocol):
    """Makes the candidates of one kind and puts one in its place."""

    @property
    def bound_to(self) -> Sequence[str]:
        """What the index has to be made with still, as it was when the candidate was made."""
        ...

    async def make(
        self, principal: Principal, domain: Domain, progress: Callable[[Progress], None]
    ) -> Candidate:
        """One of all that was said and accepted until now. Raises InvalidInput for nothing."""
        ...

    async def put(self, levers: Levers, candidate: Candidate, domain: Domain) -> Levers:
        """The levers with the candidate in the place of what is of its kind."""
        ...

    async def write(self, candidate: Candidate) -> None:
        """Make it anew of what is left of what it learned from."""
        ...


class Tuning:
    """The verbs of whoever makes answers better."""

    def __init__(
        self,
        parts: Parts,
        domains: Domains,
        people: People,
        generations: Generations,
        accounts: Accounts,
        loras: Loras,
        defaults: Defaults,
        writing: Writing,
        runs: Runs,
    ) -> None:
        database, now = parts.ledger.database, parts.ledger.now
        gathering = Gathering(parts, people, generations)
        measuring, prompts = Measuring(parts, people), Prompts(parts)
        self._rerankers = Rerankers(parts, gathering, people, domains)
        self._encoders = TrainedEncoders(parts, gathering, people, runs)
        self._chunkings = Chunkings(parts, generations, measuring, runs)
        self._configurations = Configurations(
            parts, generations, measuring, writing, defaults, self._live
        )
        self._makers: Mapping[Kind, Maker] = {
            "memory": Memories(parts, gathering),
            "adapter": Adapters(parts, gathering),
            "encoder": self._encoders,
            "chunking": self._chunkings,
            "reranker": self._rerankers,
            "configuration": self._configurations,
            "prompt": prompts,
            "llm": loras,
        }
        self._domains = domains
        self._generations = generations
        self._accounts = accounts
        self._loras = loras
        self._sides = Sides(measuring, writing, prompts, loras, defaults)
        self._now = now
        self._embedder = parts.embedder.fingerprint
        self._data = parts.settings.data
        self._kept = Candidates(database, now)
        self._releases = Releases(database, now)
        self._trials = CandidateTrials(database, now)
        self._rules = Rules()
        self._answering: dict[str, Candidate] = {}
        """By id, those that a question was answered with."""

    # --- what answers use ---

    async def levers(self, domain: Domain, generation: Generation) -> Levers:
        """What the live release changes of a search, as far as the index is still of the making
        that it was made for."""
        live = await asyncio.to_thread(self._releases.live, domain.pack.name)
        return await self._levers(domain, generation, live.pointers if live else {})

    async def of(
        self, domain: Domain, generation: Generation, pointers: Mapping[Kind, str]
    ) -> Levers:
        """What these candidates change of a search together."""
        return await self._levers(domain, generation, pointers)

    async def _levers(
        self, domain: Domain, generation: Generation, pointers: Mapping[Kind, str]
    ) -> Levers:
        levers = NONE
        for kind, id in pointers.items():
            found = self._answering.get(id)
            if found is None:
                # What it was made of, which is all that is read of it here, never changes.
                found = await asyncio.to_thread(self._kept.get, domain.pack.name, id)
                self._answering[id] = found
            if part := self.outlived(found, generation):
                log.info("candidate put aside", candidate=found.name, part=part)
            else:
                levers = await self._makers[kind].put(levers, found, domain)
        return levers

    async def tried(
        self, domain: Domain, generation: Generation, trial: CandidateTrial
    ) -> Mapping[Kind, str] | None:
        """The candidates that answer together where one is tried; None where that cannot be, as
        another release is live than it is tried beside, or the index was made anew."""
        live = await asyncio.to_thread(self._releases.live, domain.pack.name)
        found = await asyncio.to_thread(self._kept.get, domain.pack.name, trial.candidate)
        against = live.number if live else 0
        if against != trial.against or self.outlived(found, generation):
            return None
        return {**(live.pointers if live else {}), found.kind: found.id}

    def outlived(self, candidate: Candidate, generation: Generation) -> str:
        """What is not as it was when the candidate was made: a part that the index, or questions,
        are made with, or the wording of the pack that it is of; empty where there is nothing."""
        now = {**generation.fingerprint, "questions": self._embedder}
        made = {"questions": candidate.lineage.get("embedder"), **candidate.lineage}
        for part in self._makers[candidate.kind].bound_to:
            if made[part] != now.get(part):
                return part
        if candidate.kind == "configuration":
            pack = self._domains.get(candidate.domain).pack
            if self._configurations.outlived(candidate, pack):
                return WORDING
        return ""

    def require(self, candidate: Candidate, generation: Generation) -> None:
        """Raises Conflict where the candidate has outlived what it was made for."""
        part = self.outlived(candidate, generation)
        if not part:
            return
        message = f"The index was made anew since '{candidate.name}' was made: another {part}."
        if part == WORDING:
            wording = candidate.lineage[WORDING]
            message = (
                f"'{candidate.name}' is of the wording '{wording}' as the pack does not have it: "
                "it was edited since, or is gone."
            )
        raise Conflict(message, hint=f"Make another: rag tune {candidate.kind}.")

    async def _live(self, domain: Domain, generation: Generation) -> Live:
        """What answers now, and of which configuration: none that was put aside."""
        live = await asyncio.to_thread(self._releases.live, domain.pack.name)
        pointers = live.pointers if live else {}
        levers = await self._levers(domain, generation, pointers)
        id = pointers.get("configuration")
        found = await asyncio.to_thread(self._kept.get, domain.pack.name, id) if id else None
        if found is not None and self.outlived(found, generation):
            found = None
        return Live(levers, found)

    # --- the verbs ---

    async def make(
        self,
        principal: Principal,
        kind: Kind,
        domain: str | None,
        progress: Callable[[Progress], None] = lambda _: None,
        base: str | None = None,
        budget: float | None = None,
        *,
        answers: bool = False,
    ) -> Candidate:
        """A candidate of all that was said and accepted until now; a reranker is trained from a
        base, if one is named; a chunking and a configuration are searched for within a budget of
        minutes, the latter by what is found or by `answers`.

        Raises InvalidInput where there is nothing to learn from, ModelError where a model was asked
        and failed.
        """
        maker = self._makers.get(kind)
        if maker is None:
            raise InvalidInput(f"Ratchet makes no candidates of the kind '{kind}' yet.")
        of = self._domains.get(domain)
        if base is not None and kind != "reranker":
            raise InvalidInput("Only a reranker is trained from a base here.")
        if budget is not None and kind not in ("chunking", "configuration"):
            raise InvalidInput(
                "Only a chunking and a configuration are searched for within a time."
            )
        if budget is not None and not 0 < budget <= LONGEST:
            raise InvalidInput(f"A budget is above 0 and at most {LONGEST} minutes.")
        if answers and kind != "configuration":
            raise InvalidInput("Only a configuration is searched for by answers.")
        if kind == "reranker":
            made = await self._rerankers.make(principal, of, progress, base)
        elif kind == "chunking":
            made = await self._chunkings.make(principal, of, progress, budget or MINUTES)
        elif kind == "configuration":
            made = await self._configurations.make(
                principal, of, progress, budget or MINUTES, answers=answers
            )
        else:
            made = await maker.make(principal, of, progress)
        await self._accounts.wrote(principal, "make candidate", made.name, domain=made.domain)
        return made

    async def train(
        self,
        principal: Principal,
        recipe: Recipe,
        domain: str | None,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> Candidate:
        """A language model trained further on what a dataset version lets train.

        Killed on the way, nothing of it is listed. Raises what an export does, Conflict while
        another one is trained, InvalidInput for rows that could not be learned from whole.
        """
        made = await self._loras.train(principal, recipe, self._domains.get(domain), progress)
        await self._accounts.wrote(
            principal, "make candidate", made.name, domain=made.domain, dataset=recipe.dataset
        )
        return made

    async def list(self, principal: Principal, domain: str | None) -> list[Candidate]:
        """Every candidate of a domain, newest first."""
        return await asyncio.to_thread(self._kept.list, self._domains.get(domain).pack.name)

    async def get(
        self, principal: Principal, name: str, domain: str | None
    ) -> tuple[Candidate, list[Judgement]]:
        """A candidate with what the gate said of it, newest first. Raises NotFound."""
        pack = self._domains.get(domain).pack
        found = await asyncio.to_thread(self._kept.get, pack.name, name)
        return found, await asyncio.to_thread(self._kept.reports, found.id)

    async def gains(self, principal: Principal, domain: str | None) -> list[Gain]:
        """What each candidate that learned from ratings was worth when it was measured last, from
        the fewest ratings to the most."""
        return await asyncio.to_thread(self._kept.gains, self._domains.get(domain).pack.name)

    async def measure(
        self,
        principal: Principal,
        name: str,
        domain: str | None,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> Judgement:
        """What the gate says of a candidate against what is live, on what was asked since it was
        made, and on what nothing was learned from. Each look makes the next one stricter."""
        of = self._domains.get(domain)
        found = await asyncio.to_thread(self._kept.get, of.pack.name, name)
        generation = await self._generations.answering(of)
        self.require(found, generation)
        if found.kind == "configuration":
            await self._require_whole(of, found, generation)
        live = await asyncio.to_thread(self._releases.live, of.pack.name)
        pointers = live.pointers if live else {}
        before = await self._levers(of, generation, pointers)
        searched = generation
        if found.kind in INDEXED:
            searched = await self._generations.beside(of, found)
        after = await self._levers(of, searched, {**pointers, found.kind: found.id})
        asked = await self._sides.asked(
            principal, of, found, Side(generation, before), Side(searched, after), progress
        )
        against = live.number if live else 0
        look = await self.look(of, pointers)
        report = await asyncio.to_thread(
            judged, asked, look=look, rules=self._rules, measure=WORTH if found.written else NDCG
        )
        kept = await asyncio.to_thread(
            self._kept.report, found.id, against, report, asked, principal.id
        )
        if report.outcome == "refused":
            await self.refuse(found, principal)
        await self._accounts.wrote(
            principal, "measure candidate", found.name, domain=of.pack.name, outcome=report.outcome
        )
        return kept

    async def _require_whole(
        self, domain: Domain, candidate: Candidate, generation: Generation
    ) -> None:
        """Raises Conflict where other settings are live than those that it was searched from: it
        would undo what they gained."""
        live = (await self._live(domain, generation)).configuration
        if candidate.lineage.get("from") != (live.id if live else None):
            raise Conflict(
                f"Other settings are live than those that '{candidate.name}' was made from.",
                hint="Make another: rag tune configuration.",
            )

    async def look(self, domain: Domain, pointers: Mapping[Kind, str]) -> int:
        """The number of the next look at what is live, by the gate or by a trial: each of them
        spends of the same alpha."""
        name = domain.pack.name
        alike = await asyncio.to_thread(self._releases.alike, name, pointers)
        measured = await asyncio.to_thread(self._kept.looks, name, alike)
        return 1 + measured + await asyncio.to_thread(self._trials.count, name, alike)

    async def refuse(self, candidate: Candidate, principal: Principal) -> None:
        """It is not let through; where people are answered by it on trial, that is over."""
        if candidate.state == "made":
            await asyncio.to_thread(self._kept.settle, candidate.id, "refused")
        trial = await asyncio.to_thread(self._trials.last, candidate.domain, candidate.id)
        if trial is not None:
            await asyncio.to_thread(self._trials.end, trial.id, "refused", principal.id)

    async def promote(
        self, principal: Principal, name: str, domain: str | None, why: str = ""
    ) -> Release:
        """Let a candidate into the next release, from the next question on.

        Raises Conflict unless the gate's last word on it, against what is live now, is that it
        passed; or that too little is known, and people were surely better off with it on trial.
        """
        of = self._domains.get(domain).pack
        found, reports = await self.get(principal, name, domain)
        live = await asyncio.to_thread(self._releases.live, of.name)
        against = live.number if live else 0
        last = next(iter(reports), None)
        if last is None or last.against != against:
            raise Conflict(
                f"'{found.name}' was not measured against what is live.",
                hint=f"Run: rag eval --candidate {found.name}.",
            )
        tried = await asyncio.to_thread(self._trials.last, of.name, found.id)
        here = tried is not None and tried.against == against
        if tried is not None and here and tried.lost:
            raise Conflict(
                f"'{found.name}' was worse than what is live, on trial with people: {tried.ended}."
            )
        won = tried is not None and here and tried.won and last.report.outcome == "insufficient"
        if last.report.outcome != "passed" and not won:
            raise Conflict(f"The gate did not let '{found.name}' through: {last.report.why}")
        if found.figures.get("withdrawn"):
            raise Conflict(f"'{found.name}' learned what is erased by now.", hint="Train another.")
        self.require(found, await self._generations.answering(self._domains.get(domain)))
        made = await asyncio.to_thread(
            self._releases.promote, of.name, against, found.id, last.id, principal.id, why
        )
        said = {
            "release": made.number,
            "why": why,
            **({"trial": tried.id} if tried and won else {}),
        }
        await self._accounts.wrote(
            principal, "promote candidate", found.name, domain=of.name, **said
        )
        return made

    async def roll_back(
        self,
        principal: Principal,
        domain: str | None,
        to: int | None = None,
        why: str = "",
        *,
        force: bool = False,
    ) -> Release:
        """Let answers use what an earlier release did, from the next question on: the one before,
        unless it is named. Raises NotFound, Conflict; Behind where its index lacks documents, but
        not with `force`: the next sync brings them; GenerationMismatch where it could not be
        searched by now."""
        of = self._domains.get(domain)
        name = of.pack.name
        pair = await asyncio.to_thread(self._releases.back, name, to)
        if pair is not None:
            await self._generations.require_searchable(of, pair)
        made = await asyncio.to_thread(
            self._releases.roll_back, name, to, principal.id, why, force=force
        )
        said = {"release": made.number, **({"force": True} if force else {})}
        await self._accounts.wrote(
            principal, "roll back release", f"{made.back_to}", domain=name, **said
        )
        return made

    async def releases(self, principal: Principal, domain: str | None) -> list[Release]:
        """The releases of a domain, newest first; the first one is live."""
        return await asyncio.to_thread(self._releases.list, self._domains.get(domain).pack.name)

    # --- erasing ---

    def tainted(self) -> Sequence[str]:
        """The models that learned from what is withdrawn or erased by now."""
        return [*self._loras.tainted(), *self._encoders.tainted(), *self._rerankers.tainted()]

    async def sweep(self) -> int:
        """Make anew whatever learned from what was erased since, and delete what is left of what
        was cut short. Returns how many were made anew."""
        await asyncio.to_thread(scratch.sweep, self._data)
        changed = await self._encoders.sweep()
        long_ago = self._now() - UNFINISHED
        for id in await asyncio.to_thread(self._kept.unfinished, long_ago):
            await asyncio.to_thread(self._kept.forget, id)
        await asyncio.to_thread(self._rerankers.sweep)
        for one in await asyncio.to_thread(self._kept.learned):
            # It is noted last: killed on the way, the next sweep writes it again.
            if await asyncio.to_thread(self._kept.shrunk, one):
                await self._makers[one.kind].write(one)
                await asyncio.to_thread(self._kept.recount, one.id)
                changed += 1
        return changed

    async def renew(self) -> list[str]:
        """Make anew whatever learned from feedback, where of it only the feedback is kept. Returns
        what could not be, and why."""
        failed: list[str] = []
        for one in await asyncio.to_thread(self._kept.learned):
            # The weights of what was refused are in no backup.
            if one.state == "refused" and one.lineage.get("method", TREES) != TREES:
                continue
            try:
                await self._makers[one.kind].write(one)
            except RagError as error:
                failed.append(f"{one.domain}/{one.name}: {error}")
        return failed
