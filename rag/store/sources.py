"""The configured sources of each domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select, update

from rag.errors import Conflict
from rag.store.database import Database
from rag.store.models import DocumentRow, SourceRow
from rag.types import SourceInfo


class Sources:
    """Every method is one transaction."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def add(self, domain: str, name: str, connector: str, config: Mapping[str, Any]) -> SourceInfo:
        """Register a source. Raises Conflict when the name is taken with another configuration."""
        with self.database.write() as session:
            row = session.scalar(
                select(SourceRow).where(SourceRow.domain == domain, SourceRow.name == name)
            )
            if row is None:
                row = SourceRow(
                    id=str(uuid4()),
                    domain=domain,
                    name=name,
                    connector=connector,
                    config=dict(config),
                    cursor=None,
                    created_at=self.now(),
                    last_sync_at=None,
                )
                session.add(row)
            elif row.connector != connector or row.config != dict(config):
                raise Conflict(
                    f"A source named '{name}' already reads something else.",
                    hint="Choose another name with --name.",
                )
            return _source(row, 0)

    def list(self, domain: str) -> list[SourceInfo]:
        counts = (
            select(DocumentRow.source_id, func.count().label("n"))
            .where(DocumentRow.deleted_at.is_(None), DocumentRow.state == "indexed")
            .group_by(DocumentRow.source_id)
            .subquery()
        )
        with self.database.read() as session:
            rows = session.execute(
                select(SourceRow, counts.c.n)
                .outerjoin(counts, counts.c.source_id == SourceRow.id)
                .where(SourceRow.domain == domain)
                .order_by(SourceRow.created_at)
            ).all()
            return [_source(row, n or 0) for row, n in rows]

    def synced(self, source_id: str) -> None:
        with self.database.write() as session:
            session.execute(
                update(SourceRow).where(SourceRow.id == source_id).values(last_sync_at=self.now())
            )


def _source(row: SourceRow, documents: int) -> SourceInfo:
    return SourceInfo(
        id=row.id,
        domain=row.domain,
        name=row.name,
        connector=row.connector,
        config=row.config,
        documents=documents,
        last_sync=row.last_sync_at,
    )
