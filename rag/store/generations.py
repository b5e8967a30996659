"""The builds of each domain's index, exactly one of which is live.

Others stay beside it, of other encoders or cut otherwise, and are kept as it is: those of the
release before and of a candidate. Which one is live changes with the release, at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, delete, exists, func, select
from sqlalchemy.orm import Session, aliased

from rag.errors import Behind, Conflict, counted
from rag.store.database import Database
from rag.store.models import GenerationRow, OrphanRow, PlacementRow, VersionRow
from rag.types import Data

KEPT = ("live", "beside")
"""What answers, and what is kept as that is."""


class Pair(NamedTuple):
    """The two candidates that a generation is of; none for what is configured."""

    encoder: str | None = None
    chunking: str | None = None


CONFIGURED = Pair()
TO_CATCH_UP = (
    "Wait for the sync that is under way, or run: rag sync. After the configuration was changed: "
    "rag sync --rebuild."
)


class Generation(Data):
    id: str
    domain: str
    fingerprint: Mapping[str, Any]
    dimension: int
    state: str
    encoder: str | None = None
    """The candidate whose vectors it has; none where they are of the configured embedder."""
    chunking: str | None = None
    """The candidate that its documents are cut by; none where they are cut as configured."""
    created_at: datetime
    activated_at: datetime | None = None
    """When it went live."""

    @property
    def pair(self) -> Pair:
        return Pair(self.encoder, self.chunking)


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
        state: Literal["building", "filling", "live"],
        pair: Pair = CONFIGURED,
    ) -> Generation:
        with self.database.write() as session:
            row = GenerationRow(
                id=str(uuid4()),
                domain=domain,
                fingerprint=dict(fingerprint),
                dimension=dimension,
                state=state,
                encoder=pair.encoder,
                chunking=pair.chunking,
                created_at=self.now(),
                activated_at=self.now() if state == "live" else None,
            )
            session.add(row)
            return _generation(row)

    def switch(self, generation_id: str) -> None:
        """Give a built generation the place of the one of the same pair, which is retired: live,
        where that is or nothing was, else beside it."""
        with self.database.write() as session:
            row = session.get_one(GenerationRow, generation_id)
            before = session.scalars(_whole(row.domain, Pair(row.encoder, row.chunking))).all()
            live = self._in_state(session, row.domain, "live")
            answers = live is None or live.id in {one.id for one in before}
            for one in before:
                one.state = "retired"
            row.state = "live" if answers else "beside"
            row.activated_at = self.now() if answers else None

    def retire(self, domain: str, needed: Collection[Pair]) -> None:
        """Let go of what is beside the live one and of none of these pairs, but for what has
        anything that the live one is still to be brought."""
        with self.database.write() as session:
            live = self._in_state(session, domain, "live")
            for row in session.scalars(
                select(GenerationRow).where(
                    GenerationRow.domain == domain, GenerationRow.state.in_(("beside", "filling"))
                )
            ):
                if Pair(row.encoder, row.chunking) in needed:
                    continue
                if row.state == "filling" or not (live and _lacking(session, row.id, live.id)):
                    row.state = "retired"

    def of_pair(self, domain: str, pair: Pair) -> Generation | None:
        """The whole one that is of these, live or beside that."""
        with self.database.read() as session:
            row = session.scalar(_whole(domain, pair))
            return _generation(row) if row is not None else None

    def lacking(self, live: str, other: str) -> int:
        """How many documents another generation answers from in an older version, or not at all."""
        with self.database.read() as session:
            return _lacking(session, live, other)

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


def point(session: Session, domain: str, pair: Pair, now: datetime) -> None:
    """Let the generation of an encoder and a chunking answer; the one that did stays beside it.

    Raises Conflict where there is none any more.
    """
    live, target = _both(session, domain, pair)
    if target.id != live.id:
        live.state = "beside"
        # One is live at any time, also for an index that says so.
        session.flush()
        target.state, target.activated_at = "live", now


def require_whole(session: Session, domain: str, pair: Pair, hint: str = TO_CATCH_UP) -> None:
    """Raises Behind while the generation of a pair lacks something of the live one, Conflict where
    there is none any more."""
    live, target = _both(session, domain, pair)
    if behind := _lacking(session, live.id, target.id):
        raise left_behind(behind, hint)


def left_behind(documents: int, hint: str = TO_CATCH_UP) -> Behind:
    return Behind(
        f"Its index does not have {counted(documents, 'document')} as answered from by now.",
        hint=hint,
    )


def lacks(generation_id: str) -> ColumnElement[bool]:
    """Of a placement: that this generation answers from an older version of it, or from none."""
    other = aliased(PlacementRow)
    return ~exists().where(
        other.generation_id == generation_id,
        other.document_id == PlacementRow.document_id,
        other.version >= PlacementRow.version,
    )


def _lacking(session: Session, live: str, other: str) -> int:
    of = PlacementRow.generation_id == live
    statement = select(func.count()).select_from(PlacementRow).where(of, lacks(other))
    return session.scalar(statement) or 0


def _both(session: Session, domain: str, pair: Pair) -> tuple[GenerationRow, GenerationRow]:
    """What answers, and the generation of a pair. Raises Conflict where there is none any more."""
    live = session.scalar(
        select(GenerationRow).where(GenerationRow.domain == domain, GenerationRow.state == "live")
    )
    target = session.scalar(_whole(domain, pair))
    if live is None or target is None:
        raise Conflict(
            "Its index is not kept any more.",
            hint="Only that of the release before is. Make another: rag tune encoder, chunking.",
        )
    return live, target


def _whole(domain: str, pair: Pair) -> Select[tuple[GenerationRow]]:
    return select(GenerationRow).where(
        GenerationRow.domain == domain,
        GenerationRow.encoder.is_not_distinct_from(pair.encoder),
        GenerationRow.chunking.is_not_distinct_from(pair.chunking),
        GenerationRow.state.in_(KEPT),
    )


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
        chunking=row.chunking,
        created_at=row.created_at,
        activated_at=row.activated_at,
    )
