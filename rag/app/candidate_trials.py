"""A candidate answers a share of the people beside what is live, until that is surely worse."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress

import structlog

from rag.app.accounts import Accounts
from rag.app.domains import Domain, Domains
from rag.app.following import INDEXED
from rag.app.generations import Generations
from rag.app.housekeeping import SYSTEM
from rag.app.parts import Parts
from rag.app.trials import talk
from rag.app.tuning import Tuning
from rag.candidates import Candidate, CandidateComparison, CandidateTrial, Ending
from rag.errors import Conflict, InvalidInput, RagError
from rag.learn.online import ending, weighed
from rag.retrieve.levers import Levers
from rag.store.candidate_trials import CandidateTrials as Store
from rag.store.candidates import Candidates
from rag.store.generations import Generation
from rag.store.releases import Releases
from rag.types import LOCAL, AskRequest, Principal

MOST = 0.5
"""What is not surely better answers no more people than what is live."""
GAP_S = 2.0
"""Between two looks at what people said, at least; ten times what one takes, if that is more."""
WHO = Principal(id=SYSTEM)

log = structlog.get_logger(__name__)


class CandidateTrials:
    """The verbs of a trial of a candidate, what it does to questions, and its end."""

    def __init__(
        self,
        parts: Parts,
        domains: Domains,
        generations: Generations,
        accounts: Accounts,
        tuning: Tuning,
    ) -> None:
        database, now = parts.ledger.database, parts.ledger.now
        self._kept = Store(database, now, parts.outbox.announce)
        self._candidates = Candidates(database, now)
        self._releases = Releases(database, now)
        self._sealed = parts.traces.sealed
        self._domains = domains
        self._generations = generations
        self._accounts = accounts
        self._tuning = tuning
        self._wanted = False
        self._looking: asyncio.Task[None] | None = None

    # --- the verbs ---

    async def begin(
        self, principal: Principal, name: str, share: float, domain: str | None = None
    ) -> CandidateTrial:
        """Let a candidate answer a share of the people, from the next question on.

        Raises NotFound, InvalidInput, or Conflict: another one is tried, the gate refused it or was
        not asked, or it cannot answer.
        """
        if not 0 < share <= MOST:
            raise InvalidInput(
                f"A share is above 0, and {MOST:g} at most.", hint="A tenth: --share 0.1."
            )
        of = self._domains.get(domain)
        found, reports = await self._tuning.get(principal, name, domain)
        live = await asyncio.to_thread(self._releases.live, of.pack.name)
        pointers, against = (live.pointers, live.number) if live else ({}, 0)
        if found.kind == "llm":
            raise Conflict(
                f"'{found.name}' is a language model.",
                hint="Try the model that serves it: rag models try NAME --canary 0.1.",
            )
        if found.kind in INDEXED:
            raise Conflict(f"'{found.name}' has an index of its own, which answers all or nobody.")
        if pointers.get(found.kind) == found.id:
            raise Conflict(f"'{found.name}' answers already.")
        last = reports[0] if reports else None
        if last is None or last.against != against:
            raise Conflict(
                f"'{found.name}' was not measured against what is live.",
                hint=f"Run: rag eval --candidate {found.name}.",
            )
        if found.state == "refused" or last.report.outcome == "refused":
            raise Conflict(f"'{found.name}' was refused: people are not answered by it.")
        self._tuning.require(found, await self._generations.answering(of))
        look = await self._tuning.look(of, pointers)
        made = await asyncio.to_thread(self._kept.begin, found, share, against, look, principal.id)
        await self._accounts.wrote(
            principal, "try candidate", found.name, domain=of.pack.name, share=share
        )
        return made

    async def stop(self, principal: Principal, domain: str | None = None) -> CandidateTrial:
        """Let what is live answer everybody from the next question on. Raises Conflict."""
        name = self._domains.get(domain).pack.name
        for trial in await asyncio.to_thread(self._kept.running, name):
            if await self._end(trial, "stopped", principal):
                return await self._last(name, trial)
        raise Conflict("No candidate is tried.", hint="Begin: rag tune try CANDIDATE --share 0.1.")

    async def compare(
        self, principal: Principal, domain: str | None = None
    ) -> CandidateComparison | None:
        """The two sides of the trial that runs or ran last; None where there was none."""
        name = self._domains.get(domain).pack.name
        trial = await asyncio.to_thread(self._kept.last, name)
        return await self._weighed(trial) if trial else None

    # --- what it does to questions ---

    async def part(
        self, principal: Principal, request: AskRequest, domain: Domain, generation: Generation
    ) -> tuple[Levers, Mapping[str, str]]:
        """What a question is answered with, and for its trace on whose side, of which trial; of
        neither where none runs."""
        for trial in await asyncio.to_thread(self._kept.running, domain.pack.name):
            pointers = await self._tuning.tried(domain, generation, trial)
            if pointers is None:
                # The next look ends it.
                self.soon()
                continue
            if not self._takes(trial, principal, request):
                levers = await self._tuning.levers(domain, generation)
                return levers, {"trial": trial.id, "side": "champion"}
            try:
                levers = await self._tuning.of(domain, generation, pointers)
            except RagError as error:
                log.warning("candidate on trial cannot answer", reason=error.message)
                continue
            return levers, {"trial": trial.id, "side": "challenger"}
        return await self._tuning.levers(domain, generation), {}

    def _takes(self, trial: CandidateTrial, principal: Principal, request: AskRequest) -> bool:
        """Always the same for a person in a trial, and nobody outside can tell; where nobody signs
        in, for a conversation."""
        who = principal.id if principal.id != LOCAL else talk(principal, request)
        drawn = int(self._sealed(f"trial {trial.id} {who}")[:13], 16)
        return drawn < trial.share * 16**13

    # --- its end ---

    def soon(self) -> None:
        """Look at what people said as soon as may be; takes no time."""
        self._wanted = True
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())

    async def sweep(self) -> int:
        """End what is surely worse, or cannot be compared any more. Returns how many ended."""
        ended = 0
        for trial in await asyncio.to_thread(self._kept.running):
            try:
                ended += await self._check(trial)
            except RagError as error:
                # There may be no index of it for now.
                log.warning("trial not looked at", domain=trial.domain, reason=error.message)
        return ended

    async def aclose(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    async def _look(self) -> None:
        while self._wanted:
            self._wanted = False
            since = time.perf_counter()
            try:
                await self.sweep()
            except RagError as error:
                log.warning("trials not looked at", reason=error.message)
            except Exception:
                # Whatever it was, the next rating asks for it again.
                log.exception("trials not looked at")
            await asyncio.sleep(max(GAP_S, 10 * (time.perf_counter() - since)))

    async def _check(self, trial: CandidateTrial) -> bool:
        if trial.domain not in self._domains.names():
            return False
        of = self._domains.get(trial.domain)
        generation = await self._generations.answering(of)
        if await self._tuning.tried(of, generation, trial) is None:
            return await self._end(trial, "outlived", WHO)
        found = await self._weighed(trial)
        if why := ending(found):
            return await self._end(trial, why, WHO)
        if found.outcome == "better" and await asyncio.to_thread(self._kept.won, trial.id):
            await self._accounts.wrote(WHO, "better on trial", trial.candidate, domain=trial.domain)
        return False

    async def _weighed(self, trial: CandidateTrial) -> CandidateComparison:
        def weigh() -> CandidateComparison:
            return weighed(self._kept.seen(trial), trial)

        return await asyncio.to_thread(weigh)

    async def _end(self, trial: CandidateTrial, why: Ending, who: Principal) -> bool:
        told = who is WHO
        if not await asyncio.to_thread(self._kept.end, trial.id, why, who.id, told=told):
            return False
        ended = await self._last(trial.domain, trial)
        if ended.lost:
            await self._tuning.refuse(await self._candidate(trial), who)
        await self._accounts.wrote(
            who, "end trial of candidate", trial.candidate, domain=trial.domain, why=why
        )
        return True

    async def _candidate(self, trial: CandidateTrial) -> Candidate:
        return await asyncio.to_thread(self._candidates.get, trial.domain, trial.candidate)

    async def _last(self, domain: str, trial: CandidateTrial) -> CandidateTrial:
        return await asyncio.to_thread(self._kept.last, domain) or trial
