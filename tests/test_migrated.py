"""The databases that tests are given are what the migrations make."""

from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, inspect, text

from rag.store.database import Database
from tests import migrated

WRITTEN = {
    "sqlite": "SELECT sql FROM sqlite_master ORDER BY rowid",
    "postgresql": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexdef",
}


def described(connection: Connection) -> list[str]:
    """Everything that a database tells of its schema, and which it is."""
    found = inspect(connection)
    told = [str(connection.scalar(text("SELECT version_num FROM alembic_version")))]
    for table in sorted(found.get_table_names()):
        told.append(f"{table} {found.get_pk_constraint(table)}")
        told += [f"{table} {column}" for column in found.get_columns(table)]
        told += sorted(f"{table} {key}" for key in found.get_foreign_keys(table))
        told += sorted(f"{table} {one}" for one in found.get_unique_constraints(table))
    told += map(str, connection.scalars(text(WRITTEN[connection.dialect.name])))
    return told


@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_what_was_done_again_is_what_was_done(database_url: str, tmp_path: Path) -> None:
    first = Database(database_url)
    migrated._done.clear()
    first.migrate()
    assert list(migrated._done) == [first.engine.dialect.name]
    with first.engine.connect() as connection:
        expected = described(connection)
    assert len(expected) > 400
    second = Database(_another(first.engine, tmp_path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrated, "upgrade", lambda *_: pytest.fail("migrated anew"))
        second.migrate()
    with second.engine.connect() as connection:
        assert described(connection) == expected
    for one in (first, second):
        one.close()


def _another(engine: Engine, tmp_path: Path) -> str:
    if engine.dialect.name == "sqlite":
        return f"sqlite:///{tmp_path / 'another.db'}"
    name = f"t{uuid4().hex}"
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text(f"CREATE DATABASE {name}"))
    return engine.url.set(database=name).render_as_string(hide_password=False)
