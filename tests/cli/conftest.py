from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import rag.remote
from rag.cli import main
from rag.config import Settings
from tests.api.fake import FakeApp


@dataclass
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in os.environ:
        if name.startswith("RAG_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, data: Path) -> FakeApp:
    """The facade that every verb gets."""
    data.mkdir()
    made = FakeApp(Settings(data=data))

    async def connect(settings: Settings) -> FakeApp:
        made.settings = settings
        return made

    monkeypatch.setattr(rag.remote, "connect", connect)
    return made


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], data: Path) -> Callable[..., Ran]:
    def go(*arguments: str) -> Ran:
        code = main(["--data", str(data), *arguments])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return go


@pytest.fixture(autouse=True)
def _restored_logging():
    import logging

    import structlog

    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
