"""The language models that admins added while the server ran, and the keys that they gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from rag.store.database import Database
from rag.store.erasures import record
from rag.store.models import AddedModelRow, ModelKeyRow, ModelRevisionRow
from rag.types import Data


class AddedModel(Data):
    """`settings` are as the configuration would say them, never a key among them."""

    name: str
    settings: Mapping[str, Any]
    changed_by: str
    changed_at: datetime


class ModelKey(Data):
    """A model's key, sealed; `address` is provider and base_url that it may be sent to."""

    name: str
    sealed: str
    address: str
    set_by: str
    set_at: datetime


class Kept(NamedTuple):
    """Everything as of a revision, or as of a later one that has not told its number yet."""

    revision: int
    models: Mapping[str, AddedModel]
    keys: Mapping[str, ModelKey]


class AddedModels:
    """Every method is one transaction, and each change counts the revision up."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def revision(self) -> int:
        with self.database.read() as session:
            return _revision(session)

    def all(self) -> Kept:
        with self.database.read() as session:
            # The number first: what is read after it can only be newer, and is then read again.
            revision = _revision(session)
            models = [_model(row) for row in session.scalars(select(AddedModelRow))]
            keys = [_key(row) for row in session.scalars(select(ModelKeyRow))]
        by_name = {one.name: one for one in models}, {one.name: one for one in keys}
        return Kept(revision, *by_name)

    def put(self, model: AddedModel, key: ModelKey | None) -> None:
        """Add a model, or let it be another; without a key the one that it has stays."""
        with self.database.write() as session:
            count_change(session)
            session.merge(AddedModelRow(**model.model_dump()))
            if key is not None:
                session.merge(ModelKeyRow(**key.model_dump()))

    def remove(self, name: str) -> None:
        """Forget a model and its key, in the backups there are as well."""
        with self.database.write() as session:
            count_change(session)
            forget_model(session, name)
            record(session, "model", [name], self.now())

    def set_key(self, key: ModelKey) -> None:
        with self.database.write() as session:
            count_change(session)
            session.merge(ModelKeyRow(**key.model_dump()))

    def remove_key(self, name: str) -> None:
        """Forget a key, in the backups there are as well."""
        with self.database.write() as session:
            count_change(session)
            forget_key(session, name)
            record(session, "model key", [name], self.now())

    def reseal(self, renew: Callable[[str], str]) -> int:
        """Encrypt every key anew; returns how many there are."""
        with self.database.write() as session:
            count_change(session)
            rows = session.scalars(select(ModelKeyRow)).all()
            for row in rows:
                row.sealed = renew(row.sealed)
            return len(rows)


def forget_model(session: Session, name: str) -> None:
    session.execute(delete(AddedModelRow).where(AddedModelRow.name == name))
    forget_key(session, name)


def forget_key(session: Session, name: str) -> None:
    session.execute(delete(ModelKeyRow).where(ModelKeyRow.name == name))


def _revision(session: Session) -> int:
    return session.scalars(select(ModelRevisionRow.revision)).one()


def count_change(session: Session) -> None:
    """Said first: who changes something waits here, so that no number is told before another."""
    session.execute(update(ModelRevisionRow).values(revision=ModelRevisionRow.revision + 1))


def _model(row: AddedModelRow) -> AddedModel:
    return AddedModel(
        name=row.name,
        settings=row.settings,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
    )


def _key(row: ModelKeyRow) -> ModelKey:
    return ModelKey(
        name=row.name,
        sealed=row.sealed,
        address=row.address,
        set_by=row.set_by,
        set_at=row.set_at,
    )
