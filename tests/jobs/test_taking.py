"""What is taken is done, given back, or freed by whoever sees that its worker is gone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rag import jobs
from rag.config import JobSettings
from rag.jobs import OnProgress, Work, Worker
from rag.store.database import Database, Guard
from rag.store.ledger import Ledger
from rag.store.runs import Runs
from rag.types import Run, utc_now

SETTINGS = JobSettings(heartbeat_seconds=0.1, lease_seconds=55)


class Setup:
    def __init__(self, root: Path) -> None:
        self.database = Database(f"sqlite:///{root / 'ratchet.db'}")
        self.database.migrate()
        ledger = Ledger(self.database)
        ledger.generations.add("test", {}, 4, "live")
        self.docs = ledger.sources.add("test", "docs", "files", {})
        self.runs = Runs(self.database, utc_now)

    def worker(self, work: Work) -> Worker:
        return Worker(self.runs, work, SETTINGS)

    def ask(self) -> Run:
        return self.runs.request("sync", "test", self.docs, "me")[0]

    def lose(self) -> None:
        """What another process does when it takes the run's worker for dead."""
        [held] = self.runs.held()
        self.runs.take_back(held)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path)
    yield made
    made.database.close()


async def nothing(run: Run, guard: Guard, progress: OnProgress) -> Mapping[str, Any]:
    return {}


def told(story: Callable[[], Awaitable[None]]) -> None:
    async def soon() -> None:
        async with asyncio.timeout(30):
            await story()

    asyncio.run(soon())


def test_a_heart_beats_while_all_threads_are_busy(at: Setup) -> None:
    free = threading.Event()

    async def work(run: Run, guard: Guard, progress: OnProgress) -> Mapping[str, Any]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        stuck = asyncio.ensure_future(asyncio.to_thread(free.wait))
        try:
            async with asyncio.timeout(10):
                while at.runs.held()[0].beats < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        finally:
            free.set()
            await stuck
        return {}

    async def story() -> None:
        run = await at.worker(work).complete("sync", "test", at.docs, "me", print, here=True)
        assert (run.state, run.error) == ("succeeded", None)

    told(story)


@pytest.mark.parametrize("how", ["claim", "begin"])
def test_who_leaves_while_a_run_is_taken_keeps_it_from_nobody(
    at: Setup, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    taken, free = threading.Event(), threading.Event()
    take = getattr(at.runs, how)

    def slowly(*given: Any) -> Run | None:
        run = take(*given)
        taken.set()
        free.wait()
        return run

    async def story() -> None:
        monkeypatch.setattr(at.runs, how, slowly)
        worker = at.worker(nothing)
        if how == "claim":
            at.ask()
            leaving = asyncio.ensure_future(worker.serve())
        else:
            leaving = asyncio.ensure_future(worker.change("test", at.docs, "me", nothing))
        await asyncio.to_thread(taken.wait)
        leaving.cancel()
        await asyncio.sleep(0)
        free.set()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert at.runs.held() == []
        [left] = at.runs.history("test")
        assert left.state == ("queued" if how == "claim" else "cancelled")

    told(story)


def test_who_waits_for_a_run_that_was_taken_over_sees_its_end(at: Setup) -> None:
    async def work(run: Run, guard: Guard, progress: OnProgress) -> Mapping[str, Any]:
        if run.fence == 1:
            at.lose()
        return {"added": run.fence}

    async def story() -> None:
        run = await at.worker(work).complete("sync", "test", at.docs, "me", print, here=True)
        assert (run.state, run.report, run.fence) == ("succeeded", {"added": 2}, 2)

    told(story)


def test_a_change_that_was_taken_over_is_not_called_cancelled_alone(at: Setup) -> None:
    async def work(run: Run, guard: Guard, progress: OnProgress) -> Mapping[str, Any]:
        at.lose()
        return {}

    async def story() -> None:
        run = await at.worker(work).change("test", at.docs, "me", work)
        assert run.state == "cancelled"
        assert run.error is not None
        assert run.error.code == "superseded"

    told(story)


def test_only_a_process_that_is_surely_not_there_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = f"{jobs._place()}:4194305:17"
    assert jobs._gone(worker)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert not jobs._gone(worker.replace(boot, "another start")), "a copy of this machine"

    def unreadable(path: Path, **given: Any) -> str:
        raise PermissionError(path)

    monkeypatch.setattr(Path, "read_text", unreadable)
    assert not jobs._gone(worker), "it cannot be seen"
