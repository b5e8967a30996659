"""Everything that is kept of a person, table by table, as `rag.store.holdings` says."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select, tuple_

from rag.store.database import Database
from rag.store.forgetting import naming, renamed
from rag.store.holdings import HOLDINGS, Holding, Holds

PAGE = 100
Row = Mapping[str, Any]


def theirs(
    database: Database, name: str, pseudonym: str
) -> Generator[tuple[Holding, Sequence[Row]]]:
    """Pages of whole rows: those that are the person's, and those that name them.

    Each page is one read, so that nobody who reads slowly keeps the database waiting. What of a row
    may be told is the caller's to leave out, with `told`.
    """
    for one in HOLDINGS:
        if (condition := _of(one, name, pseudonym)) is None:
            continue
        key = [column for column in one.table.columns if column.primary_key]
        after: Sequence[Any] | None = None
        while True:
            statement = select(one.table).where(condition).order_by(*key).limit(PAGE)
            if after is not None:
                statement = statement.where(tuple_(*key) > tuple_(*after))
            with database.read() as session:
                found = [dict(row) for row in session.execute(statement).mappings()]
            if mine := [row for row in found if one.of or _named(one, row, name)]:
                yield one, mine
            if len(found) < PAGE:
                break
            after = [found[-1][column.key] for column in key]


def told(one: Holding, row: Row, name: str) -> Row:
    """What of a row its person is given: no secret, no pseudonym, nobody else who did something.

    Of a row that only names them, nothing of documents.
    """
    hidden = {*one.columns(Holds.SECRET, Holds.PSEUDONYM)}
    hidden |= {at for at in one.columns(Holds.ACTOR) if row[at] != name}
    if not one.of:
        hidden |= {*one.columns(Holds.PASSAGES, Holds.READERS)}
    # A vector says nothing to anybody, and what it was made of is told.
    return {at: v for at, v in row.items() if at not in hidden and not isinstance(v, bytes)}


def _named(one: Holding, row: Row, name: str) -> bool:
    """Exactly this person, where the database has found a name that may be a part of another."""
    acted = any(row[at] == name for at in one.columns(Holds.ACTOR))
    return acted or any(renamed(row[at], name, "") != row[at] for at in one.columns(Holds.NAMES))


def _of(one: Holding, name: str, pseudonym: str) -> ColumnElement[bool] | None:
    if one.of:
        return one.whose(name, pseudonym)
    named = [one.column(at) == name for at in one.columns(Holds.ACTOR)]
    named += [naming(one.column(at), name) for at in one.columns(Holds.NAMES)]
    return or_(*named) if named else None
