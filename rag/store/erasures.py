"""The list of what was deleted, written in the transaction that deletes it.

A backup from before still holds all of it. Whoever restores one makes these erasures again, so what
was deleted stays deleted (see rag.store.restoring).
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import datetime
from typing import Literal
from uuid import uuid4

from sqlalchemy import Connection, insert, select
from sqlalchemy.orm import Session

from rag.store.models import ErasureRow
from rag.types import Data

Kind = Literal[
    "source", "document", "upload", "conversation", "person", "contents", "model", "model key"
]


class Erasure(Data):
    id: str
    at: datetime
    kind: Kind
    target: str


def record(session: Session, kind: Kind, targets: Iterable[str], at: datetime) -> None:
    """List what this transaction deletes: ids; of an upload what `upload_target` says, of a person
    their pseudonym, of a model its name."""
    rows = [{"id": str(uuid4()), "at": at, "kind": kind, "target": one} for one in targets]
    if rows:
        session.execute(insert(ErasureRow), rows)


def upload_target(source_id: str, name: str) -> str:
    """Neither an id nor an upload's name has a slash."""
    return f"{source_id}/{name}"


def erased_since(session: Session, target: str, since: datetime) -> bool:
    """Whether it was listed at that moment or later: what was begun before is not to be kept."""
    found = select(ErasureRow.id).where(ErasureRow.target == target, ErasureRow.at >= since)
    return session.scalar(found.limit(1)) is not None


def unknown_to(connection: Connection, known: Set[str]) -> list[Erasure]:
    """Every erasure but those with the known ids, oldest first."""
    rows = connection.execute(
        select(ErasureRow.__table__).order_by(ErasureRow.at, ErasureRow.id)
    ).mappings()
    return [Erasure.model_validate(dict(row)) for row in rows if row["id"] not in known]
