"""What came of asking each model for a word, the last time somebody did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from rag.store.database import Database
from rag.store.models import ModelCheckRow
from rag.types import Data


class LastCheck(Data):
    """Its last check; of what is behind the name now."""

    at: datetime
    ok: bool
    first_token_ms: float | None = None
    code: str = ""
    detail: str = ""
    hint: str = ""


class ModelChecks:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def keep(self, name: str, fingerprint: str, checked: LastCheck) -> None:
        """The last one counts, whoever asked."""
        fields = {"fingerprint": fingerprint, **checked.model_dump()}
        with self.database.write() as session:
            on = session.get_bind().dialect.name
            insert = postgresql.insert if on == "postgresql" else sqlite.insert
            statement = insert(ModelCheckRow).values(name=name, **fields)
            session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=fields))

    def last(self) -> Mapping[tuple[str, str], LastCheck]:
        """The last check of each, by name and fingerprint."""
        with self.database.read() as session:
            return {
                (row.name, row.fingerprint): LastCheck(
                    at=row.at,
                    ok=row.ok,
                    first_token_ms=row.first_token_ms,
                    code=row.code,
                    detail=row.detail,
                    hint=row.hint,
                )
                for row in session.scalars(select(ModelCheckRow))
            }
