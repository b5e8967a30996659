"""The parser pool: a document costs itself at most, and no process outlives its owner."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psutil
import pytest

from rag.app.composition import PARSERS
from rag.config import ParsingSettings
from rag.errors import DocumentFailed, DocumentRejected
from rag.ingest.parsing import ParserPool
from rag.ingest.samples import WORDS, samples
from rag.types import Document, RawDocument

HOSTILE = ("tests.ingest.hostile:HostileParser",)


def raw(text: str, name: str = "a.txt") -> RawDocument:
    return RawDocument(key=name, uri=f"memory:{name}", name=name, data=text.encode())


Test = Callable[[ParserPool], Awaitable[None]]
Shared = Callable[[Test], None]


@pytest.fixture(scope="module")
def shared() -> Iterator[Shared]:
    """Run tests with one pool: what one of them does to it must not trouble the next."""
    with asyncio.Runner() as runner:

        async def made() -> ParserPool:
            return ParserPool(ParsingSettings(workers=1, wall_seconds=4), HOSTILE)

        pool = runner.run(made())
        yield lambda test: runner.run(test(pool))
        runner.run(pool.aclose())


def pooled(test: Test, **settings: int) -> None:
    """Run a test with a pool of its own, and check that nothing is left of it."""

    async def run() -> set[int]:
        pool = ParserPool(ParsingSettings(**{"workers": 1, **settings}), HOSTILE)
        try:
            await test(pool)
            return _children() - before
        finally:
            await pool.aclose()

    before = _children()
    left = asyncio.run(run())
    assert left
    assert not _alive(left)


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def _alive(pids: set[int], wait_s: float = 10) -> set[int]:
    until = time.monotonic() + wait_s
    while time.monotonic() < until and any(psutil.pid_exists(pid) for pid in pids):
        time.sleep(0.05)
    return {pid for pid in pids if psutil.pid_exists(pid)}


REJECTED = {
    "sleep 60": "timeout",
    "stop": "timeout",
    "hog 4000": "resource_limit",
    "crash": "corrupt",
    "exit 3": "corrupt",
    "raise broken structure": "corrupt",
    "truncated image": "corrupt",
    "misfit": "corrupt",
    "recurse": "nesting",
    "...": "no_text",
}


def test_a_bad_document_is_rejected_and_the_pool_goes_on(shared: Shared) -> None:
    async def test(pool: ParserPool) -> None:
        assert (await pool.parse(raw("good before"))).text == "good before"
        for text, reason in REJECTED.items():
            rejection, good = await asyncio.gather(
                pool.parse(raw(text, "bad.txt")),
                pool.parse(raw("good after")),
                return_exceptions=True,
            )
            assert isinstance(rejection, DocumentRejected), text
            assert rejection.reason == reason
            assert "'bad.txt'" in rejection.message
            assert isinstance(good, Document), text

    shared(test)


@pytest.mark.skipif(sys.platform != "linux", reason="the order is the kernel's of Linux")
def test_a_parser_dies_first_when_memory_runs_out(shared: Shared) -> None:
    async def test(pool: ParserPool) -> None:
        assert (await pool.parse(raw("oom"))).text.strip() == "1000"

    shared(test)


def test_a_parser_that_never_stops_computing_is_ended_by_the_kernel() -> None:
    async def test(pool: ParserPool) -> None:
        with pytest.raises(DocumentRejected, match="CPU time") as caught:
            await pool.parse(raw("spin"))
        assert caught.value.reason == "timeout"
        assert (await pool.parse(raw("good after"))).text == "good after"

    pooled(test, wall_seconds=60, cpu_seconds=1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("killed", "parser_killed"),
        ("later on", "busy"),
        ("import no_such_library", "parser_broken"),
        ("wrap no_such_library", "parser_broken"),
        ("dlopen libnone.so.9", "parser_broken"),
        ("open /no/such/table", "parser_broken"),
    ],
)
def test_what_may_succeed_later_is_a_failure_and_no_rejection(
    shared: Shared, text: str, reason: str
) -> None:
    async def test(pool: ParserPool) -> None:
        with pytest.raises(DocumentFailed) as caught:
            await pool.parse(raw(text))
        assert caught.value.reason == reason
        assert (await pool.parse(raw("good after"))).text == "good after"

    shared(test)


def test_a_worker_killed_while_idle_costs_no_document(shared: Shared) -> None:
    async def test(pool: ParserPool) -> None:
        before = (await pool.parse(raw("pid"))).text.split()
        os.kill(int(before[1]), signal.SIGKILL)
        _alive({int(before[1])}, 0.2)
        after = (await pool.parse(raw("pid"))).text.split()
        assert after[1] != before[1]
        assert after[2] == before[2]

    shared(test)


def test_a_killed_server_is_started_again() -> None:
    async def test(pool: ParserPool) -> None:
        first = (await pool.parse(raw("pid"))).text.split()
        os.kill(int(first[2]), signal.SIGKILL)
        assert not _alive({int(first[1])})
        assert (await pool.parse(raw("good again"))).text == "good again"

    pooled(test)


def test_a_worker_serves_many_documents_and_is_replaced_when_it_grew(shared: Shared) -> None:
    async def test(pool: ParserPool) -> None:
        pids = [(await pool.parse(raw("pid"))).text for _ in range(5)]
        assert len(set(pids)) == 1
        await pool.parse(raw("hog 400"))
        assert (await pool.parse(raw("pid"))).text != pids[0]

    shared(test)


def test_the_event_loop_goes_on_while_a_parser_spins_and_a_large_document_arrives(
    shared: Shared,
) -> None:
    async def test(pool: ParserPool) -> None:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        await pool.parse(raw("warm up"))
        ticking = asyncio.create_task(tick())
        document = await pool.parse(raw("many 50000"))
        assert len(document.blocks) == 50_000
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pool.parse(raw("spin")), 1)
        ticking.cancel()
        assert ticks > 20

    shared(test)


def test_a_cancelled_parse_frees_its_worker_and_what_that_had_started(shared: Shared) -> None:
    async def test(pool: ParserPool) -> None:
        started = int((await pool.parse(raw("child"))).text.split()[1])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pool.parse(raw("sleep 60")), 0.5)
        assert (await pool.parse(raw("good after"))).text == "good after"
        await asyncio.to_thread(_alive, {started})
        assert not psutil.pid_exists(started)

    shared(test)


def test_parsers_see_no_secrets_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_API_KEY", "secret")

    async def test(pool: ParserPool) -> None:
        assert "RAG_API_KEY" not in (await pool.parse(raw("env"))).text
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(DocumentRejected, match="no network"):
                await pool.parse(raw(f"connect {port}"))

    pooled(test)


def test_the_parsers_read_the_samples_without_torch() -> None:
    """spaCy takes it where it is found: its CUDA build reserves more than a parser may use."""

    async def run() -> tuple[dict[str, bool], set[str]]:
        pool = ParserPool(ParsingSettings(workers=1), (*HOSTILE, *PARSERS))
        try:
            read = {one.name: WORDS in (await pool.parse(one)).text for one in samples()}
            return read, set((await pool.parse(raw("modules"))).text.split())
        finally:
            await pool.aclose()

    read, modules = asyncio.run(run())
    assert len(read) == 4
    assert all(read.values()), read
    assert "thinc.compat" in modules
    assert "torch" not in modules


def test_what_is_too_large_never_reaches_a_parser() -> None:
    async def run() -> None:
        pool = ParserPool(ParsingSettings(max_bytes=10), HOSTILE)
        with pytest.raises(DocumentRejected) as caught:
            await pool.parse(raw("more than ten bytes"))
        assert caught.value.reason == "too_large"
        await pool.aclose()

    asyncio.run(run())


def test_a_parser_that_cannot_load_is_a_failure_that_says_why() -> None:
    async def run() -> None:
        pool = ParserPool(ParsingSettings(), ("tests.ingest.hostile:NoParser",))
        with pytest.raises(DocumentFailed, match="no such engine here"):
            await pool.parse(raw("words"))
        await pool.aclose()

    asyncio.run(run())


def test_a_closed_pool_parses_nothing() -> None:
    async def test(pool: ParserPool) -> None:
        await pool.parse(raw("words"))
        waiting = asyncio.create_task(pool.parse(raw("sleep 60")))
        await asyncio.sleep(0.3)
        await pool.aclose()
        with pytest.raises(DocumentFailed):
            await waiting
        with pytest.raises(DocumentFailed):
            await pool.parse(raw("words"))
        assert not _alive(_children() - before)

    before = _children()
    asyncio.run(test(ParserPool(ParsingSettings(workers=1), HOSTILE)))


OWNER = """
import asyncio, sys
from rag.config import ParsingSettings
from rag.ingest.parsing import ParserPool
from rag.types import RawDocument

async def main():
    pool = ParserPool(ParsingSettings(workers=2), ("tests.ingest.hostile:HostileParser",))
    def raw(text):
        return RawDocument(key="a", uri="a", name="a.txt", data=text.encode())
    print((await pool.parse(raw("pid"))).text, flush=True)
    print((await pool.parse(raw("child"))).text, flush=True)
    await asyncio.gather(*(pool.parse(raw("sleep 300")) for _ in range(2)))

asyncio.run(main())
"""


def test_no_process_outlives_an_owner_that_is_killed() -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True, cwd=root
    ) as owner:
        assert owner.stdout
        for _ in range(2):
            assert "process" in owner.stdout.readline()
        children = psutil.Process(owner.pid).children(recursive=True)
        until = time.monotonic() + 10
        while len(children) < 4 and time.monotonic() < until:
            children = psutil.Process(owner.pid).children(recursive=True)
        assert len(children) == 4
        owner.kill()
    assert not _alive({child.pid for child in children})
