"""Rows of a SQL table or query, one document each.

Only ever read: text that is not a SELECT is refused, it runs as a subquery, and the transaction
around it is read-only. Give the source a database user that may do no more than that.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from sqlalchemy import (
    URL,
    ColumnClause,
    Connection,
    Engine,
    NullPool,
    RowMapping,
    bindparam,
    collate,
    column,
    create_engine,
    make_url,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.sql.expression import ColumnElement, func

from rag import egress
from rag.errors import ConfigError, DocumentFailed, DocumentRejected, RagError, SourceError
from rag.readers import Reader
from rag.types import EVERYONE, Change, Cursor, RawDocument

PAGE = 500
# A database that restarts is waited for; the listing goes on behind the last key it had.
RETRY_AFTER_S = (0.5, 2.0, 5.0)
_URL_OPTIONS = {"host", "sslmode", "sslrootcert", "application_name"}
# str(key) of these is the same on every listing, and the database reads it back as the key.
_KEYS = (int, str, UUID, Decimal, date, float)


class SqlConfig(BaseModel):
    """What to read. Name a column with an index as the key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: SecretStr = Field(
        description="postgresql://user:password@host/database or sqlite:////path/to/file.db"
    )
    table: str = Field("", description="A table or view, e.g. articles or kb.articles.")
    query: str = Field("", description="Or one SELECT, e.g. SELECT id, body FROM articles.")
    key: str = Field(min_length=1, description="The column that names a row for ever.")
    text: tuple[str, ...] = Field(min_length=1, description="The columns to read, in order.")
    title: str = Field("", description="The column that holds the title.")
    revision: str = Field(
        "",
        description="A column that changes with the row, e.g. updated_at; "
        "empty compares the contents, which reads them all.",
    )
    max_bytes: int = Field(10_000_000, ge=1, description="Larger rows are rejected(too_large).")
    timeout_s: float = Field(60, gt=0, le=3600, description="Longest time of one statement.")
    readers: tuple[Reader, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read: user:NAME, group:NAME or everyone."
    )
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )

    @field_validator("url")
    @classmethod
    def _known_database(cls, secret: SecretStr) -> SecretStr:
        try:
            url = make_url(secret.get_secret_value())
        except (ArgumentError, ValueError):
            raise ValueError("this is not the URL of a database") from None
        if url.get_backend_name() not in ("postgresql", "sqlite"):
            raise ValueError("only postgresql and sqlite databases are read")
        if not url.database:
            raise ValueError("the URL names no database")
        if url.get_backend_name() == "sqlite" and not url.database.startswith("/"):
            raise ValueError("write the whole path of the file: sqlite:////path/to/file.db")
        path = url.query.get("host", "/")
        if set(url.query) - _URL_OPTIONS or not str(path).startswith("/"):
            raise ValueError("the URL's options may only be sslmode, sslrootcert, a socket's host")
        return secret

    @field_validator("query")
    @classmethod
    def _one_select(cls, query: str) -> str:
        query = query.strip().removesuffix(";").rstrip()
        if query and (not re.match(r"(?i)(select|with)\b", query) or ";" in query):
            raise ValueError("only one statement that begins with SELECT or WITH is run")
        return query

    @model_validator(mode="after")
    def _table_or_query(self) -> SqlConfig:
        if bool(self.table) == bool(self.query):
            raise ValueError("name either a table or a query")
        return self


