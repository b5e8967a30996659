"""Tables as lines of JSON and back, the same on SQLite and PostgreSQL, whatever schema they have.

A table's first line names its columns, every other is a row; columns go by name and rows by primary
key, so that equal tables have equal lines, and one digest.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnClause,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    String,
    TableClause,
    Text,
    bindparam,
    cast,
    column,
    func,
    insert,
    inspect,
    select,
    table,
)

from rag.errors import Unavailable

BATCH = 500


@dataclass(frozen=True)
class Table:
    """One table as the database has it, without what its models know."""

    clause: TableClause
    key: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.clause.name

    @property
    def columns(self) -> tuple[ColumnClause[Any], ...]:
        return tuple(self.clause.columns)

    def lines(self, connection: Connection) -> Generator[bytes]:
        """Its columns, then its rows."""
        names = [one.name for one in self.columns]
        yield _line(names)
        # JSON as it is written: null in JSON and no value at all are two things.
        chosen = [
            cast(one, Text).label(one.name) if isinstance(one.type, JSON) else one
            for one in self.columns
        ]
        by_bytes = connection.dialect.name != "sqlite"
        order = [
            one.collate("C") if by_bytes and isinstance(one.type, String) else one
            for one in self.columns
            if one.name in self.key
        ]
        statement = select(*chosen).order_by(*order)
        for row in connection.execution_options(yield_per=BATCH).execute(statement):
            yield _line([_plain(value) for value in row])

    def fill(self, connection: Connection, lines: Iterable[bytes]) -> None:
        """Insert what `lines` gave. Raises Unavailable for lines of another table."""
        rows = iter(lines)
        names = [one.name for one in self.columns]
        if json.loads(next(rows, b"null")) != names:
            raise Unavailable(f"The backup's table '{self.name}' has other columns than it should.")
        onto = connection.dialect.name
        target = insert(self.clause).values({one.name: _bound(one, onto) for one in self.columns})
        while batch := list(islice(rows, BATCH)):
            given = [zip(self.columns, json.loads(line), strict=True) for line in batch]
            connection.execute(
                target, [{one.name: _typed(one, value) for one, value in row} for row in given]
            )
        if onto == "postgresql":
            self._count_on(connection)

    def _count_on(self, connection: Connection) -> None:
        """Ids that the database counts go on after those inserted."""
        for one in self.columns:
            if one.name in self.key and isinstance(one.type, Integer):
                sequence = connection.scalar(
                    select(func.pg_get_serial_sequence(self.name, one.name))
                )
                if sequence is not None:
                    last = select(func.max(one)).scalar_subquery()
                    connection.execute(select(func.setval(sequence, last)))


def tables(connection: Connection) -> list[Table]:
    """Every table, each after those that it refers to."""
    looked = inspect(connection)
    names = [name for name, _ in looked.get_sorted_table_and_fkc_names() if name]
    found: list[Table] = []
    for name in names:
        if name == "alembic_version":
            continue
        columns = sorted(looked.get_columns(name), key=lambda one: one["name"])
        found.append(
            Table(
                table(name, *(column(one["name"], one["type"]) for one in columns)),
                tuple(looked.get_pk_constraint(name)["constrained_columns"]),
            )
        )
    return found


def _bound(one: ColumnClause[Any], onto: str) -> Any:
    if not isinstance(one.type, JSON):
        return bindparam(one.name, type_=one.type)
    text = bindparam(one.name, type_=Text())
    return text if onto == "sqlite" else cast(text, one.type)


def _line(values: Sequence[Any]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _typed(one: ColumnClause[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(one.type, DateTime):
        return datetime.fromisoformat(value)
    if isinstance(one.type, LargeBinary):
        return base64.b64decode(value)
    return value


def empty(connection: Connection, found: Sequence[Table]) -> None:
    """Take out what migrations put in by themselves."""
    for one in reversed(found):
        connection.execute(one.clause.delete())


def rows_of(lines: Iterable[bytes], *wanted: str) -> Generator[Mapping[str, Any]]:
    """These columns of each row of a table's lines."""
    rows = iter(lines)
    names: list[str] = json.loads(next(rows, b"[]"))
    places = [(name, names.index(name)) for name in wanted if name in names]
    for line in rows:
        values = json.loads(line)
        yield {name: values[at] for name, at in places}
