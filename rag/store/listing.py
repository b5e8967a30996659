"""The list of documents as people and admins see it, page by page."""

from __future__ import annotations

from itertools import islice
from typing import Any

from sqlalchemy import or_, select, tuple_
from sqlalchemy.orm import Session

from rag.errors import InvalidInput
from rag.store.database import says
from rag.store.models import DocumentRow, PlacementRow, SourceRow, VersionRow
from rag.types import DocumentInfo, Principal

_ORDER = (SourceRow.name, DocumentRow.uri, DocumentRow.id)


def listed(
    session: Session,
    domain: str,
    generation_id: str,
    principal: Principal,
    *,
    failed: bool,
    held: bool,
    source: str | None,
    search: str,
    limit: int | None,
    after: str | None,
) -> list[DocumentInfo]:
    """As `Ledger.documents` promises, with the versions that the generation answers from."""
    statement = (
        select(DocumentRow, SourceRow.name, PlacementRow, VersionRow)
        .join(SourceRow, SourceRow.id == DocumentRow.source_id)
        .outerjoin(
            PlacementRow,
            (PlacementRow.document_id == DocumentRow.id)
            & (PlacementRow.generation_id == generation_id),
        )
        .outerjoin(
            VersionRow,
            (VersionRow.document_id == DocumentRow.id)
            & (VersionRow.version == PlacementRow.version),
        )
        .where(DocumentRow.domain == domain, DocumentRow.deleted_at.is_(None))
        .order_by(*_ORDER)
    )
    if failed:
        statement = statement.where(DocumentRow.state.not_in(("indexed", "pending")))
    if held:
        statement = statement.where(DocumentRow.held_at.is_not(None))
    if source is not None:
        statement = statement.where(or_(SourceRow.name == source, SourceRow.id == source))
    if search:
        statement = statement.where(
            or_(says(DocumentRow.title, search), says(DocumentRow.uri, search))
        )
    if after is not None:
        statement = statement.where(tuple_(*_ORDER) > _position(session, domain, after))
    admin = "admin" in principal.roles
    # Closed where the page is full: what is left unread would keep a cursor open.
    with session.execute(statement.execution_options(yield_per=500)) as rows:
        readable = (
            found for found in rows if admin or not principal.readers.isdisjoint(found[0].readers)
        )
        return [
            _told(row, source, placement, version)
            for row, source, placement, version in islice(readable, limit)
        ]


def _told(
    row: DocumentRow, source: str, placement: PlacementRow | None, version: VersionRow | None
) -> DocumentInfo:
    return DocumentInfo(
        id=row.id,
        source=source,
        uri=row.uri,
        title=row.title,
        version=placement.version if placement else None,
        state=row.state,  # pyright: ignore[reportArgumentType]
        reason=row.reason,
        message=row.message,
        warnings=tuple(row.warnings),
        chunks=placement.chunks if placement else 0,
        language=version.language if version else "und",
        media_type=version.media_type if version else "",
        updated_at=row.updated_at,
        attempts=row.attempts,
        next_attempt=row.next_attempt_at,
        held=row.held_at is not None,
    )


def _position(session: Session, domain: str, document_id: str) -> Any:
    """Where a document stands in the list of a domain, which it may have left since."""
    found = session.execute(
        select(*_ORDER)
        .join(SourceRow, SourceRow.id == DocumentRow.source_id)
        .where(DocumentRow.id == document_id, DocumentRow.domain == domain)
    ).one_or_none()
    if found is None:
        raise InvalidInput(f"The list has no document '{document_id}' to go on after.")
    return tuple_(*found)
