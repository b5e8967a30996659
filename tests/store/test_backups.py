"""Backups: the same on both databases, whole or refused, and into nothing that holds something."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import JSON, Table, delete, insert, null, select, text
from sqlalchemy.types import Boolean, DateTime, Float, Integer, LargeBinary, String, TypeDecorator

from rag.errors import ConfigError, Conflict, NotFound, RagError, StorageFull, Unavailable
from rag.store import backups, database
from rag.store.backups import Backup, Manifest
from rag.store.blobs import Blobs
from rag.store.database import Database, newest_schema
from rag.store.folder import UNFINISHED, DataFolder
from rag.store.models import Base, ModelRevisionRow
from rag.store.restoring import place, restore_files, restore_tables
from rag.types import Progress

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = 4
PARENTS = ("sources", "documents")


def silent(progress: Progress) -> None:
    """Nobody watches."""


def value(column: Any, row: int) -> Any:
    """Something of its type that is easily lost on the way."""
    kind = column.type
    kind = kind.impl if isinstance(kind, TypeDecorator) else kind
    if isinstance(kind, JSON):
        nothing = null() if column.nullable else []
        return (nothing, {"a": [1.5, None, "ü\U0001f6b0"]}, None, "text")[row]
    if column.nullable and row == 0:
        return None
    if isinstance(kind, DateTime):
        return NOW + timedelta(days=row, microseconds=123 + row)
    if isinstance(kind, Boolean):
        return row % 2 == 0
    if isinstance(kind, Integer):
        return 2**31 - 1 - row
    if isinstance(kind, Float):
        return 0.1 + row
    if isinstance(kind, LargeBinary):
        return bytes([0, 255, row])
    assert isinstance(kind, String), f"{column}: no example of its type"
    told = f"{row} 'ü\"\\\n\tZ a"
    return str(uuid4()) if kind.length == 36 else told[: kind.length]


def fill(opened: Database) -> None:
    """Rows of every type in every table that there is."""
    given: dict[Any, list[Any]] = {}
    with opened.write() as session:
        # The one row that a migration writes.
        session.execute(delete(ModelRevisionRow))
        for table in Base.metadata.sorted_tables:
            rows = []
            for number in range(ROWS):
                row = {column.name: value(column, number) for column in table.columns}
                for column in table.columns:
                    for key in column.foreign_keys:
                        if row[column.name] is not None:
                            row[column.name] = given[key.column][number]
                session.execute(insert(table).values(row))
                rows.append(row)
            for column in table.columns:
                given[column] = [row[column.name] for row in rows]


def read(opened: Database, table: Table) -> list[tuple[Any, ...]]:
    key = list(table.primary_key.columns)
    with opened.read() as session:
        return sorted(
            map(tuple, session.execute(select(table))), key=lambda row: repr(row[: len(key)])
        )


def opened_at(url: str) -> Database:
    found = Database(url)
    found.migrate()
    return found


@pytest.fixture
def kept(tmp_path: Path, database_url: str) -> Iterator[Database]:
    """A database with rows in every table, and the files that they name."""
    found = opened_at(database_url)
    fill(found)
    blobs = Blobs(tmp_path / "data" / "blobs")
    digests = [blobs.put(f"content {n}".encode() * 50) for n in range(3)]
    with found.write() as session:
        for at, column in enumerate(("content_hash", "text_hash")):
            session.execute(text(f"UPDATE versions SET {column} = :d"), {"d": digests[at]})
        session.execute(text("UPDATE uploads SET digest = :d"), {"d": digests[2]})
    (tmp_path / "data" / "pseudonym.key").write_bytes(b"k" * 32)
    yield found
    found.close()


def make(backup: Backup, kept: Database, data: Path, **given: Any) -> Manifest:
    options: dict[str, Any] = {"keys": False, "progress": silent, **given}
    return backup.make(kept, data, ratchet="1", now=NOW, **options)


@pytest.fixture
def backup(tmp_path: Path, kept: Database) -> Backup:
    made = Backup(tmp_path / "backup")
    make(made, kept, tmp_path / "data")
    return made


@pytest.mark.parametrize("onto", ["sqlite", "same"])
def test_every_row_of_every_table_comes_back_on_either_database(
    tmp_path: Path, kept: Database, backup: Backup, onto: str, another_url: Callable[[], str]
) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}" if onto == "sqlite" else another_url()
    restored = Database(url)
    manifest = backup.manifest()
    assert set(manifest.tables) == set(Base.metadata.tables)
    assert {table.rows for table in manifest.tables.values()} == {ROWS}
    restore_tables(backup, manifest, restored)
    for table in Base.metadata.sorted_tables:
        assert read(restored, table) == read(kept, table), table.name
    # What was nothing is nothing and no null of JSON, and the other way round.
    counting = text("SELECT count(*) FROM runs WHERE error IS NULL")
    with restored.read() as after, kept.read() as before:
        assert after.scalar(counting) == before.scalar(counting) == 1
    again = Backup(tmp_path / "again")
    shutil.copytree(tmp_path / "data", tmp_path / "other")
    assert make(again, restored, tmp_path / "other").tables == manifest.tables
    restored.migrate()
    restored.close()


@pytest.fixture
def another_url(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> Callable[[], str]:
    """One more empty database of the kind that the test is about."""

    def make() -> str:
        if database_url.startswith("sqlite"):
            return f"sqlite:///{tmp_path / 'another.db'}"
        from sqlalchemy import create_engine, make_url

        url = make_url(database_url)
        name = f"t{uuid4().hex}"
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return url.set(database=name).render_as_string(hide_password=False)

    return make


def test_kept_files_and_keys_come_back_but_the_keys_of_credentials(
    tmp_path: Path, kept: Database
) -> None:
    data, new = tmp_path / "data", tmp_path / "new"
    (data / "secret.keys").write_text("key")
    without, whole = Backup(tmp_path / "without"), Backup(tmp_path / "whole")
    assert set(make(without, kept, data).files) == {"pseudonym.key"}
    manifest = make(whole, kept, data, keys=True)
    assert set(manifest.files) == {"pseudonym.key", "secret.keys"}
    assert manifest.credentials == 2 * ROWS, "of sources and of models"
    assert (whole.folder.stat().st_mode & 0o777) == 0o700
    restore_files(whole, manifest, new, silent)
    assert (new / "secret.keys").read_text() == "key"
    assert (new / "pseudonym.key").stat().st_mode & 0o777 == 0o600
    assert {p.name for p in (new / "blobs").glob("*/*")} == set(manifest.blobs)
    assert len(manifest.blobs) == 3
    (new / "secret.keys").write_text("mine")
    assert not place(whole, "secret.keys", new)
    assert (new / "secret.keys").read_text() == "mine", "what lies there stays"


DAMAGE = {
    "tables/traces.jsonl": (Unavailable, "traces"),
    "data/pseudonym.key": (Unavailable, "pseudonym"),
    "blobs": (Unavailable, "blobs/"),
    "manifest.json": (Unavailable, "manifest.json is damaged"),
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("how", ["flipped", "short", "gone"])
@pytest.mark.parametrize("name", DAMAGE)
def test_what_is_not_as_it_was_written_is_named(backup: Backup, name: str, how: str) -> None:
    path = backup.folder / name
    if path.is_dir():
        path = sorted(path.glob("*/*"))[0]
    data = bytearray(path.read_bytes())
    if how == "flipped":
        data[len(data) // 2] ^= 1
    path.write_bytes(data[: len(data) // 2] if how == "short" else data)
    if how == "gone":
        path.unlink()
    kind, word = DAMAGE[name]
    if (name, how) == ("manifest.json", "gone"):
        kind, word = NotFound, "no whole backup"
    with pytest.raises(kind, match=word):
        backup.check(backup.manifest(), silent)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_empty_folder_and_a_stranger_are_no_backups(tmp_path: Path, backup: Backup) -> None:
    for folder in (tmp_path / "nothing", tmp_path):
        with pytest.raises(NotFound, match="no whole backup"):
            Backup(folder).manifest()
    (backup.folder / "manifest.json").write_text("[]")
    with pytest.raises(Unavailable, match="damaged"):
        backup.manifest()


def test_a_backup_goes_into_an_empty_folder_only(
    tmp_path: Path, kept: Database, backup: Backup
) -> None:
    before = backup.manifest()
    with pytest.raises(Conflict, match="not empty"):
        make(backup, kept, tmp_path / "data")
    assert backup.manifest() == before


def test_a_restore_goes_into_an_empty_database_only(
    tmp_path: Path, backup: Backup, another_url: Callable[[], str]
) -> None:
    used = opened_at(another_url())
    for attempt in (used.fillable, lambda _: restore_tables(backup, backup.manifest(), used)):
        with pytest.raises(Conflict, match="not empty"):
            attempt(newest_schema())
    with used.read() as session:
        assert session.scalar(text("SELECT count(*) FROM sources")) == 0
    used.close()


@pytest.mark.parametrize("name", ["ratchet.db", "blobs", "index", "pseudonym.key", "notes.txt"])
def test_a_restore_goes_into_an_empty_folder_only(tmp_path: Path, name: str) -> None:
    for harmless in ("rag.toml", "secret.keys"):
        (tmp_path / harmless).touch()
    folder = DataFolder.acquire(tmp_path)
    folder.refuse_used()
    (tmp_path / name).touch()
    with pytest.raises(Conflict, match=name):
        folder.refuse_used()
    folder.release()


def test_a_newer_backup_is_refused_and_an_older_one_is_brought_up_to_date(
    tmp_path: Path, backup: Backup, another_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, restored = backup.manifest(), Database(another_url())
    newer = manifest.model_copy(update={"revision": "9999"})
    for attempt in (restored.fillable, lambda _: restore_tables(backup, newer, restored)):
        with pytest.raises(ConfigError, match="newer Ratchet"):
            attempt("9999")
    restored.fillable(manifest.revision)
    # As if this program had one migration less: what it would back up is of another schema.
    monkeypatch.setattr(backups, "newest_schema", lambda: "0001")
    restored.migrate()
    with pytest.raises(Conflict, match="schema"):
        make(Backup(tmp_path / "other"), restored, tmp_path / "data")
    restored.close()


@pytest.mark.usefixtures("really_migrated")
def test_a_backup_of_an_older_schema_is_brought_up_to_date(
    tmp_path: Path, another_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import command

    config, known = database._migrations()
    old = Database(another_url())
    with old._migrating(config) as connection:
        command.upgrade(config, "0011")
    monkeypatch.setattr(backups, "newest_schema", lambda: "0011")
    with old.write() as session:
        session.execute(
            text("INSERT INTO erasures (id, at, kind, target) VALUES ('e', :at, 'source', 's')"),
            {"at": NOW if not old.sqlite else "2026-01-01 00:00:00.000000"},
        )
    backup = Backup(tmp_path / "backup")
    manifest = make(backup, old, tmp_path / "data")
    assert manifest.revision == "0011"
    old.close()
    restored = Database(f"sqlite:///{tmp_path / 'restored.db'}")
    restore_tables(backup, manifest, restored)
    with restored.snapshot() as connection:
        assert database.revision(connection) == known[0]
        assert connection.scalar(text("SELECT target FROM erasures")) == "s"
    restored.close()


def killed_at(write: int, work: Callable[[], object]) -> bool:
    """Do it in a child that is killed at its write-th call for durability; whether it was."""
    child = os.fork()
    if child == 0:
        # A thread of this process, of an earlier test, may have held a lock of SQLite's just then,
        # which nobody gives back here.
        signal.alarm(20)
        left, durable = write, os.fsync

        def fsync(handle: int) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            durable(handle)

        os.fsync = fsync
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status == signal.SIGALRM:
        return killed_at(write, work)
    assert status in (0, signal.SIGKILL)
    return status != 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backup_killed_anywhere_is_never_taken_for_whole(
    tmp_path: Path, kept: Database, database_url: str
) -> None:
    write, refused = 0, 0
    while True:
        write += 1
        backup = Backup(tmp_path / f"backup{write}")
        # A connection is not taken across a fork.
        if not killed_at(
            write, lambda to=backup: make(to, Database(database_url), tmp_path / "data")
        ):
            break
        if (backup.folder / "manifest.json").exists():
            # Killed after everything was written.
            backup.check(backup.manifest(), silent)
            continue
        with pytest.raises(NotFound, match="no whole backup"):
            backup.manifest()
        refused += 1
    assert refused > len(Base.metadata.tables), "each table is one write, and there are files"
    assert refused >= write - 2
    backup.check(backup.manifest(), silent)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_restore_killed_anywhere_is_refused_by_whoever_opens_it(
    tmp_path: Path, backup: Backup
) -> None:
    manifest, write = backup.manifest(), 0

    def restore(data: Path) -> None:
        with DataFolder.acquire(data).unfinished():
            restore_files(backup, manifest, data, silent)
            restore_tables(backup, manifest, Database(f"sqlite:///{data / 'ratchet.db'}"))

    while True:
        write += 1
        data = tmp_path / f"data{write}"
        if not killed_at(write, lambda to=data: restore(to)):
            break
        with pytest.raises(ConfigError, match="cut off") as caught:
            DataFolder.acquire(data)
        assert "restore again" in caught.value.hint
    assert write > len(manifest.blobs)
    assert not (data / UNFINISHED).exists()
    DataFolder.acquire(data).release()


def test_a_restore_that_fails_leaves_the_database_empty(
    tmp_path: Path, backup: Backup, another_url: Callable[[], str]
) -> None:
    manifest, restored = backup.manifest(), Database(another_url())
    # No other table refers to it, so that it is the digest that tells.
    path = backup.folder / "tables" / "audit.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(Unavailable, match="audit"):
        restore_tables(backup, manifest, restored)
    restored.fillable(manifest.revision)
    path.write_bytes(b"".join(lines))
    restore_tables(backup, manifest, restored)
    restored.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_that_is_damaged_already_stops_no_backup(tmp_path: Path, kept: Database) -> None:
    paths = sorted((tmp_path / "data" / "blobs").glob("??/*"))
    paths[0].write_bytes(b"damaged")
    paths[1].unlink()
    manifest = make(Backup(tmp_path / "backup"), kept, tmp_path / "data")
    assert manifest.damaged == tuple(sorted(path.name for path in paths[:2]))
    assert manifest.blobs == (paths[2].name,)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_and_leaves_no_backup(
    tmp_path: Path, kept: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        with Path("/dev/full").open("wb", buffering=0) as file:
            file.write(b"x")

    monkeypatch.setattr(os, "fsync", full)
    backup = Backup(tmp_path / "backup")
    with pytest.raises(StorageFull):
        make(backup, kept, tmp_path / "data")
    with pytest.raises(RagError):
        backup.manifest()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_is_collected_while_a_backup_copies_it(tmp_path: Path, kept: Database) -> None:
    blobs = Blobs(tmp_path / "data" / "blobs")
    for path in blobs.folder.glob("??/*"):
        os.utime(path, (0, 0))
    from threading import Thread

    collecting = Thread(target=blobs.collect, args=(set(),))

    def forget_all(progress: Progress) -> None:
        if not collecting.is_alive() and collecting.ident is None:
            # From here on nothing names them any more.
            collecting.start()

    manifest = make(Backup(tmp_path / "backup"), kept, tmp_path / "data", progress=forget_all)
    collecting.join()
    assert (len(manifest.blobs), manifest.damaged) == (3, ())
    assert list(blobs.folder.glob("??/*")) == [], "and afterwards it is"
