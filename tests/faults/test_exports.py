"""Builds and exports that are killed, or whose disk or database fails: whole or not at all.

After a fault nothing half is listed or lies where a dataset or an export belongs; the same again
goes on, and gives the bytes that it would have given.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from rag.errors import Unavailable
from rag.learn.built import MANIFEST, Built
from rag.store import database
from rag.store.database import Database
from rag.store.datasets import Datasets
from rag.types import utc_now
from tests.app.stages import ALL
from tests.app.test_app import ANNA, BOB, add_documents, open_app
from tests.app.test_datasets import COLOUR, DOWN, UP, WEIGHT, rated
from tests.faults.conftest import Disk
from tests.faults.curator import CURATOR, FULL, REFUSED, SPEC

REPO = Path(__file__).parents[2]
DATASET_STEPS = (
    *("gather:1", "gather:9", "gathered:1", "row:1", "row:7", "file:1", "file:3"),
    *("card:1", "sync:1", "sync:5", "keep:1"),
)
EXPORT_STEPS = ("exporting:1", "listing:1", "listing:2", "sync:1", "sync:3")
FORMATS = ("trl-sft", "beir", "parquet", "csv", "llama-index")


class Curation:
    """A data folder in which people said something, and processes that make datasets of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.datasets = root / "data" / "datasets"
        self._process: subprocess.Popen[str] | None = None
        asyncio.run(self._said())

    async def _said(self) -> None:
        app = open_app(self.root)
        try:
            await add_documents(app, self.root)
            for who in (ANNA, BOB):
                await app.agree(who, ALL)
                for question in (WEIGHT, COLOUR, "Tell me of the flange.", "What weighs 40 kg?"):
                    await rated(app, who, question, UP if who is ANNA else DOWN)
        finally:
            await app.aclose()

    def run(self, what: str, step: str = "-", until: Callable[[int], None] | None = None) -> int:
        """How a process ended that builds, or exports in a format; killed at a step."""
        if self._process is None:
            self.start()
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{step} {what}\n")
        self._process.stdin.flush()
        begun = self._told("begun")
        if until is not None:
            until(begun)
        return self._told("ended")

    def start(self) -> None:
        self._errors = (self.root / "curators.log").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.curator", str(self.root)],
            cwd=REPO,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._told("ready")

    def _told(self, word: str) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        said, _, number = self._process.stdout.readline().partition(" ")
        assert said == word, (said, number, self.log())
        return int(number)

    def log(self) -> str:
        return (self.root / "curators.log").read_text()[-2_000:]

    def close(self) -> None:
        if self._process is not None:
            with self._process:
                self._process.kill()
            self._errors.close()
            self._process = None

    # --- what is there ---

    def listed(self) -> list[tuple[str, int]]:
        """The versions of which people are told, each of them there and whole."""
        opened = Database(f"sqlite:///{self.root / 'data' / 'ratchet.db'}")
        try:
            found = Datasets(opened, utc_now).list("test")
        finally:
            opened.close()
        for one in found:
            folder = self.datasets / "test" / one.version[:16]
            assert_whole(folder)
            assert one.manifest == json.loads((folder / MANIFEST).read_bytes())
        return [(one.name, one.number) for one in found]

    def bytes_of(self, below: str) -> dict[str, bytes]:
        """Every file of datasets or of exports, but for what is being made."""
        found = self.datasets / below
        return {
            path.relative_to(found).as_posix(): path.read_bytes()
            for path in sorted(found.rglob("*"))
            if path.is_file() and not any(part.startswith(".unf") for part in path.parts)
        }

    def left(self) -> list[str]:
        """What an ended process left lying where the next one would begin."""
        return [
            *(path.name for path in self.datasets.rglob(".unfinished-*")),
            *(path.name for path in self.datasets.glob(".building/*/*")),
        ]


def assert_whole(folder: Path) -> None:
    held = Built(folder)
    assert sum(
        sum(1 for _ in held.rows(task, split))
        for task, splits in held.manifest.rows.items()
        for split in splits
    ) == sum(sum(splits.values()) for splits in held.manifest.rows.values())


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Curation]:
    """Where nothing fails."""
    made = Curation(tmp_path_factory.mktemp("quiet"))
    yield made
    made.close()


@pytest.fixture
def curation(quiet: Curation) -> Curation:
    """Nothing is built there yet."""
    forget(quiet)
    return quiet


@pytest.fixture
def failing(curation: Curation, disk: Disk) -> Iterator[Curation]:
    """Its processes are on the disk, and were there before it failed."""
    curation.close()
    curation.start()
    yield curation
    curation.close()


def forget(curation: Curation) -> None:
    subprocess.run(["rm", "-rf", curation.datasets], check=True)
    with closing(sqlite3.connect(curation.root / "data" / "ratchet.db")) as sql, sql:
        sql.execute("DELETE FROM datasets")
        sql.execute("DELETE FROM dataset_splits")


@contextmanager
def exclusively(curation: Curation) -> Iterator[None]:
    """As long as somebody else writes to the database."""
    path = curation.root / "data" / "ratchet.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("COMMIT")
        other.close()


# --- kill -9 ---


def test_144_a_build_that_is_killed_anywhere_goes_on_to_the_same_bytes(curation: Curation) -> None:
    assert curation.run("build") == 0, curation.log()
    wanted = curation.bytes_of("test")
    assert len(wanted) > 5
    for step in DATASET_STEPS:
        forget(curation)
        assert curation.run("build", step) == -signal.SIGKILL, step
        assert curation.listed() == [], step
        # What has a name is whole, though nobody is told of it yet.
        assert all(path.parent.joinpath(MANIFEST).exists() for path in folders(curation)), step
        assert curation.run("build") == 0, (step, curation.log())
        assert curation.listed() == [("month", 1)]
        assert curation.bytes_of("test") == wanted, step
        assert curation.left() == []


