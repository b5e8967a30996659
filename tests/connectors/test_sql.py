"""The SQL connector on SQLite and on PostgreSQL."""

import asyncio
import select
import socket
import socketserver
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import NullPool, create_engine, make_url, text

from connectors import sql
from connectors.sql import SqlConfig, SqlConnector
from rag.errors import DocumentFailed, DocumentRejected, Forbidden, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change, Cursor

LOOPBACK = ("127.0.0.0/8",)


@dataclass
class Database:
    url: str
    run: Callable[..., None]

    def connector(self, **config: object) -> SqlConnector:
        chosen = {"key": "id", "text": ("body",), "title": "title", **config}
        if "query" not in chosen:
            chosen.setdefault("table", "articles")
        return SqlConnector(SqlConfig(url=self.url, networks=LOOPBACK, **chosen))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)

    def run(*statements: str) -> None:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    run(
        "CREATE TABLE articles (id INTEGER, title TEXT, body TEXT, changed INTEGER)",
        "INSERT INTO articles VALUES (1, 'One', 'alpha', 10), (2, 'Two', 'beta', 10)",
    )
    yield Database(database_url, run)
    engine.dispose()


def listing(connector: SqlConnector) -> list[Change]:
    async def run() -> list[Change]:
        return [change async for change in connector.discover(Cursor())]

    return asyncio.run(run())


def upserts(connector: SqlConnector) -> dict[str, Change]:
    return {change.key: change for change in listing(connector) if change.kind == "upsert"}


def fetch(connector: SqlConnector, key: str):
    return asyncio.run(connector.fetch(Change(kind="upsert", key=key, uri="x", revision="1")))


class TestSqlContract(ConnectorContract):
    @pytest.fixture
    def source(self, database: Database) -> ConnectorSource:
        return ConnectorSource(
            make=database.connector,
            count=2,
            edit=lambda: database.run("UPDATE articles SET body = 'alpha 2' WHERE id = 1"),
            remove=lambda: database.run("DELETE FROM articles WHERE id = 1"),
            broken=lambda: database.run("ALTER TABLE articles RENAME TO gone"),
            expected=frozenset({b"alpha", b"beta"}),
        )


class TestSqlQueryContract(ConnectorContract):
    @pytest.fixture
    def source(self, database: Database) -> ConnectorSource:
        query = "SELECT id, title, 'x::y :z' || body AS body, changed FROM articles WHERE id < 10;"
        return ConnectorSource(
            make=lambda: database.connector(query=query, revision="changed"),
            count=2,
            edit=lambda: database.run("UPDATE articles SET changed = 11 WHERE id = 1"),
            remove=lambda: database.run("DELETE FROM articles WHERE id = 1"),
            broken=lambda: database.run("DROP TABLE articles"),
            expected=frozenset({b"x::y :zalpha", b"x::y :zbeta"}),
        )


def test_several_columns_become_one_document(database: Database) -> None:
    raw = fetch(database.connector(text=("title", "body"), revision="changed"), "1")
    assert raw.data == b"## title\n\nOne\n\n## body\n\nalpha"
    assert (raw.name, raw.title, raw.media_type) == ("1.md", "One", "text/markdown")


@pytest.mark.parametrize("rows", [0, 1, 9, 10, 11, 20, 21, 35])
def test_every_page_is_listed_once(
    database: Database, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(sql, "PAGE", 10)
    database.run("DELETE FROM articles")
    for number in range(rows):
        database.run(f"INSERT INTO articles VALUES ({number * 3}, 't', 'b', 1)")
    changes = listing(database.connector())
    assert [change.key for change in changes[:-1]] == [str(n * 3) for n in range(rows)]
    assert changes[-1].kind == "complete"


def test_rows_without_a_key_and_twins_fail_and_delete_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "PAGE", 3)
    twins = ", ".join(["(5, 't', 'b', 1)"] * 8)
    database.run(f"INSERT INTO articles VALUES (NULL, 't', 'b', 1), (9, 't', 'b', 1), {twins}")
    changes = listing(database.connector())
    assert [(change.kind, change.key) for change in changes] == [
        ("failed", "id IS NULL"),
        ("upsert", "1"),
        ("upsert", "2"),
        ("failed", "5"),
        ("upsert", "9"),
        ("complete", ""),
    ]
    assert "1 rows have no id" in changes[0].reason
    with pytest.raises(DocumentFailed) as caught:
        fetch(database.connector(), "5")
    assert caught.value.reason == "duplicate_key"


