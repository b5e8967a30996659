"""The audit log: who did what to people, sources and models. It is only ever added to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, not_, select

from rag.store.database import Database, says
from rag.store.models import AuditRow
from rag.types import Data

REFUSED = " refused"
"""How the acts end that somebody tried and that were not done."""


class Entry(Data):
    """One act. `details` never hold a secret."""

    id: int
    ts: datetime
    actor: str
    act: str
    object: str
    details: Mapping[str, Any]


class Wanted(Data):
    """Which entries to tell; what is empty leaves none out."""

    actor: str = ""
    """a part of the name of whoever did it"""
    act: str = ""
    """in full"""
    object: str = ""
    """a part of what it was done to"""
    since: datetime | None = None
    before: datetime | None = None
    refused: bool | None = None
    """only what was refused, or only what was done"""


class Audit:
    """Has no way to change or remove an entry."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def write(self, actor: str, act: str, object: str, **details: Any) -> None:
        """Durable when it returns."""
        with self.database.write(guarded=False) as session:
            session.add(
                AuditRow(ts=self.now(), actor=actor, act=act, object=object, details=details)
            )

    def list(
        self, limit: int, before: int | None = None, wanted: Wanted | None = None
    ) -> list[Entry]:
        """The latest of the entries that are wanted, or those older than the one with the id
        `before`, newest first."""
        chosen = _chosen(wanted or Wanted())
        statement = select(AuditRow).where(*chosen).order_by(AuditRow.id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(AuditRow.id < before)
        with self.database.read() as session:
            return [
                Entry(
                    id=row.id,
                    ts=row.ts,
                    actor=row.actor,
                    act=row.act,
                    object=row.object,
                    details=row.details,
                )
                for row in session.scalars(statement)
            ]


def _chosen(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.actor:
        yield says(AuditRow.actor, wanted.actor)
    if wanted.act:
        yield AuditRow.act == wanted.act
    if wanted.object:
        yield says(AuditRow.object, wanted.object)
    if wanted.since is not None:
        yield AuditRow.ts >= wanted.since
    if wanted.before is not None:
        yield AuditRow.ts < wanted.before
    if wanted.refused is not None:
        refused = AuditRow.act.endswith(REFUSED)
        yield refused if wanted.refused else not_(refused)
