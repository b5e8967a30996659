"""A folder with workers, on SQLite and PostgreSQL, and a disk that fails when it is told to."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.jobs.place import Place


class Disk:
    """What regular files are on, for processes that are started from now on."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def fault(self, name: str) -> Iterator[None]:
        """`low`, `full` or `broken` while the block runs."""
        (self.root / name).touch()
        try:
            yield
        finally:
            (self.root / name).unlink()


@pytest.fixture(scope="session")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    made = tmp_path_factory.mktemp("disk") / "disk.so"
    source = Path(__file__).with_name("disk.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", made, source, "-ldl"], check=True)
    return made


@pytest.fixture
def disk(preloaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setenv("LD_PRELOAD", str(preloaded))
    for fault in ("low", "full", "broken"):
        monkeypatch.setenv(f"DISK_{fault.upper()}", str(tmp_path / fault))
    return Disk(tmp_path)


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    made = Place(tmp_path, database_url)
    yield made
    made.bench.database.close()
