"""E2: what file systems and tables do to a listing, where the connectors' own tests leave a gap.

`test_covered.py` says where every number of E2 and E3 is tested.
"""

import asyncio
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from connectors import files
from connectors.files import FilesConfig, FilesConnector
from connectors.sql import SqlConfig, SqlConnector
from rag.errors import DocumentFailed, SourceError
from rag.types import Cursor
from tests.connectors.test_files import fetch, keys, listing
from tests.ingest.test_sync import answerable, counts, run
from tests.support import Bench


def test_50_a_hard_link_is_a_file_and_a_device_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("twice")
    (tmp_path / "b.txt").hardlink_to(tmp_path / "a.txt")
    assert keys(listing(tmp_path)) == ["a.txt", "b.txt"]
    with pytest.raises(SourceError, match="neither a folder nor a file"):
        listing(Path("/dev/zero"))
    try:
        os.mknod(tmp_path / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("making a device needs more rights than this user has")
    assert keys(listing(tmp_path), "skipped") == ["zero"]


def test_50_a_file_swapped_for_a_pipe_after_listing_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    change = listing(tmp_path)[0]
    (tmp_path / "a.txt").unlink()
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(DocumentFailed) as caught:
        fetch(tmp_path, change)
    assert caught.value.reason == "not_a_file"


def test_51_an_unreadable_file_fails_alone_and_deletes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refuse(path: Path, flags: int, *rest: int, **more: int) -> int:
        if str(path).endswith("closed.txt"):  # root reads everything, so the refusal is played
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, *rest, **more)

    async def story(bench: Bench) -> None:
        bench.write("closed.txt", "turbine closed")
        bench.write("open.txt", "turbine open")
        await bench.sync()
        bench.write("closed.txt", "turbine closed, second edition")
        bench.write("open.txt", "turbine open, second edition")
        monkeypatch.setattr(os, "open", refuse)
        assert counts(await bench.sync()) == {"updated": 1, "failed": 1}
        monkeypatch.undo()
        found = await answerable(bench, "turbine")
        assert found == ["turbine closed", "turbine open, second edition"]

    run(tmp_path, story)


@pytest.mark.parametrize("change", [b"and more", b"NEW"])
def test_52_a_file_that_changes_while_it_is_read_fails_for_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: bytes
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    listed = listing(tmp_path)[0]
    looked = os.fstat

    def meddle(handle: int) -> os.stat_result:
        """Something writes after the first look; the clock of the file system has gone on."""
        monkeypatch.setattr(os, "fstat", looked)
        before = looked(handle)
        path.write_bytes(b"old" + change if len(change) > 3 else change)
        os.utime(path, ns=(0, before.st_mtime_ns + 1))
        return before

    monkeypatch.setattr(os, "fstat", meddle)
    with pytest.raises(DocumentFailed) as caught:
        fetch(tmp_path, listed)
    assert caught.value.reason == "changing"
    assert fetch(tmp_path, listed).data.endswith(change)


def test_58_a_mount_that_disappears_deletes_nothing(tmp_path: Path) -> None:
    """Gone, it breaks the listing; a bare mount point is an empty listing, which is held."""

    async def story(bench: Bench) -> None:
        for number in range(3):
            bench.write(f"{number}.txt", f"turbine {number}")
        await bench.sync()
        mounted = bench.folder.rename(tmp_path / "elsewhere")
        with pytest.raises(SourceError, match="Nothing was deleted"):
            await bench.sync()
        bench.folder.mkdir()
        assert counts(await bench.sync()) == {"held": 3}
        assert len(await answerable(bench, "turbine")) == 3
        bench.folder.rmdir()
        mounted.rename(bench.folder)
        assert counts(await bench.sync()) == {"unchanged": 3}

    run(tmp_path, story)


def test_58_a_mount_that_disappears_while_it_is_listed_never_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PAGE", 1)
    root = tmp_path / "root"
    (root / "later").mkdir(parents=True)
    (root / "a.txt").write_text("x")

    kinds: list[str] = []

    async def interrupted() -> None:
        async for change in FilesConnector(FilesConfig(path=root)).discover(Cursor()):
            kinds.append(change.kind)
            if change.key == "a.txt":
                root.rename(tmp_path / "gone")

    with pytest.raises(SourceError):
        asyncio.run(interrupted())
    assert "complete" not in kinds


@pytest.mark.parametrize("seconds", [0, -1, 4_102_444_800, 2**33])
def test_68_a_clock_that_is_wrong_hides_no_change(tmp_path: Path, seconds: int) -> None:
    """Times are compared for being another, never for being later."""
    path = tmp_path / "a.txt"
    path.write_text("one")
    now = listing(tmp_path)[0]
    os.utime(path, (seconds, seconds))
    skewed = listing(tmp_path)[0]
    assert fetch(tmp_path, skewed).data == b"one"
    path.write_text("two")
    os.utime(path, (seconds - 9, seconds - 9))
    assert len({now.revision, skewed.revision, listing(tmp_path)[0].revision}) == 3


def test_69_a_revision_column_that_goes_back_is_a_change(tmp_path: Path) -> None:
    config = SqlConfig(
        url=f"sqlite:///{tmp_path}/d.db", table="t", key="id", text=("b",), revision="changed"
    )

    def revision() -> str:
        async def first() -> str:
            connector = SqlConnector(config)
            found = [change async for change in connector.discover(Cursor())]
            await connector.aclose()
            return found[0].revision

        return asyncio.run(first())

    with closing(sqlite3.connect(tmp_path / "d.db", isolation_level=None)) as database:
        database.execute("CREATE TABLE t (id INTEGER, b TEXT, changed INTEGER)")
        database.execute("INSERT INTO t VALUES (1, 'one', 7)")
        before = revision()
        database.execute("UPDATE t SET b = 'two', changed = 3")
        assert revision() != before
