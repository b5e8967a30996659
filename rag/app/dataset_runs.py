"""Datasets built, and taken in by the libraries that read them, as durable runs."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Mapping
from threading import Event
from typing import Any, TypeVar

from rag.app.accounts import Accounts
from rag.app.datasets import Datasets
from rag.app.domains import Domains
from rag.app.parts import Parts
from rag.app.people import People
from rag.app.runs import Runs
from rag.datasets import Dataset, DatasetSpec, ToVerify, Verification, line
from rag.errors import Forbidden, NotFound, Superseded
from rag.jobs import OnProgress
from rag.learn.preflight.verifying import fits, verify
from rag.store.database import Guard
from rag.store.datasets import Datasets as Kept
from rag.store.runs import Job
from rag.types import Principal, Progress, Role, Run

T = TypeVar("T")
KINDS = ("build", "verify")
MAKES = "make environment"
TAKES_IN = "take in"
"""Phases of a verification: an environment is made once for each consumer."""


class DatasetWork:
    """What those runs do, whoever has the run: as whoever asked for it, if they still may."""

    def __init__(
        self,
        parts: Parts,
        domains: Domains,
        people: People,
        datasets: Datasets,
        accounts: Accounts,
    ) -> None:
        self._parts = parts
        self._domains = domains
        self._people = people
        self._datasets = datasets
        self._accounts = accounts
        self._kept = Kept(parts.ledger.database, parts.ledger.now)

    async def build(self, run: Run, guard: Guard, progress: OnProgress) -> Mapping[str, Any]:
        """Goes on with what a build of the same had gathered when it was cut off."""
        who = await self._who(run)
        spec = DatasetSpec.model_validate(run.wanted["spec"])
        stop = Event()

        def told(step: Progress) -> None:
            if stop.is_set():
                raise Superseded("It was stopped.")
            progress(step)

        made = await _whole(self._datasets.build(who, spec, run.domain, told), stop)
        return {"dataset": f"{made.name}@{made.number}", "rows": made.rows}

    async def verify(self, run: Run, guard: Guard, progress: OnProgress) -> Mapping[str, Any]:
        """Keeps what came of it with the version."""
        who = await self._who(run)
        wanted = ToVerify.model_validate(run.wanted["verify"])
        name: str = run.wanted["dataset"]
        found, folder = await self._datasets.written(who, name, wanted.format, run.domain)
        stop = Event()
        progress(Progress(phase=TAKES_IN, done=0, total=found.rows))

        def say(word: str) -> None:
            phase = MAKES if word.startswith("Making") else TAKES_IN
            progress(Progress(phase=phase, done=0, total=found.rows))

        report = await _whole(
            asyncio.to_thread(
                verify,
                folder,
                wanted.consumer,
                self._parts.settings.data,
                train_steps=wanted.train_steps,
                max_length=wanted.max_length,
                say=say,
                stopped=stop.is_set,
            ),
            stop,
        )
        # Where its folder is on this machine is nobody's business.
        report = report.model_copy(update={"folder": name})
        await asyncio.to_thread(
            self._kept.verified, run.id, found.version, wanted.format, report, run.requested_by
        )
        await self._accounts.wrote(
            who, "verify dataset", name, consumer=wanted.consumer, format=report.format,
            ok=report.ok,
        )  # fmt: skip
        return {
            "dataset": name, "consumer": wanted.consumer, "format": report.format, "ok": report.ok,
            "rows": sum(one.rows for one in report.loaded),
            "kept": sum(one.kept for one in report.loaded),
        }  # fmt: skip

    async def _who(self, run: Run) -> Principal:
        """Whoever asked for it, as what they are now."""
        found = await asyncio.to_thread(self._people.person, run.requested_by, run.domain)
        if Role.DATA not in found.roles:
            raise Forbidden(f"'{found.id}' no longer has the role '{Role.DATA.value}'.")
        return found


class DatasetRuns:
    """The verbs of those runs."""

    def __init__(self, parts: Parts, domains: Domains, datasets: Datasets, runs: Runs) -> None:
        self._runs = runs
        self._domains = domains
        self._datasets = datasets
        self._table = parts.runs
        self._kept = Kept(parts.ledger.database, parts.ledger.now)

    async def build(self, principal: Principal, spec: DatasetSpec, domain: str | None) -> Run:
        """A build that a worker will do. Raises Conflict while one of the same is under way."""
        name = self._domains.get(domain).pack.name
        said = spec.model_dump(mode="json")
        slot = f"build:{_digest(f'{name} {line(said)}')}"
        wanted = {"dataset": spec.name, "spec": said}
        return await self._asked(name, Job(kind="build", slot=slot, wanted=wanted), principal)

    async def verify(
        self, principal: Principal, name: str, wanted: ToVerify, domain: str | None
    ) -> Run:
        """Have a consumer take in a version; a worker sees to it, to one after the other.

        Raises InvalidInput where it does not read that format, NotFound, Conflict for one that is
        withdrawn or while it is being taken in, and as `Datasets.folder`.
        """
        fits(wanted.consumer, wanted.format or "dataset", wanted.train_steps)
        found = await self._datasets.get(principal, name, domain)
        said = f"{found.name}@{found.number}"
        await self._datasets.folder(principal, said, domain)
        slot = f"{_slots(found)}{_digest(f'{wanted.consumer} {wanted.format}')}"
        asked = {"dataset": said, "verify": wanted.model_dump(mode="json")}
        return await self._asked(
            found.domain, Job(kind="verify", slot=slot, wanted=asked), principal
        )

    async def verifications(
        self, principal: Principal, name: str, domain: str | None
    ) -> tuple[list[Verification], list[Run]]:
        """What consumers said of a version, newest first; and the runs of it that came to no such
        word, or are under way. Raises as `Datasets.folder`."""
        found = await self._datasets.get(principal, name, domain)
        await self._datasets.folder(principal, f"{found.name}@{found.number}", domain)
        said = await asyncio.to_thread(self._kept.verifications, found.version)
        runs = await asyncio.to_thread(
            self._table.jobs, found.domain, "verify", slots=_slots(found)
        )
        return said, [run for run in runs if run.state != "succeeded"]

    async def builds(self, principal: Principal, domain: str | None) -> list[Run]:
        """The latest builds that were asked for, newest first."""
        name = self._domains.get(domain).pack.name
        return await asyncio.to_thread(self._table.jobs, name, "build")

    async def run(self, principal: Principal, run_id: str, domain: str | None) -> Run:
        """Raises NotFound, also for a run of anything else."""
        found = await self._runs.get(run_id, domain)
        if found.kind not in KINDS:
            raise NotFound("There is no such run.", hint="See: rag runs.")
        return found

    async def follow(
        self, principal: Principal, run_id: str, domain: str | None
    ) -> AsyncIterator[Run]:
        """The run now and whenever it changed, until it has ended."""
        await self.run(principal, run_id, domain)
        async for found in self._runs.follow(run_id, domain):
            yield found

    async def cancel(self, principal: Principal, run_id: str, domain: str | None) -> Run:
        """Let it end soon. May be said again."""
        await self.run(principal, run_id, domain)
        return await self._runs.cancel(run_id, domain)

    async def _asked(self, domain: str, job: Job, by: Principal) -> Run:
        run = await asyncio.to_thread(self._table.request_job, domain, job, by.id)
        self._runs.worker.wake()
        return run


async def _whole(work: Awaitable[T], stop: Event) -> T:
    """What came of work in a thread; where whoever waits is told to leave, it ends first."""
    doing = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({doing})
        raise


def _digest(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _slots(found: Dataset) -> str:
    return f"verify:{found.version[:16]}:"
