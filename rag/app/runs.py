"""What the runs of this program do, and the verbs of admins about them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog

from rag.app.domains import Domains
from rag.app.following import INDEXED, Following, Indexed
from rag.app.generations import Generations
from rag.app.parts import Parts
from rag.app.sources import Sources
from rag.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    RagError,
    Superseded,
    Unavailable,
    of_code,
)
from rag.ingest.rebuild import Rebuilder
from rag.ingest.sync import Syncer
from rag.jobs import OnProgress, Work, Worker, next_due
from rag.protocols import Chunker
from rag.store.candidates import Candidates
from rag.store.database import Guard
from rag.types import Principal, Progress, Run, Schedule, SourceInfo, SyncReport

Change = Callable[[Parts, SourceInfo], Awaitable[int]]
"""Does something to a source's documents with guarded parts; returns how many it was about."""

log = structlog.get_logger(__name__)


class Runs:
    """Syncs and rebuilds as durable runs, one at a time per source, several sources at once."""

    def __init__(
        self,
        parts: Parts,
        domains: Domains,
        sources: Sources,
        others: Mapping[str, Work],
        *,
        apart: bool,
    ) -> None:
        """`others`: what runs of kinds do that are about no source and no index."""
        self._others = others
        self._parts = parts
        self._domains = domains
        self._sources = sources
        self._here = not apart
        self.worker = Worker(parts.runs, self._work, parts.settings.jobs)

    # --- asking for runs ---

    async def sync(
        self, by: Principal, source: str | None, domain: str | None, progress: OnProgress
    ) -> SyncReport:
        """Read one source, or all, one after the other; the report adds up what became of them."""
        reports: list[SyncReport] = []
        broken: RagError | None = None
        name = self._domains.get(domain).pack.name
        for one in await self._to_read(source, domain):
            try:
                ended = await self.worker.complete(
                    "sync", name, one, by.id, progress, here=self._here
                )
                reports.append(SyncReport.model_validate(_report(ended)))
            except RagError as error:
                # The first is raised: whoever asked reads it there.
                level = logging.WARNING if broken else logging.INFO
                log.log(level, "sync_failed", source=one.name, message=str(error))
                broken = broken or error
        if broken:
            raise broken
        return _summed(reports)

    async def rebuild(self, by: Principal, domain: str | None, progress: OnProgress) -> int:
        name = self._domains.get(domain).pack.name
        if await asyncio.to_thread(self._parts.ledger.generations.live, name) is None:
            raise NotFound("There is nothing to rebuild yet.", hint="Run: rag sync.")
        ended = await self.worker.complete("rebuild", name, None, by.id, progress, here=self._here)
        return int(_report(ended)["documents"])

    async def beside(
        self, by: Principal, domain: str, kind: Indexed, candidate: str, progress: OnProgress
    ) -> None:
        """Make an index of a candidate's beside the live one, kept as that is from then on; the
        candidate is listed once it is whole."""
        wanted = {kind: candidate}
        ended = await self.worker.complete(
            "rebuild", domain, None, by.id, progress, here=self._here, wanted=wanted
        )
        _report(ended)

    async def start(self, by: Principal, source: str, domain: str | None) -> Run:
        """A sync of the source that a worker will do. Raises Conflict while one is under way."""
        [one] = await self._to_read(source, domain)
        return await self.worker.request("sync", one.domain, one, by.id)

    async def sync_soon(self, by: Principal, source: str, domain: str | None) -> None:
        """Have a worker read the source now, where workers are, unless it is paused or being read.

        What is being read was changed before its run began, or the change would have been refused.
        """
        if self._here:
            return
        with suppress(Conflict):
            await self.start(by, source, domain)

    async def change(
        self, by: Principal, act: str, source: str, domain: str | None, change: Change
    ) -> int:
        """Do it now, and sweep what it took out. Raises Conflict while the source is synced.

        The run tells the act as its phase.
        """
        found = await self._sources.get(source, domain)

        async def work(run: Run, guard: Guard, progress: OnProgress) -> Mapping[str, Any]:
            progress(Progress(phase=act, done=0))
            parts = self._parts.guarded(guard)
            count = await change(parts, found)
            await Generations(parts).sweep(self._domains.get(domain), found.id)
            return {"documents": count}

        return int(_report(await self.worker.change(found.domain, found, by.id, work))["documents"])

    # --- looking at them ---

    async def list(
        self, source: str | None, domain: str | None, limit: int, after: str | None
    ) -> list[Run]:
        """The latest runs of a domain, or of a source, newest first; those after one of them."""
        name = self._domains.get(domain).pack.name
        chosen = None if source is None else (await self._sources.get(source, domain)).id
        return await asyncio.to_thread(self._parts.runs.history, name, chosen, limit, after)

    async def get(self, run_id: str, domain: str | None) -> Run:
        """Raises NotFound, also for a run of another domain."""
        found = await asyncio.to_thread(self._parts.runs.get, run_id)
        if found.domain != self._domains.get(domain).pack.name:
            raise NotFound("There is no such run.", hint="See: rag runs.")
        return found

    async def cancel(self, run_id: str, domain: str | None) -> Run:
        found = await self.get(run_id, domain)
        told = await asyncio.to_thread(self._parts.runs.cancel, found.id)
        if told.ended:
            return told
        # Where its worker is gone, nobody else may be there to end it.
        await self.worker.take_back_lost()
        return await asyncio.to_thread(self._parts.runs.get, found.id)

    async def follow(self, run_id: str, domain: str | None) -> AsyncIterator[Run]:
        async for run in self.worker.follow((await self.get(run_id, domain)).id):
            yield run

    async def schedule(
        self, source: str, schedule: Schedule | None, domain: str | None
    ) -> SourceInfo:
        """Let a source be read by itself from now on, or no more."""
        if schedule is not None and bool(schedule.cron) == bool(schedule.every_seconds):
            raise InvalidInput(
                "cron, every_seconds: a schedule is one of both.", hint="Leave one out."
            )
        due = next_due(schedule, self._parts.ledger.now()) if schedule else None
        found = await self._sources.get(source, domain)
        await asyncio.to_thread(self._parts.ledger.sources.schedule, found.id, schedule, due)
        return await self._sources.get(source, domain)

    # --- doing them ---

    async def _work(self, run: Run, guard: Guard, progress: OnProgress) -> Mapping[str, Any]:
        if run.kind in self._others:
            return await self._others[run.kind](run, guard, progress)
        parts = self._parts.guarded(guard)
        for kind in INDEXED:
            if candidate := run.wanted.get(kind):
                return {"documents": await self._beside(run, kind, candidate, parts, progress)}
        if run.kind == "rebuild":
            return {"documents": await self._rebuild(run, parts, progress)}
        return (await self._sync(run, parts, progress)).model_dump()

    async def _sync(self, run: Run, parts: Parts, progress: OnProgress) -> SyncReport:
        domain = self._domains.get(run.domain)
        source = await asyncio.to_thread(
            parts.ledger.sources.get, domain.pack.name, run.source_id or run.source
        )
        generations = Generations(parts)
        written = await generations.writable(domain)
        following = Following(parts)
        try:
            # Before the source is asked: of what was read already it may know no more.
            await following.catch_up(domain, written, source.id)
        except Superseded:
            raise
        except RagError as error:
            log.warning("index not caught up", generation=written.id, reason=error.message)
        writer = await generations.writer(domain, written)
        chunker = await parts.chunkers.of(writer.generation.chunking)
        connector = await self._sources.open(source)
        try:
            report = await self._syncer(parts, chunker).sync(source, connector, writer, progress)
        finally:
            await connector.aclose()
        await parts.index.optimize(writer.generation.id)
        await following.follow(domain, writer.generation, source.id)
        await following.prune(domain)
        return report

    async def _beside(
        self, run: Run, kind: Indexed, candidate: str, parts: Parts, progress: OnProgress
    ) -> int:
        domain, following = self._domains.get(run.domain), Following(parts)
        live = await asyncio.to_thread(parts.ledger.generations.live, domain.pack.name)
        if live is None:
            raise NotFound("There is nothing indexed yet.", hint="Run: rag sync.")
        pair = live.pair._replace(**{kind: candidate})
        # A candidate begins with passages of its own cut, and with no others.
        target = await following.fill(domain, pair, progress, exact=kind == "chunking")
        candidates = Candidates(parts.ledger.database, parts.ledger.now)
        await asyncio.to_thread(candidates.whole, candidate)
        await following.prune(domain)
        return (await asyncio.to_thread(parts.ledger.generations.placed, target.id))[0]

    async def _rebuild(self, run: Run, parts: Parts, progress: OnProgress) -> int:
        """Build a new generation from the kept documents, verify it, then switch to it at once."""
        domain = self._domains.get(run.domain)
        name = domain.pack.name
        generations, kept = Generations(parts), parts.ledger.generations
        live = await asyncio.to_thread(kept.live, name)
        if live is None:
            raise NotFound("There is nothing to rebuild yet.", hint="Run: rag sync.")
        stale = await asyncio.to_thread(kept.building, name)
        if stale is not None:
            await generations.drop(stale)
        target = await generations.new(domain, live.pair)
        chunker = await parts.chunkers.of(target.chunking)
        rebuilder = Rebuilder(parts.ledger, parts.blobs, chunker)
        following = Following(parts)
        await rebuilder.rebuild(live, await generations.writer(domain, target), progress)
        await following.catch_up(domain, target)
        await generations.verify(live, target)
        await parts.index.optimize(target.id)
        await asyncio.to_thread(kept.switch, target.id)
        await following.refill(domain, progress)
        return (await asyncio.to_thread(kept.placed, target.id))[0]

    def _syncer(self, parts: Parts, chunker: Chunker) -> Syncer:
        return Syncer(
            ledger=parts.ledger,
            blobs=parts.blobs,
            parse=parts.parsers.parse,
            chunker=chunker,
            settings=parts.settings.sync,
            workers=max(2, parts.settings.parsing.workers + 1),
        )

    async def _to_read(self, source: str | None, domain: str | None) -> list[SourceInfo]:
        """The source that was named, or all that are not paused."""
        if source is not None:
            one = await self._sources.get(source, domain)
            if one.paused:
                raise Conflict(
                    f"The source '{one.name}' is paused.",
                    hint=f"Let it be read again: rag source pause {one.name} --off.",
                )
            return [one]
        known = await self._sources.list(domain)
        if not known:
            raise NotFound(
                "There is no source yet.", hint="Add one: rag add files PATH --name NAME."
            )
        return [one for one in known if not one.paused]


def _report(ended: Run) -> Mapping[str, Any]:
    """What a run reported, or the error that it ended with."""
    if ended.error is not None:
        raise of_code(ended.error.code, ended.error.message, ended.error.hint)
    if not ended.ended:
        raise Unavailable(
            f"How the run {ended.id} ended could not be recorded.", hint="See: rag runs."
        )
    if ended.state != "succeeded":
        raise Conflict(f"The run {ended.id} was cancelled.", hint="Ask for it again.")
    return ended.report


def _summed(reports: list[SyncReport]) -> SyncReport:
    names = SyncReport.model_fields
    totals = {name: sum(getattr(report, name) for report in reports) for name in names}
    return SyncReport(**{**totals, "seconds": round(totals["seconds"], 3)})
