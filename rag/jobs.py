"""The worker: does runs, tells that it lives, and takes over from workers that died.

A run is claimed with a fence that only grows; the work gets a guard that every write of it has to
pass, so that a worker which slept while another took over changes nothing when it wakes.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar, cast

import structlog

from rag.config import JobSettings
from rag.errors import Conflict, InvalidInput, RagError
from rag.store.database import Guard
from rag.store.runs import Held, Job, Kind, Runs, slot_of
from rag.types import Progress, Run, RunError, RunProgress, Schedule, SourceInfo

T = TypeVar("T")
OnProgress = Callable[[Progress], None]
Work = Callable[[Run, Guard, OnProgress], Awaitable[Mapping[str, Any]]]
"""Does a run and returns its report; every write has to pass the guard."""

POLL_SECONDS = 1.0
"""How often it is seen what other processes have asked for, and what is due."""
WAIT_SECONDS = 0.1
"""How often someone who waits for a run looks."""

log = structlog.get_logger(__name__)


class Worker:
    """Does the runs of one data folder; any number of workers share them."""

    def __init__(self, runs: Runs, work: Work, settings: JobSettings) -> None:
        self._runs = runs
        self._work = work
        self._settings = settings
        self._name = _own_name()
        self._mine: set[str] = set()
        self._seen: dict[str, tuple[Held, float]] = {}
        self._woken = asyncio.Event()
        # Of its own: whatever keeps all other threads busy, a live run is not taken for lost.
        self._pulse = ThreadPoolExecutor(1, "heartbeat")

    async def serve(self) -> None:
        """Do whatever is asked for and due, until cancelled; others go on with what was begun."""
        doing: set[asyncio.Task[Run]] = set()
        try:
            while True:
                self._woken.clear()
                try:
                    await asyncio.to_thread(self._runs.plan, next_due)
                    await self.take_back_lost()
                    while len(doing) < self._settings.at_once:
                        run = await self._claimed()
                        if run is None:
                            break
                        task = asyncio.create_task(self._do(run, self._work))
                        doing.add(task)
                        task.add_done_callback(doing.discard)
                        task.add_done_callback(lambda _: self.wake())
                except RagError as error:
                    log.warning("worker cannot look for runs", reason=error.message)
                except Exception:
                    # Whatever it was, the next look may go well; nobody else would look.
                    log.exception("worker cannot look for runs")
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._woken.wait()
        finally:
            for task in doing:
                task.cancel()
            await asyncio.gather(*doing, return_exceptions=True)

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    async def change(self, domain: str, source: SourceInfo, by: str, work: Work) -> Run:
        """Something short that the caller does to a source at once, and how it ended.

        Raises Conflict, naming the run, while the source is worked on.
        """
        begin = partial(self._runs.begin, "change", domain, source, by, self._name)
        try:
            run = await self._taken(begin)
        except Conflict:
            # Whoever works on it may be gone, and nobody else there to see that.
            await self.take_back_lost()
            run = await self._taken(begin)
        return await self._do(run, work)

    async def request(self, kind: Kind, domain: str, source: SourceInfo | None, by: str) -> Run:
        """A run that a worker will do. Raises Conflict while one like it is under way."""
        run, _ = await asyncio.to_thread(self._runs.request, kind, domain, source, by)
        self.wake()
        return run

    async def complete(
        self,
        kind: Kind,
        domain: str,
        source: SourceInfo | None,
        by: str,
        progress: OnProgress,
        *,
        here: bool,
        wanted: Mapping[str, Any] | None = None,
    ) -> Run:
        """Ask for a run, after the one that is under way, and see it to its end; `wanted` is what
        it is asked for, where its kind and its source do not say.

        `here` does it in this task, and whatever must be done before it, rather than leave it to
        a worker that serves. Who asked for the run and leaves ends it.
        """
        while True:
            try:
                if wanted is None:
                    ask = partial(self._runs.request, kind, domain, source, by)
                    run, fresh = await asyncio.to_thread(ask)
                else:
                    job = Job(kind=kind, slot=slot_of(domain), wanted=wanted)
                    run, fresh = (
                        await asyncio.to_thread(self._runs.request_job, domain, job, by),
                        True,
                    )
            except Conflict:
                await self.take_back_lost()
                await asyncio.sleep(WAIT_SECONDS)
            else:
                break
        self.wake()
        try:
            if here:
                return await self._do_here(run, progress)
            async for seen in self.follow(run.id):
                run = seen
                _tell(run, progress)
            return run
        except asyncio.CancelledError:
            if fresh:
                await asyncio.to_thread(self._runs.cancel, run.id)
            raise

    async def follow(self, run_id: str) -> AsyncIterator[Run]:
        """The run now and whenever it changed, until it has ended. Raises NotFound."""
        last: Run | None = None
        while last is None or not last.ended:
            run = await asyncio.to_thread(self._runs.get, run_id)
            if run != last:
                yield run
            last = run
            await asyncio.sleep(0 if run.ended else WAIT_SECONDS)

    async def _do_here(self, run: Run, progress: OnProgress) -> Run:
        while not run.ended:
            if run.state == "queued":
                mine = await self._claimed(run.id)
                if mine is not None:
                    # Not ended even then where somebody took it over, or gave it up for lost.
                    run = await self._do(mine, self._work, progress)
                    continue
                # Something else must be done first, and perhaps nobody but us is there to do it.
                other = await self._claimed()
                if other is not None:
                    await self._do(other, self._work)
            else:
                _tell(run, progress)
            await self.take_back_lost()
            await asyncio.sleep(WAIT_SECONDS)
            run = await asyncio.to_thread(self._runs.get, run.id)
        return run

    async def _claimed(self, run_id: str | None = None) -> Run | None:
        return await self._taken(partial(self._runs.claim, self._name, run_id))

    async def _taken(self, take: Callable[[], T]) -> T:
        """The run that was taken; it is given back where the caller leaves before it is there."""
        taking = asyncio.get_running_loop().run_in_executor(None, take)
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            while not taking.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({taking})
            if taking.exception() is None and isinstance(run := taking.result(), Run):
                await asyncio.to_thread(self._runs.give_back, run)
            raise

    async def _do(self, run: Run, work: Work, progress: OnProgress | None = None) -> Run:
        """The run's end, once its work has stopped; it is given back when the caller leaves."""
        pace = _Pace(progress)
        leaving = stopping = False
        self._mine.add(run.id)
        try:
            task = asyncio.ensure_future(work(run, self._runs.guard(run), pace.note))
            while not task.done():
                try:
                    await asyncio.wait({task}, timeout=self._settings.heartbeat_seconds)
                    goes_on = task.done() or await self._beat(run, pace)
                except asyncio.CancelledError:
                    leaving, goes_on = True, False
                if not goes_on and not stopping:
                    # Once: it may need a while to end in good order, and is told no second time.
                    stopping = True
                    task.cancel()
            await asyncio.to_thread(self._settle, run, task, pace.now(), leaving)
        except RagError as error:
            # The lease runs out, and the run is done again.
            log.warning("run not recorded", run=run.id, reason=error.message)
        finally:
            self._mine.discard(run.id)
        if leaving:
            raise asyncio.CancelledError
        return await asyncio.to_thread(self._runs.get, run.id)

    def _settle(
        self,
        run: Run,
        task: asyncio.Future[Mapping[str, Any]],
        progress: RunProgress,
        leaving: bool,
    ) -> None:
        """Record how the work ended. Nothing happens to a run that is no longer ours."""
        if task.cancelled():
            if leaving:
                ours = self._runs.give_back(run)
            else:
                ours = self._runs.finish(run, "cancelled", progress=progress)
        elif (error := task.exception()) is None:
            ours = self._runs.finish(run, "succeeded", progress=progress, report=task.result())
        else:
            ours = self._runs.finish(run, "failed", progress=progress, error=_told(run, error))
        if not ours:
            log.warning("run was taken over", run=run.id, source=run.source)

    async def _beat(self, run: Run, pace: _Pace) -> bool:
        """Whether the work should go on. A database that is away for a while ends nothing."""
        try:
            word = await self._promptly(lambda: self._runs.beat(run, pace.now()))
        except RagError as error:
            log.warning("heartbeat not written", run=run.id, reason=error.message)
            return True
        return word == "go on"

    async def take_back_lost(self) -> None:
        """Free the runs of workers that are gone, or silent for longer than the lease."""
        now = time.monotonic()
        seen: dict[str, tuple[Held, float]] = {}
        for held in await self._promptly(self._runs.held):
            if held.id in self._mine:
                continue
            before, since = self._seen.get(held.id, (held, now))
            seen[held.id] = held, since if before == held else now
            if now - seen[held.id][1] >= self._settings.lease_seconds or _gone(held.worker):
                log.warning("worker lost", run=held.id, worker=held.worker)
                await self._promptly(partial(self._runs.take_back, held))
        self._seen = seen

    async def _promptly(self, call: Callable[[], T]) -> T:
        """The result of a short call, for which nothing but others of its kind is waited for."""
        return await asyncio.get_running_loop().run_in_executor(self._pulse, call)