def test_a_build_that_gets_no_more_memory_goes_on_to_the_same_bytes(curation: Curation) -> None:
    assert curation.run("build") == 0, curation.log()
    wanted = curation.bytes_of("test")
    for step in ("gather:6", "row:1", "file:1", "card:1"):
        forget(curation)
        assert curation.run("build", f"{step}!") != 0, step
        assert curation.listed() == [], step
        assert curation.run("build") == 0, (step, curation.log())
        assert curation.bytes_of("test") == wanted, step
        assert curation.left() == []
    assert "MemoryError" in curation.log()


def folders(curation: Curation) -> Iterator[Path]:
    """Where versions are, not what is being written."""
    return curation.datasets.glob("test/[0-9a-f]*/*")


def test_144_a_build_killed_again_and_again_ends(curation: Curation) -> None:
    """Each time a little further; nothing is gathered twice."""
    for _ in range(3):
        assert curation.run("build", "gather:6") == -signal.SIGKILL
    moment = 0.02

    def soon(process: int) -> None:
        nonlocal moment
        time.sleep(moment)
        moment *= 2
        # It may have ended; its number is not given to another one so soon.
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)

    while curation.run("build", until=soon) == -signal.SIGKILL:
        assert curation.listed() in ([], [("month", 1)])
    assert curation.listed() == [("month", 1)]
    assert curation.left() == []


@pytest.mark.parametrize("name", FORMATS)
def test_144_an_export_that_is_killed_anywhere_is_made_again(curation: Curation, name: str) -> None:
    assert (curation.run("build"), curation.run(name)) == (0, 0), curation.log()
    wanted = curation.bytes_of(".exports")
    assert len(wanted) >= 4
    for step in EXPORT_STEPS:
        subprocess.run(["rm", "-rf", curation.datasets / ".exports"], check=True)
        assert curation.run(name, step) == -signal.SIGKILL, step
        assert curation.bytes_of(".exports") == {}, step
        assert curation.run(name) == 0, (step, curation.log())
        assert curation.bytes_of(".exports") == wanted, step
        assert curation.left() == []


# --- the disk ---


@pytest.mark.parametrize("fault", ["full", "broken"])
@pytest.mark.parametrize("what", ["build", "trl-sft", "parquet"])
def test_143_a_disk_that_takes_nothing_leaves_nothing(
    failing: Curation, disk: Disk, fault: str, what: str
) -> None:
    if what != "build":
        assert failing.run("build") == 0, failing.log()
    before = failing.listed(), failing.bytes_of(".exports")
    # As by a server that was there before the disk failed.
    with closing(sqlite3.connect(failing.root / "data" / "ratchet.db")) as other:
        other.execute("SELECT count(*) FROM datasets").fetchone()
        with disk.fault(fault):
            assert failing.run(what) == (FULL if fault == "full" else REFUSED)
    assert (failing.listed(), failing.bytes_of(".exports")) == before
    assert not [*failing.datasets.rglob(".unfinished-*")]
    assert failing.run(what) == 0, failing.log()
    assert failing.listed() == [("month", 1)]


# --- the database ---


def test_a_build_reads_on_while_somebody_else_writes(
    curation: Curation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.2)

    async def story() -> None:
        app = open_app(curation.root)
        try:
            with exclusively(curation), pytest.raises(Unavailable, match="locked") as caught:
                await app.datasets.build(CURATOR, SPEC, None, lambda _: None)
            assert (caught.value.status, caught.value.retryable) == (503, True)
            held = ExitStack()
            with pytest.raises(Unavailable, match="locked"):
                await app.datasets.build(
                    CURATOR, SPEC, None, lambda _: held.enter_context(exclusively(curation))
                )
            held.close()
            assert await app.datasets.list(CURATOR, None) == []
            seen: list[int] = []
            await app.datasets.build(CURATOR, SPEC, None, lambda told: seen.append(told.done))
            assert seen == [], "everything was read while the other was writing"
            with exclusively(curation):
                # It is made, and that it was has to be written down.
                with pytest.raises(Unavailable, match="locked"):
                    await app.datasets.export(CURATOR, "month", "csv", None)
                made = curation.bytes_of(".exports")
                assert made
            await app.datasets.export(CURATOR, "month", "csv", None)
            assert curation.bytes_of(".exports") == made
        finally:
            await app.aclose()

    asyncio.run(story())


@pytest.mark.parametrize("hours", [24, -1])
def test_a_clock_that_is_wrong_makes_no_name_twice(curation: Curation, hours: int) -> None:
    async def story() -> None:
        app = open_app(curation.root)
        try:
            await app.datasets.build(CURATOR, SPEC, None, lambda _: None)
            right = app._parts.ledger.now
            app._parts.ledger.now = lambda: right() + timedelta(hours=hours)
            app.datasets._kept.now = app._parts.ledger.now
            for review in ("raw", "rejected"):
                spec = SPEC.model_copy(update={"review": ("accepted", review)})
                await app.datasets.build(CURATOR, spec, None, lambda _: None)
            found = await app.datasets.list(CURATOR, None)
            assert sorted(one.number for one in found) == [1, 2, 3]
            assert (await app.datasets.get(CURATOR, "month", None)).number == 3
            assert len({one.version for one in found}) == 3
        finally:
            await app.aclose()

    asyncio.run(story())
