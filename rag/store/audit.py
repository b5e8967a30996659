"""The audit log: who did what to people, sources and models. It is only ever added to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from rag.store.database import Database
from rag.store.models import AuditRow
from rag.types import Data


class Entry(Data):
    """One act. `details` never hold a secret."""

    id: int
    ts: datetime
    actor: str
    act: str
    object: str
    details: Mapping[str, Any]


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

    def list(self, limit: int, before: int | None = None) -> list[Entry]:
        """The latest entries, or those older than the one with the id `before`, newest first."""
        statement = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
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
