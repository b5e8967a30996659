"""What admins are told of how a deployment is kept: backups, storage, house that was kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.app import App, back_up, read_back
from rag.app.upkeep import size
from rag.config import load
from rag.errors import RagError, Unavailable
from rag.store.upkeep import Upkeep as Table
from tests.app.test_app import run


def silent(*_: object) -> None:
    """Nobody watches."""


def test_a_backup_and_its_reading_back_are_told(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        me = app.person(None)
        before = await app.upkeep(me)
        assert (before.backup, before.verified, before.housekeeping) == (None, None, None)
        settings, folder = load(tmp_path / "data"), tmp_path / "backup"
        manifest, _ = back_up(settings, folder, keys=False, progress=silent)
        read_back(settings, folder, silent)
        kept = await app.upkeep(me)
        assert kept.backup is not None
        assert (kept.backup.folder, kept.backup.bytes) == (str(folder), size(folder))
        assert (kept.backup.files, kept.backup.damaged) == (len(manifest.blobs), 0)
        assert kept.verified is not None
        assert (kept.verified.taken_at, kept.verified.trouble) == (manifest.taken_at, "")
        table = next((folder / "tables").iterdir())
        table.write_bytes(table.read_bytes() + b"\n")
        with pytest.raises(Unavailable):
            read_back(settings, folder, silent)
        damaged = (await app.upkeep(me)).verified
        assert damaged is not None
        assert table.name in damaged.trouble
        await app.collect(me)
        house = (await app.upkeep(me)).housekeeping
        assert house is not None
        assert house.files == 0

    run(tmp_path, story)


def test_what_is_stored_is_measured(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        kept = await app.upkeep(app.person(None))
        assert kept.stored.files > 0
        assert kept.stored.database
        assert 0 < kept.stored.free <= kept.stored.total
        assert (kept.runs.queued, kept.runs.running, kept.inside) == (0, 0, True)

    run(tmp_path, story)


def test_a_backup_stands_where_it_cannot_be_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise Unavailable("The database is locked.")

    async def story(_: App) -> None:
        monkeypatch.setattr(Table, "note", refuses)
        settings = load(tmp_path / "data")
        _, remarks = back_up(settings, tmp_path / "b", keys=False, progress=silent)
        assert "locked" in remarks[-1]
        with pytest.raises(RagError):
            read_back(settings, tmp_path / "nowhere", silent)

    run(tmp_path, story)


def test_the_size_of_a_folder_counts_every_file(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "one").write_bytes(b"12345")
    (tmp_path / "a" / "b" / "two").write_bytes(b"123")
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    assert 8 <= size(tmp_path) < 200
    assert size(tmp_path / "gone") == 0
