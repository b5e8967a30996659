"""Opens the database: SQLite in the data folder or PostgreSQL, migrated before it is handed out."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Self, cast

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Executable,
    create_engine,
    event,
    func,
    inspect,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    NoSuchModuleError,
    OperationalError,
    TimeoutError,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from rag.errors import ConfigError, Conflict, StorageFull, Unavailable

BUSY_TIMEOUT_S = 30
IDLE_TIMEOUT_S = 20
POOL_SIZE = 5
"""Connections that are kept open."""
MOST_THREADS = 32
"""What the default executor has at most; each has room for a connection beside those kept."""
POOL_TIMEOUT_S = 30
MIGRATING = 0x7A7C4E70
Guard = Callable[[Session], None]
"""Looks at a transaction before its first write; raises what refuses it."""

Announce = Callable[[Session, str, Mapping[str, Any]], None]
"""Tells others of an event with its data, if the transaction commits."""


def announce_nothing(session: Session, event: str, data: Mapping[str, Any]) -> None:
    """Nobody wants to know."""


class Database:
    """An engine with two ways in: `read` (a snapshot) and `write` (serialised on SQLite)."""

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise ConfigError(
                "database.url is not a database URL.",
                hint="Use postgresql+psycopg://user@host/name, or leave it empty for SQLite.",
            ) from error
        self.sqlite = parsed.get_backend_name() == "sqlite"
        options: dict[str, Any] = {
            "pool_size": POOL_SIZE,
            "max_overflow": MOST_THREADS,
            "pool_timeout": POOL_TIMEOUT_S,
        }
        if self.sqlite:
            options["connect_args"] = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
        else:
            options["pool_pre_ping"] = True
            if "options" not in parsed.query:
                # What a process put to sleep had locked is free before it is taken over from.
                idle = f"-c idle_in_transaction_session_timeout={IDLE_TIMEOUT_S}s"
                options["connect_args"] = {"options": idle}
        try:
            self.engine = create_engine(parsed, **options)
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise ConfigError(
                f"No driver for database.url ({parsed.drivername}).",
                hint="Install it: pip install 'ratchet-rag[postgres]'.",
            ) from error
        if self.sqlite:
            _prepare_sqlite(self.engine)
        self._guard: Guard | None = None
        # SQLite has one writer, and those who wait look again now and then, ever more seldom. Of
        # one process they are let in one after the other instead.
        self._turn = Lock() if self.sqlite else None
        self._writer = self.engine.execution_options(rag_write=True)

    @contextmanager
    def read(self) -> Generator[Session]:
        """A read-only unit of work over one snapshot."""
        with translated(), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self, *, guarded: bool = True) -> Generator[Session]:
        """A unit of work that commits when the block ends well and is durable when it returns."""
        with (
            self._its_turn(),
            translated(),
            Session(self._writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            if guarded and self._guard is not None:
                self._guard(session)
            yield session

    @contextmanager
    def _its_turn(self) -> Generator[None]:
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=BUSY_TIMEOUT_S):
            raise Unavailable(f"The database was written to by others for {BUSY_TIMEOUT_S} s.")
        try:
            yield
        finally:
            self._turn.release()

    def guarded(self, guard: Guard) -> Self:
        """The same database, where every write passes the guard first, within its transaction."""
        same = copy(self)
        same._guard = guard
        return same

    def migrate(self) -> None:
        """Bring the schema up to date; a schema newer than this program is refused unwritten."""
        config, known = _migrations()
        with self.snapshot() as connection:
            current = revision(connection)
        if current is not None and current not in known:
            raise ConfigError(
                f"The data folder was written by a newer Ratchet (schema {current}).",
                hint="Upgrade Ratchet, or restore a backup made before the upgrade.",
            )
        if current == known[0]:
            return
        with self._migrating(config) as connection:
            command.upgrade(config, "head")

    @contextmanager
    def snapshot(self) -> Generator[Connection]:
        """Everything read within is of one moment, whoever writes meanwhile."""
        with translated(), self.engine.connect() as connection:
            if not self.sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    def fillable(self, schema: str) -> None:
        """Raise Conflict unless it is empty, ConfigError for a schema newer than this program."""
        with self.snapshot() as connection:
            _refuse_unfit(connection, schema)

    @contextmanager
    def fill(self, schema: str) -> Generator[Connection]:
        """An empty database at a schema of before, to be filled; up to date when the block ends.

        All in one transaction: killed or failed, it is empty as before. Raises as `fillable`.
        """
        config, _ = _migrations()
        with self._migrating(config) as connection:
            _refuse_unfit(connection, schema)
            command.upgrade(config, schema)
            yield connection
            command.upgrade(config, "head")

    @contextmanager
    def _migrating(self, config: Config) -> Generator[Connection]:
        with translated(), self._writer.begin() as connection:
            if not self.sqlite:
                # Processes that start together wait for the first; SQLite makes them by itself.
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
            config.attributes["connection"] = connection
            yield connection

    def close(self) -> None:
        self.engine.dispose()


Columns = Mapping[str, Any]
"""A row of a statement, by its columns' names."""