class _Pace:
    """What a run last told, and how fast it goes."""

    def __init__(self, told: OnProgress | None) -> None:
        self._told = told
        self._last = Progress(phase="", done=0)
        self._since = time.monotonic()

    def note(self, progress: Progress) -> None:
        self._last = progress
        if self._told is not None:
            self._told(progress)

    def now(self) -> RunProgress:
        last = self._last
        rate = last.done / max(time.monotonic() - self._since, 0.001)
        return RunProgress(
            phase=last.phase,
            seen=max(last.total, last.done),
            done=last.done,
            failed=last.failed,
            rate=round(rate, 3),
            seconds_left=round((last.total - last.done) / rate, 1) if last.final and rate else None,
        )


def next_due(schedule: Schedule, now: datetime) -> datetime | None:
    """When it is due next; None where that is never. Raises InvalidInput for a wrong cron."""
    if schedule.every_seconds is not None:
        return now + timedelta(seconds=schedule.every_seconds)
    if not schedule.cron:
        return None
    # A tenth of a second that only schedules by cron are to cost.
    from croniter import croniter  # pyright: ignore[reportMissingTypeStubs]

    try:
        if len(schedule.cron.split()) != 5:
            raise ValueError("five fields are needed")
        return croniter(schedule.cron, now).get_next(datetime)
    except (ValueError, KeyError) as error:
        raise InvalidInput(
            f"cron: '{schedule.cron}' is no schedule: {error}.",
            hint="Give minute, hour, day, month and weekday, as in '0 * * * *' (UTC).",
        ) from error


