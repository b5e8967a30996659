"""The configured sources of each domain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Select, case, delete, func, select, update
from sqlalchemy.orm import Session

from rag.errors import Conflict, NotFound, did_you_mean
from rag.store.database import Database
from rag.store.erasures import record
from rag.store.freshness import FreshnessTable
from rag.store.models import DocumentRow, SourceRow, UploadRow
from rag.store.placements import withdraw
from rag.types import Cursor, Schedule, SourceInfo


class Sources:
    """Every method is one transaction. Secrets pass through sealed, known here by name only.

    A removed source keeps its row, because traces and versions point at its documents.
    """

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now
        self._freshness = FreshnessTable(database)

    def add(
        self,
        domain: str,
        name: str,
        connector: str,
        config: Mapping[str, Any],
        sealed: str = "",
        secret_names: Sequence[str] = (),
        same: Callable[[str], bool] = lambda sealed: not sealed,
    ) -> SourceInfo:
        """Register a source. Raises Conflict when the name is taken with another configuration.

        `same` says whether sealed secrets are those given.
        """
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
                    secrets=sealed,
                    secret_names=sorted(secret_names),
                    paused=False,
                    cursor=None,
                    created_at=self.now(),
                    last_sync_at=None,
                    listed_at=None,
                    removed_at=None,
                    schedule=None,
                    due_at=None,
                )
                session.add(row)
            elif row.connector != connector or row.config != dict(config) or not same(row.secrets):
                raise Conflict(
                    f"A source named '{name}' already reads something else.",
                    hint="Choose another name with --name.",
                )
            return _source(row)

    def list(self, domain: str) -> list[SourceInfo]:
        with self.database.read() as session:
            rows = session.execute(_counted().where(SourceRow.domain == domain)).all()
            return [_source(row, *(count or 0 for count in counts)) for row, *counts in rows]

    def get(self, domain: str, name: str) -> SourceInfo:
        """A source by name or id. Raises NotFound."""
        known = self.list(domain)
        for one in known:
            if name in (one.name, one.id):
                return one.model_copy(update={"freshness": self._freshness.of(one.id)})
        raise NotFound(
            f"There is no source '{name}'.", hint=did_you_mean(name, [one.name for one in known])
        )

    def removed(self, domain: str, names: Iterable[str]) -> set[str]:
        """Those of the names that a removed source of the domain had."""
        statement = select(SourceRow.name, SourceRow.id).where(
            SourceRow.domain == domain, SourceRow.removed_at.is_not(None)
        )
        with self.database.read() as session:
            kept = {name for name, _ in session.execute(statement)}
            ids = [source_id for _, source_id in session.execute(statement)]
        return {name for name in names if any(_gone(name, one) in kept for one in ids)}

    def sealed(self, source_id: str) -> str:
        with self.database.read() as session:
            return session.get_one(SourceRow, source_id).secrets

    def change(
        self, source_id: str, config: Mapping[str, Any], sealed: str, secret_names: Sequence[str]
    ) -> None:
        """Read it with other settings from now on; the next sync lists it whole."""
        names = sorted(secret_names)
        self._set(
            source_id, config=dict(config), secrets=sealed, secret_names=names, listed_at=None
        )

    def reseal(self, renew: Callable[[str], str]) -> int:
        """Encrypt the secrets of every source anew; returns how many had any."""
        with self.database.write() as session:
            rows = session.scalars(select(SourceRow).where(SourceRow.secrets != "")).all()
            for row in rows:
                row.secrets = renew(row.secrets)
            return len(rows)

    def pause(self, source_id: str, paused: bool) -> None:
        """A paused source is read by no sync; its documents go on answering."""
        self._set(source_id, paused=paused)

    def schedule(self, source_id: str, schedule: Schedule | None, due: datetime | None) -> None:
        """When it is read by itself from now on; None for never."""
        plain = schedule.model_dump(exclude_defaults=True) if schedule else None
        self._set(source_id, schedule=plain, due_at=due)

    def remove(self, source_id: str) -> int:
        """Forget how it is read, its uploads and its documents; returns how many these were.

        Its name is free again, and no question finds anything of it.
        """
        with self.database.write() as session:
            record(session, "source", [source_id], self.now())
            return forget_source(session, session.get_one(SourceRow, source_id), self.now())

    def cursor(self, source_id: str) -> tuple[Cursor, datetime | None]:
        """Where the last listing ended, and when the source was last listed completely."""
        with self.database.read() as session:
            row = session.get_one(SourceRow, source_id)
            return Cursor(value=row.cursor), row.listed_at

    def relist(self, source_id: str) -> None:
        """Let the next sync list the source whole."""
        self._set(source_id, listed_at=None)

    def synced(self, source_id: str, cursor: str | None, *, complete: bool) -> None:
        """A listing ended well; the next begins at the cursor, or anew where there is none."""
        now = self.now()
        values: dict[str, Any] = {"last_sync_at": now, "cursor": cursor}
        if complete:
            values["listed_at"] = now
        elif cursor is None:
            values["listed_at"] = None
        self._set(source_id, **values)

    def visited(self, source_id: str) -> None:
        """A listing ended, but the next begins where it did."""
        self._set(source_id, last_sync_at=self.now())

    def _set(self, source_id: str, **values: Any) -> None:
        with self.database.write() as session:
            session.execute(update(SourceRow).where(SourceRow.id == source_id).values(**values))


def forget_source(session: Session, row: SourceRow, now: datetime) -> int:
    """Close a source with its uploads and documents; returns how many these were."""
    row.name = _gone(row.name, row.id)
    row.config, row.secrets, row.secret_names, row.cursor = {}, "", [], None
    row.removed_at = now
    row.schedule, row.due_at = None, None
    session.execute(delete(UploadRow).where(UploadRow.source_id == row.id))
    return withdraw(session, DocumentRow.source_id == row.id, now)


def _gone(name: str, source_id: str) -> str:
    """What a removed source is called, so that its name is free again."""
    return f"{name[:150]} (removed {source_id})"


def _counted() -> Select[tuple[SourceRow, int | None, int | None, int | None]]:
    """Every source there is, with how many documents are indexed, are not, and are held."""
    counts = (
        select(
            DocumentRow.source_id,
            func.sum(case((DocumentRow.state == "indexed", 1), else_=0)).label("indexed"),
            func.sum(case((DocumentRow.state.in_(("indexed", "pending")), 0), else_=1)).label(
                "failed"
            ),
            func.count(DocumentRow.held_at).label("held"),
        )
        .where(DocumentRow.deleted_at.is_(None))
        .group_by(DocumentRow.source_id)
        .subquery()
    )
    return (
        select(SourceRow, counts.c.indexed, counts.c.failed, counts.c.held)
        .outerjoin(counts, counts.c.source_id == SourceRow.id)
        .where(SourceRow.removed_at.is_(None))
        .order_by(SourceRow.created_at)
    )


def _source(row: SourceRow, documents: int = 0, failed: int = 0, held: int = 0) -> SourceInfo:
    return SourceInfo(
        id=row.id,
        domain=row.domain,
        name=row.name,
        connector=row.connector,
        config=row.config,
        secrets=tuple(row.secret_names),
        paused=row.paused,
        documents=documents,
        failed=failed,
        held=held,
        last_sync=row.last_sync_at,
        schedule=Schedule.model_validate(row.schedule) if row.schedule else None,
        next_sync=None if row.paused else row.due_at,
    )