def fetched(session: Session, statement: Executable, **given: object) -> Columns | None:
    """The one row that there may be."""
    return next(iter(fetched_all(session, statement, **given)), None)


def fetched_all(session: Session, statement: Executable, **given: object) -> Sequence[Columns]:
    return cast("Sequence[Columns]", session.execute(statement, given).mappings().all())


def says(column: InstrumentedAttribute[str], part: str) -> ColumnElement[bool]:
    """Whether a text has a part, as it is written but for small and big letters."""
    plain = re.sub(r"([\\%_])", r"\\\1", part)
    return func.lower(column).like(func.lower(f"%{plain}%"), escape="\\")


def revision(connection: Connection) -> str | None:
    """The schema that the database has; None where it has none."""
    return MigrationContext.configure(connection).get_current_revision()


def newest_schema() -> str:
    """The schema that this program works with."""
    return _migrations()[1][0]


def _migrations() -> tuple[Config, Sequence[str]]:
    """Where they are, and the schemas they lead to, the newest first."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config, _schemas()


@cache
def _schemas() -> Sequence[str]:
    """The newest first. Each is in a file that is run to be known."""
    scripts = ScriptDirectory(str(Path(__file__).parent / "migrations"))
    return [script.revision for script in scripts.walk_revisions()]


def _refuse_unfit(connection: Connection, schema: str) -> None:
    if schema not in _migrations()[1]:
        raise ConfigError(
            f"The backup was made by a newer Ratchet (schema {schema}).",
            hint="Upgrade Ratchet, then restore it.",
        )
    if inspect(connection).get_table_names():
        raise Conflict(
            "The database is not empty; a backup is restored into an empty one only.",
            hint="Make a new database and name it in database.url.",
        )


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        # We issue BEGIN ourselves: the driver's own deferred BEGIN makes a transaction that reads
        # before it writes fail with "database is locked" whatever the timeout.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        # Its own knows the letters of English alone.
        connection.create_function("lower", 1, _lower, deterministic=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        write = connection.get_execution_options().get("rag_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _lower(text: str | None) -> str | None:
    return text if text is None else text.lower()


@contextmanager
def translated() -> Generator[None]:
    """Database faults become typed errors here and nowhere else."""
    try:
        yield
    except TimeoutError as error:
        raise Unavailable(
            f"No connection to the database was free for {POOL_TIMEOUT_S} s.",
            hint="Ask again when less is asked at once.",
        ) from error
    except DBAPIError as error:
        text = str(error.orig)
        if "disk is full" in text or "No space left" in text:
            raise StorageFull(
                "The disk is full; nothing of this change was kept.", hint="Free some space."
            ) from error
        if "malformed" in text or "not a database" in text:
            raise Unavailable(
                f"The database is damaged: {text}.", hint="Restore it from a backup."
            ) from error
        if isinstance(error, OperationalError):
            raise Unavailable(f"The database did not answer: {text}.") from error
        # The statement and its values stay out of messages: they hold what documents say.
        raise Unavailable(f"The database refused a change: {text}.") from error