def _tell(run: Run, progress: OnProgress) -> None:
    seen = run.progress
    if seen.phase:
        progress(Progress(phase=seen.phase, done=seen.done, total=seen.seen, failed=seen.failed))


def _told(run: Run, error: BaseException) -> RunError:
    known = _known(error)
    if known is None:
        log.error("run broke", run=run.id, kind=run.kind, exc_info=error)
        known = RagError(f"{type(error).__name__}: {error}", hint="The log has the rest.")
    return RunError(code=known.code, message=known.message, hint=known.hint)


def _known(error: BaseException) -> RagError | None:
    """The error of ours that ended it, or None where something else did."""
    if isinstance(error, BaseExceptionGroup):
        causes = [
            _known(one) for one in cast("BaseExceptionGroup[BaseException]", error).exceptions
        ]
        return causes[0] if None not in causes else None
    return error if isinstance(error, RagError) else None


def _own_name() -> str:
    return f"{_place()}:{os.getpid()}:{_begun(os.getpid()) or ''}"


def _gone(worker: str) -> bool:
    """Whether a worker of this machine is surely dead; nothing is known of another machine's."""
    place, pid, begun = worker.rsplit(":", 2)
    return place == _place() and bool(begun) and _begun(int(pid)) not in (begun, None)


@cache
def _place() -> str:
    """Where a process id means something: this host since it started, the container within it.

    Copies of a machine have its name and the numbers of its containers, but start on their own.
    """
    space, boot = Path("/proc/self/ns/pid"), Path("/proc/sys/kernel/random/boot_id")
    started = boot.read_text().strip() if boot.exists() else ""
    return f"{socket.gethostname()}/{started}/{space.stat().st_ino if space.exists() else 0}"


def _begun(pid: int) -> str | None:
    """When a process began, in ticks since the machine did; empty when it does not run.

    None where that cannot be seen.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