def test_a_key_keeps_its_name_when_the_column_changes_type(database: Database) -> None:
    database.run(
        "CREATE TABLE later (id TEXT, title TEXT, body TEXT)",
        "INSERT INTO later SELECT CAST(id AS TEXT), title, body FROM articles",
    )
    before, after = database.connector(), database.connector(table="later")
    assert upserts(before).keys() == upserts(after).keys() == {"1", "2"}
    assert fetch(before, "1").data == fetch(after, "1").data == b"alpha"
    expression = database.connector(query="SELECT id + 0 AS id, title, body FROM articles")
    assert fetch(expression, "1").data == b"alpha"


@pytest.mark.parametrize(
    "wrong",
    [{"key": "nr"}, {"text": ("body", "nr")}, {"title": "nr"}, {"revision": "nr"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_column_that_is_not_there_is_told_before_the_source_is_kept(
    database: Database, wrong: dict[str, object]
) -> None:
    for read in ({"table": "articles"}, {"query": "SELECT id, title, body FROM articles"}):
        with pytest.raises(SourceError, match="nr"):
            asyncio.run(database.connector(**read, **wrong).check())


def test_names_with_quotes_stay_names(database: Database) -> None:
    database.run('CREATE TABLE "odd; DROP" ("the ""id" TEXT, "b c" TEXT)',
                 """INSERT INTO "odd; DROP" VALUES ('it''s; --', 'text')""")  # fmt: skip
    connector = database.connector(table="odd; DROP", key='the "id', text=("b c",), title="")
    assert fetch(connector, next(iter(upserts(connector)))).data == b"text"


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM articles", "UPDATE articles SET body = ''", "DROP TABLE articles",
        "SELECT 1; DROP TABLE articles", "VACUUM", "ATTACH 'x' AS y", "PRAGMA writable_schema=1",
        "/* SELECT */ DELETE FROM articles", "selection", "COPY articles TO '/tmp/x'",
    ],
)  # fmt: skip
def test_text_that_is_no_select_is_refused(query: str) -> None:
    with pytest.raises(ValidationError, match="begins with SELECT"):
        SqlConfig(url="sqlite:////x", query=query, key="id", text=("b",))


def test_a_select_that_writes_is_refused_by_the_database(database: Database) -> None:
    for query in (
        "WITH gone AS (DELETE FROM articles RETURNING *) SELECT id, title, body FROM gone",
        "SELECT id, title, body INTO copied FROM articles",
        "SELECT 1 AS id, 'a' AS title, 'b' AS body) AS source -- ",
    ):
        try:
            listing(database.connector(query=query))
        except SourceError:
            continue
    assert set(upserts(database.connector())) == {"1", "2"}
    with pytest.raises(SourceError):
        asyncio.run(database.connector(table="copied").check())


def test_the_transaction_itself_is_read_only(database: Database) -> None:
    connector = database.connector()
    with pytest.raises(SourceError, match=r"(?i)read.?only"), connector._reading() as connection:
        connection.execute(text("DELETE FROM articles"))
    assert set(upserts(connector)) == {"1", "2"}


def test_a_statement_that_takes_too_long_is_stopped(database: Database) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000)"
    query = f"{numbers} SELECT i AS id, 't' AS title, 'b' AS body FROM n"
    with pytest.raises(SourceError, match="took longer than 0"):
        listing(database.connector(query=query, timeout_s=0.3))


