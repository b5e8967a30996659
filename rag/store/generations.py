"""The builds of each domain's index, exactly one of which is live."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from rag.store.database import Database
from rag.store.models import GenerationRow, OrphanRow, PlacementRow, VersionRow
from rag.types import Data


class Generation(Data):
    id: str
    domain: str
    fingerprint: Mapping[str, Any]
    dimension: int
    state: str
    encoder: str | None = None
    """The candidate whose vectors it has; none where they are of the configured embedder."""
    created_at: datetime
    activated_at: datetime | None = None
    """When it went live."""


class Generations:
    """Every method is one transaction."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def live(self, domain: str) -> Generation | None:
        with self.database.read() as session:
            return self._in_state(session, domain, "live")

    def building(self, domain: str) -> Generation | None:
        """The one to drop before another is built; read as a write, so that it is still ours."""
        with self.database.write() as session:
            return self._in_state(session, domain, "building")

    def retired(self, domain: str) -> list[Generation]:
        with self.database.read() as session:
            rows = session.scalars(
                select(GenerationRow).where(
                    GenerationRow.domain == domain, GenerationRow.state == "retired"
                )
            )
            return [_generation(row) for row in rows]

    def all(self, domain: str) -> list[Generation]:
        """Every build that a domain has, the newest first."""
        statement = select(GenerationRow).where(GenerationRow.domain == domain)
        with self.database.read() as session:
            rows = session.scalars(statement.order_by(GenerationRow.created_at.desc()))
            return [_generation(row) for row in rows]

    def encoder(self, generation_id: str) -> str | None:
        """The candidate whose vectors a generation has, if it has any candidate's."""
        with self.database.read() as session:
            row = session.get(GenerationRow, generation_id)
            return row.encoder if row is not None else None

    def encoders(self) -> set[str]:
        """The candidates whose vectors any generation has."""
        statement = select(GenerationRow.encoder).where(GenerationRow.encoder.is_not(None))
        with self.database.read() as session:
            return {str(one) for one in session.scalars(statement)}

    def add(
        self,
        domain: str,
        fingerprint: Mapping[str, Any],
        dimension: int,
        state: Literal["building", "live"],
        encoder: str | None = None,
    ) -> Generation:
        with self.database.write() as session:
            row = GenerationRow(
                id=str(uuid4()),
                domain=domain,
                fingerprint=dict(fingerprint),
                dimension=dimension,
                state=state,
                encoder=encoder,
                created_at=self.now(),
                activated_at=self.now() if state == "live" else None,
            )
            session.add(row)
            return _generation(row)

    def switch(self, generation_id: str) -> None:
        """Make a built generation the live one and retire the one before, in one transaction."""
        with self.database.write() as session:
            row = session.get_one(GenerationRow, generation_id)
            session.execute(
                update(GenerationRow)
                .where(GenerationRow.domain == row.domain, GenerationRow.state == "live")
                .values(state="retired")
            )
            row.state, row.activated_at = "live", self.now()

    def forget(self, generation_id: str) -> None:
        with self.database.write() as session:
            session.execute(delete(PlacementRow).where(PlacementRow.generation_id == generation_id))
            session.execute(delete(OrphanRow).where(OrphanRow.generation_id == generation_id))
            session.execute(delete(GenerationRow).where(GenerationRow.id == generation_id))

    def placed(self, generation_id: str) -> tuple[int, int]:
        """Documents and chunks that a generation answers from."""
        with self.database.read() as session:
            documents, chunks = session.execute(
                select(func.count(), func.coalesce(func.sum(PlacementRow.chunks), 0)).where(
                    PlacementRow.generation_id == generation_id
                )
            ).one()
            return documents, chunks

    def media_types(self, generation_id: str) -> list[tuple[str, str]]:
        """Every document that a generation answers from, with the media type of its version."""
        with self.database.read() as session:
            rows = session.execute(
                select(VersionRow.document_id, VersionRow.media_type)
                .join(
                    PlacementRow,
                    (PlacementRow.document_id == VersionRow.document_id)
                    & (PlacementRow.version == VersionRow.version),
                )
                .where(PlacementRow.generation_id == generation_id)
            )
            return [(document, media_type) for document, media_type in rows]

    def _in_state(self, session: Session, domain: str, state: str) -> Generation | None:
        row = session.scalar(
            select(GenerationRow).where(
                GenerationRow.domain == domain, GenerationRow.state == state
            )
        )
        return _generation(row) if row else None


def live_domains(database: Database) -> list[str]:
    """Every domain that has an index to answer from."""
    statement = select(GenerationRow.domain).where(GenerationRow.state == "live")
    with database.read() as session:
        return sorted(session.scalars(statement))


def _generation(row: GenerationRow) -> Generation:
    return Generation(
        id=row.id,
        domain=row.domain,
        fingerprint=row.fingerprint,
        dimension=row.dimension,
        state=row.state,
        encoder=row.encoder,
        created_at=row.created_at,
        activated_at=row.activated_at,
    )
