"""A version of a document with what people want to know of it when they see it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from rag.store.models import DocumentRow, PlacementRow, SourceRow, VersionRow
from rag.types import Data, Principal


class Described(Data):
    document_id: str
    version: int
    newest: int | None
    """The version that answers now; None where the document answers nothing."""
    title: str
    uri: str
    source: str
    media_type: str
    modified_at: datetime | None
    """As the source says; None where it does not."""
    read_at: datetime
    """When this version was read first."""


def described(
    session: Session, document_id: str, version: int, generation_id: str
) -> Described | None:
    """Of a version that there is; who may know of it is for the caller to see to."""
    found = session.execute(
        select(VersionRow, SourceRow.name, PlacementRow.version)
        .join(DocumentRow, DocumentRow.id == VersionRow.document_id)
        .join(SourceRow, SourceRow.id == DocumentRow.source_id)
        .outerjoin(
            PlacementRow,
            (PlacementRow.document_id == DocumentRow.id)
            & (PlacementRow.generation_id == generation_id),
        )
        .where(VersionRow.document_id == document_id, VersionRow.version == version)
    ).one_or_none()
    if found is None:
        return None
    row, source, newest = found
    return Described(
        document_id=row.document_id,
        version=row.version,
        newest=newest,
        title=row.title,
        uri=row.uri,
        source=source,
        media_type=row.media_type,
        modified_at=row.modified_at,
        read_at=row.created_at,
    )


def readable_sources(session: Session, domain: str, principal: Principal) -> list[str]:
    """The sources of a domain that have a document which the principal may read, by name."""
    found: list[str] = []
    names = select(SourceRow.id, SourceRow.name).where(SourceRow.domain == domain)
    for source_id, name in session.execute(names.order_by(SourceRow.name)).all():
        readers = select(DocumentRow.readers).where(
            DocumentRow.source_id == source_id, DocumentRow.deleted_at.is_(None)
        )
        # Closed with the first that fits: what is left unread would keep a cursor open.
        with session.execute(readers.execution_options(yield_per=500)) as rows:
            if any(not principal.readers.isdisjoint(some) for (some,) in rows):
                found.append(name)
    return found
