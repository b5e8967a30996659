"""Erasing a person: everything of theirs goes in one transaction, and sums and logs stay of nobody.

What to do with each column is said by `rag.store.holdings`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    CursorResult,
    Table,
    Text,
    delete,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy import cast as as_type
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from rag.errors import Conflict, NotFound, RagError
from rag.store import compacting
from rag.store.added import count_change
from rag.store.database import Database
from rag.store.erasures import record
from rag.store.holdings import HOLDINGS, Holding, Holds, own
from rag.store.models import AccountRow, AuditRow, SpendingRow
from rag.store.spending import NOBODY
from rag.types import Data, Principal, Role

PREFIX = "erased-"
Pseudonym = Callable[[Principal], str]


class Forgotten(Data):
    """What became of a person's rows, by table."""

    pseudonym: str
    """What acts of theirs are listed under from now on."""
    deleted: Mapping[str, int]
    renamed: Mapping[str, int]
    """Rows that stay, with the pseudonym where the name was."""
    models: tuple[str, ...] = ()
    """Those that learned from a dataset version which had their rows: they are not unlearned."""
    remark: str = ""
    """What is left to do, where the bytes could not leave the database's file."""


class People:
    """Erases people of one database, who are known by a pseudonym of its data folder."""

    def __init__(
        self, database: Database, pseudonym: Pseudonym, now: Callable[[], datetime]
    ) -> None:
        self.database = database
        self._pseudonym = pseudonym
        self.now = now

    def erase(self, name: str, by: str) -> Forgotten:
        """All of it or, killed on the way, nothing; `by` is who asked for it, maybe they.

        Their words have left the database's file when it returns. Raises NotFound where nothing is
        kept of them, Conflict where no admin would be left.
        """
        pseudonym = self._pseudonym(Principal(id=name))
        with self.database.write() as session:
            refuse_only_admin(session, name)
            done = forget(session, name, pseudonym)
            if not done.deleted and not done.renamed:
                raise NotFound(f"Nothing is kept of '{name}'.", hint="See: rag accounts.")
            now = self.now()
            record(session, "person", [pseudonym], now)
            actor = done.pseudonym if by == name else by
            session.add(
                AuditRow(
                    ts=now,
                    actor=actor,
                    act="erase person",
                    object=done.pseudonym,
                    details={"deleted": dict(done.deleted), "renamed": dict(done.renamed)},
                )
            )
            compacting.mark(session)
        try:
            compacting.compact(self.database)
        except RagError as error:
            # It is erased all the same, and done again by the next housekeeping.
            return done.model_copy(update={"remark": str(error)})
        return done


def forget(session: Session, name: str, pseudonym: str) -> Forgotten:
    """Take a person out of every table, within the caller's transaction."""
    known = f"{PREFIX}{pseudonym[:12]}"
    deleted: dict[str, int] = {}
    renamed: dict[str, int] = {}
    for one in own():
        if one.then == "summed":
            _give_to_nobody(session, name)
        theirs = one.whose(name, pseudonym)
        deleted[one.name] = _count(session.execute(delete(one.table).where(theirs)))
    # Every process has read who gave a model its key.
    count_change(session)
    for one in HOLDINGS:
        changed = 0
        for at in one.columns(Holds.ACTOR):
            values = {at: known}
            statement = update(one.table).where(one.column(at) == name).values(values)
            changed += _count(session.execute(statement))
        for at in one.columns(Holds.NAMES):
            changed += _rename(session, one, at, name, known)
        renamed[one.name] = changed
    return Forgotten(
        pseudonym=known,
        deleted={table: count for table, count in deleted.items() if count},
        renamed={table: count for table, count in renamed.items() if count},
    )


def forget_again(session: Session, pseudonyms: Iterable[str], pseudonym: Pseudonym) -> None:
    """Erase the people with these pseudonyms, whoever they are: for a backup from before.

    A name is nowhere kept that belongs to them, so every name there is gets tried.
    """
    wanted = set(pseudonyms)
    if not wanted:
        return
    for name in sorted(names(session)):
        if (mine := pseudonym(Principal(id=name))) in wanted:
            forget(session, name, mine)
            wanted.discard(mine)
    for left in wanted:
        # No name of theirs is left, but what they said may be.
        forget(session, left, left)


def names(session: Session) -> set[str]:
    """Everybody whom a column names whose business that is."""
    found: set[str] = set()
    for one in HOLDINGS:
        for at in one.columns(Holds.PERSON, Holds.ACTOR):
            found.update(filter(None, session.scalars(select(one.column(at)).distinct())))
    return found


def naming(column: Column[Any], name: str) -> ColumnElement[bool]:
    """The name stands in a text, or in JSON; maybe as a part of something longer."""
    written = as_type(column, Text)
    # JSON writes a letter beyond ASCII as a number.
    forms = {name, json.dumps(name)[1:-1]}
    return or_(*(written.contains(form, autoescape=True) for form in sorted(forms)))


def refuse_only_admin(session: Session, name: str) -> None:
    """Raises Conflict where there are accounts and no admin would be left without this one."""
    rows = session.scalars(select(AccountRow).order_by(AccountRow.id).with_for_update()).all()
    admins = {row.id for row in rows if Role.ADMIN in row.roles and not row.suspended}
    if admins == {name}:
        raise Conflict(f"'{name}' is the only admin.", hint="Make someone else an admin first.")


def _give_to_nobody(session: Session, name: str) -> None:
    """Add a person's spending to that of nobody in particular, day by day and model by model."""
    columns = cast("Table", SpendingRow.__table__).columns
    key = [one.key for one in columns if one.primary_key]
    sums = [one for one in columns if not one.primary_key]
    whose = [literal(NOBODY) if one.key == "principal_id" else one for one in columns]
    theirs = select(*whose).where(SpendingRow.principal_id == name)
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(SpendingRow).from_select([one.key for one in columns], theirs)
    more = {one.key: one + statement.excluded[one.key] for one in sums}
    session.execute(statement.on_conflict_do_update(index_elements=key, set_=more))


def _rename(session: Session, one: Holding, at: str, name: str, known: str) -> int:
    """Put the pseudonym where a value is exactly the name, or the reader of that name."""
    where = one.column(at)
    key = [each for each in one.table.columns if each.primary_key]
    found = session.execute(select(where, *key).where(naming(where, name))).tuples().all()
    count = 0
    for value, *identity in found:
        instead = renamed(value, name, known)
        if instead != value:
            same = [each == part for each, part in zip(key, identity, strict=True)]
            session.execute(update(one.table).where(*same).values({at: instead}))
            count += 1
    return count


def renamed(value: Any, name: str, known: str) -> Any:
    """The text or JSON with another name wherever exactly this one stands, also as a reader."""
    return _instead(value, {name: known, f"user:{name}": f"user:{known}"})


def _instead(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list):
        return [_instead(one, names) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        inner = cast("dict[str, Any]", value)
        return {key: _instead(one, names) for key, one in inner.items()}
    return value


def _count(result: Any) -> int:
    return cast("CursorResult[Any]", result).rowcount