def test_a_lost_connection_is_taken_up_again_behind_the_last_key(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.url.startswith("sqlite"):
        pytest.skip("SQLite has no connection to lose")
    monkeypatch.setattr(sql, "PAGE", 1)
    monkeypatch.setattr(sql, "RETRY_AFTER_S", (0.01, 0.01))
    connector, asked = database.connector(), []
    reading = connector._page

    def cut_once(last: object):
        asked.append(last)
        if asked == [None, 1]:  # while page two is read, its connection is killed
            with connector._reading() as connection:
                connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return reading(last)

    monkeypatch.setattr(connector, "_page", cut_once)
    assert list(upserts(connector)) == ["1", "2"]
    assert asked == [None, 1, 1]


def test_bytes_and_large_rows_are_rejected(database: Database) -> None:
    blob = "BLOB" if database.url.startswith("sqlite") else "BYTEA"
    database.run(f"CREATE TABLE files (id INTEGER, title TEXT, body {blob})",
                 f"INSERT INTO files VALUES (1, 't', CAST('x' AS {blob}))")  # fmt: skip
    with pytest.raises(DocumentRejected) as caught:
        fetch(database.connector(table="files"), "1")
    assert caught.value.reason == "not_text"
    with pytest.raises(DocumentRejected) as caught:
        fetch(database.connector(max_bytes=2), "1")
    assert caught.value.reason == "too_large"
    with pytest.raises(DocumentFailed) as gone:
        fetch(database.connector(), "77")
    assert gone.value.reason == "vanished"


def test_a_file_that_is_missing_is_not_made(tmp_path: Path) -> None:
    config = SqlConfig(url=f"sqlite:///{tmp_path}/none.db", table="t", key="id", text=("b",))
    with pytest.raises(SourceError, match="unable to open database file"):
        listing(SqlConnector(config))
    assert not (tmp_path / "none.db").exists()


def test_twins_by_case_are_two_rows_whatever_the_collation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "PAGE", 1)
    with sqlite3.connect(tmp_path / "d.db") as connection:
        connection.execute("CREATE TABLE t (id TEXT COLLATE NOCASE, b TEXT)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [("A", "1"), ("a", "2"), ("b", "3")])
    connection.close()
    config = SqlConfig(url=f"sqlite:///{tmp_path}/d.db", table="t", key="id", text=("b",))
    assert set(upserts(SqlConnector(config))) == {"A", "a", "b"}
    assert fetch(SqlConnector(config), "a").data == b"2"


def test_private_databases_are_not_contacted_and_passwords_not_shown() -> None:
    url = "postgresql://u:s3cret@127.0.0.1:1/d"
    config = SqlConfig(url=url, table="t", key="id", text=("b",))
    assert "s3cret" not in repr(config)
    with pytest.raises(Forbidden):
        listing(SqlConnector(config))
    config = SqlConfig(url=url, table="t", key="id", text=("b",), networks=LOOPBACK)
    with pytest.raises(SourceError) as caught:
        asyncio.run(SqlConnector(config).check())
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///docs.db", "sqlite:///:memory:",
        "mysql://h/d", "nonsense", "sqlite://", "postgresql://h/d?host=other",
        "postgresql://h/d?hostaddr=127.0.0.1", "postgresql://h/d?service=x",
    ],
)  # fmt: skip
def test_other_databases_and_detours_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        SqlConfig(url=url, table="t", key="id", text=("b",))


class _Relay(socketserver.BaseRequestHandler):
    """Passes a TCP connection on to the server's Unix socket."""

    def handle(self) -> None:
        self.server.accepted += 1
        with socket.socket(socket.AF_UNIX) as database:
            database.connect(self.server.target)
            ends = {self.request: database, database: self.request}
            while ends:
                for readable in select.select(list(ends), [], [])[0]:
                    data = readable.recv(65536)
                    if not data:
                        return
                    ends[readable].sendall(data)


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture
def over_tcp(postgres_server: str) -> Iterator[_TcpServer]:
    folder = make_url(postgres_server).query["host"]
    with _TcpServer(("127.0.0.1", 0), _Relay) as server:
        server.target, server.accepted = f"{folder}/.s.PGSQL.5432", 0
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_postgresql_over_tcp_is_reached_at_a_checked_address(over_tcp: _TcpServer) -> None:
    port = over_tcp.server_address[1]
    shape = {"query": "SELECT 1 AS id, 'alpha' AS body", "key": "id", "text": ("body",)}
    for host in ("127.0.0.1", "localhost"):
        url = f"postgresql://postgres:@{host}:{port}/postgres?sslmode=disable"
        with pytest.raises(Forbidden):
            listing(SqlConnector(SqlConfig(url=url, **shape)))
    assert over_tcp.accepted == 0
    url = f"postgresql://postgres:@127.0.0.1:{port}/postgres?sslmode=disable"
    connector = SqlConnector(SqlConfig(url=url, networks=LOOPBACK, **shape))
    assert fetch(connector, next(iter(upserts(connector)))).data == b"alpha"
    assert over_tcp.accepted > 0