class SqlConnector:
    """Lists rows in the order of their key, a page at a time, each in a short transaction."""

    Config: ClassVar[type[BaseModel]] = SqlConfig
    verified: ClassVar[str] = "SQLite and PostgreSQL"

    def __init__(self, config: SqlConfig) -> None:
        self.config = config
        self._url = make_url(config.url.get_secret_value())
        self._lite = self._url.get_backend_name() == "sqlite"
        self._columns: dict[str, ColumnClause[Any]] = {
            name: column(name)
            for name in (config.key, config.revision, config.title, *config.text)
            if name
        }
        schema, _, name = config.table.rpartition(".")
        # What stands behind a colon in the query is no parameter of ours.
        given = re.sub(r":(?=\w)", r"\\:", config.query)
        self._from: Any = (
            table(name, *self._columns.values(), schema=schema or None)
            if config.table
            else text(given).columns(*self._columns.values()).subquery("source")
        )
        key: ColumnElement[Any] = self._from.c[config.key]
        # Twins that a collation holds for equal are two rows, and neither is lost between pages.
        self._key = collate(key, "BINARY") if self._lite else key
        where = str(self._url.host or "") + "/" + str(self._url.database).lstrip("/")
        self._uri = f"{self._url.get_backend_name()}://{where}#{config.table or 'query'}/"

    async def check(self) -> str:
        count = await asyncio.to_thread(self._count)
        return f"{count:,} row{'' if count == 1 else 's'} of {self._uri.rstrip('/')}."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        """A full listing each time; no column is trusted to grow with every change."""
        nameless = await asyncio.to_thread(self._nameless)
        if nameless:
            yield Change(
                kind="failed",
                key=f"{self.config.key} IS NULL",
                uri=self._uri,
                reason=f"{nameless:,} rows have no {self.config.key}",
            )
        last: Any = None
        while True:
            changes, last = await self._patiently(last)
            for change in changes:
                yield change
            if last is None:
                break
        yield Change(kind="complete")

    async def fetch(self, change: Change) -> RawDocument:
        try:
            rows = await asyncio.to_thread(self._rows, change.key)
        except SourceError as error:
            raise DocumentFailed("unreadable", error.message, hint=error.hint) from error
        if not rows:
            raise DocumentFailed("vanished", f"{change.uri} vanished after it was listed.")
        if len(rows) > 1:
            raise DocumentFailed("duplicate_key", f"{change.uri} is more than one row.")
        values = rows[0]
        data = self._markdown(values).encode("utf-8", "replace")
        if len(data) > self.config.max_bytes:
            raise DocumentRejected(
                "too_large",
                f"{change.uri} has {len(data):,} bytes; the limit is {self.config.max_bytes:,}.",
                hint="Raise max_bytes of the source.",
            )
        title = values[self.config.title] if self.config.title else None
        modified = values[self.config.revision] if self.config.revision else None
        return RawDocument(
            key=change.key,
            uri=change.uri,
            name=f"{change.key}.md",
            data=data,
            media_type="text/markdown",
            title=_text(title) or None,
            modified_at=_aware(modified) if isinstance(modified, datetime) else None,
            readers=change.readers,
        )

    async def aclose(self) -> None:
        """Nothing is held open between calls."""

    async def _patiently(self, last: Any) -> tuple[list[Change], Any]:
        for pause in RETRY_AFTER_S:
            try:
                return await asyncio.to_thread(self._page, last)
            except _Disconnected:
                await asyncio.sleep(pause)
        return await asyncio.to_thread(self._page, last)

    # --- everything below blocks and runs in threads ---

    def _count(self) -> int:
        with self._reading() as connection:
            # Counting alone would not tell that a configured column is missing.
            connection.execute(select(*(self._from.c[name] for name in self._columns)).limit(1))
            return connection.execute(select(func.count()).select_from(self._from)).scalar_one()

    def _nameless(self) -> int:
        statement = select(func.count()).select_from(self._from).where(self._key.is_(None))
        with self._reading() as connection:
            return connection.execute(statement).scalar_one()

    def _page(self, last: Any) -> tuple[list[Change], Any]:
        """The changes of one page, and the key to go on from: None at the end.

        One row more than a page is read: it says whether the last key goes on behind the page.
        """
        config = self.config
        names = [config.revision] if config.revision else [n for n in self._columns if n]
        columns = [self._from.c[name] for name in (config.key, *names)]
        statement = select(*columns)
        statement = (
            statement.where(self._key.is_not(None))
            if last is None
            else statement.where(self._key > bindparam("last", last, type_=self._key.type))
        )
        statement = statement.order_by(self._key).limit(PAGE + 1)
        with self._reading() as connection:
            rows = [
                (row[0], _revision(row[1:]))
                for row in connection.execution_options(yield_per=20).execute(statement)
            ]
        groups = [(key, list(group)) for key, group in groupby(rows, lambda row: row[0])]
        more = len(rows) > PAGE
        if more and len(groups[-1][1]) == 1:
            groups.pop()
        changes = [self._change(key, [revision for _, revision in group]) for key, group in groups]
        return changes, groups[-1][0] if more else None

    def _change(self, key: Any, revisions: list[str]) -> Change:
        if not isinstance(key, _KEYS):
            reason = f"a {type(key).__name__} cannot be a key"
            return Change(kind="failed", key=repr(key), uri=self._uri, reason=reason)
        name = str(key).replace("\0", "")
        uri = self._uri + quote(name, safe="")
        if len(revisions) > 1:
            reason = f"more than one row has {self.config.key} = {name}"
            return Change(kind="failed", key=name, uri=uri, reason=reason)
        readers = frozenset(self.config.readers)
        return Change(kind="upsert", key=name, uri=uri, revision=revisions[0], readers=readers)

    def _rows(self, key: str) -> list[RowMapping]:
        # PostgreSQL reads the text as whatever the column is; SQLite may hold a number.
        numbers = (_number(int, key), _number(float, key)) if self._lite else ()
        values = (key, *(number for number in numbers if number is not None))
        wanted = or_(*(self._key == bindparam(None, v, type_=self._key.type) for v in values))
        columns = [self._from.c[name] for name in self._columns]
        with self._reading() as connection:
            return list(connection.execute(select(*columns).where(wanted).limit(2)).mappings())

    def _markdown(self, values: RowMapping) -> str:
        parts = [(name, _text(values[name])) for name in self.config.text]
        parts = [(name, value) for name, value in parts if value.strip()]
        if len(self.config.text) == 1:
            return "".join(value for _, value in parts)
        return "\n\n".join(f"## {name}\n\n{value}" for name, value in parts)

    @contextmanager
    def _reading(self) -> Generator[Connection]:
        """A connection in a read-only transaction that is never committed."""
        engine = self._engine()
        try:
            with engine.connect() as connection:
                if self._lite:
                    yield connection
                else:
                    connection = connection.execution_options(postgresql_readonly=True)
                    wait = int(self.config.timeout_s * 1000)
                    connection.execute(text(f"SET LOCAL statement_timeout = {wait}"))
                    yield connection
        except RagError:
            raise
        except SQLAlchemyError as error:
            raise self._translated(error) from None  # the original may show the password
        finally:
            engine.dispose()

    def _translated(self, error: SQLAlchemyError) -> SourceError:
        origin = error.orig if isinstance(error, DBAPIError) else error
        state = getattr(origin, "sqlstate", "")
        password = self._url.password
        said = " ".join(str(origin).split())
        if password:
            said = said.replace(str(password), "***")
        kind = _Disconnected if state is None or state[:2] in ("08", "57") else SourceError
        if state == "57014" or said == "interrupted":
            return SourceError(
                f"A statement on {self._uri} took longer than {self.config.timeout_s:g} s.",
                hint="Raise timeout_s, or give the key column an index.",
            )
        if state and state[:2] == "28":
            said = f"{said} (auth_error)"
        return kind(f"{self._uri} cannot be read: {said}.")

    def _engine(self) -> Engine:
        if self._lite:
            return create_engine("sqlite://", creator=self._open_file, poolclass=NullPool)
        url, socket = self._url, str(self._url.query.get("host", ""))
        host = url.host or "localhost"
        # A socket on this machine counts as loopback.
        address = egress.resolve_now(
            "127.0.0.1" if socket else host, url.port or 5432, self.config.networks
        )
        arguments: dict[str, Any] = {
            "connect_timeout": 10,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
        }
        if not socket:
            arguments |= {"host": host, "hostaddr": address}
        target: URL = url.set(drivername="postgresql+psycopg")
        try:
            return create_engine(target, connect_args=arguments, poolclass=NullPool)
        except ImportError as error:
            raise ConfigError(
                "PostgreSQL sources need the package psycopg.",
                hint="Install it: pip install 'ratchet-rag[postgres]'",
            ) from error

    def _open_file(self) -> sqlite3.Connection:
        path = Path(str(self._url.database)).absolute()
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=ro", uri=True, timeout=10, check_same_thread=False
        )
        end = time.monotonic() + self.config.timeout_s
        connection.set_progress_handler(lambda: time.monotonic() > end, 10_000)
        connection.execute("PRAGMA query_only = ON")
        return connection


class _Disconnected(SourceError):
    """The database went away; it may come back."""


def _number(kind: type[Any], key: str) -> Any:
    try:
        number = kind(key)
    except ValueError:
        return None
    return number if str(number) == key and abs(number) < 2**63 else None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes | memoryview):
        raise DocumentRejected("not_text", "A text column holds bytes.")
    return str(value).replace("\0", "")


def _revision(values: Any) -> str:
    if len(values) == 1 and isinstance(values[0], int | date):
        return str(values[0])
    return sha256(repr(tuple(values)).encode("utf-8", "backslashreplace")).hexdigest()


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
