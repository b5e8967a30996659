"""What is changed of documents by more than one of those who keep them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rag.store.models import DocumentRow, SourceRow


def read_again(
    session: Session, document_ids: Sequence[str], reason: str, message: str, now: datetime
) -> None:
    """Let the next sync read these, changed or not. What is placed of them goes on answering."""
    for start in range(0, len(document_ids), 500):
        batch = DocumentRow.id.in_(document_ids[start : start + 500])
        session.execute(
            update(DocumentRow)
            .where(batch)
            .values(
                state="failed",
                reason=reason,
                message=message,
                attempts=0,
                next_attempt_at=now,
                updated_at=now,
            )
        )
        # A listing from a cursor on would not name them again.
        sources = select(DocumentRow.source_id).where(batch)
        session.execute(update(SourceRow).where(SourceRow.id.in_(sources)).values(listed_at=None))
