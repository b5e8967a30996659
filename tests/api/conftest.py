from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from fastapi.testclient import TestClient

from rag.api.server import create_app
from rag.config import ServerSettings, Settings
from tests.api.fake import FakeApp


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[dict]]:
    """What the server logs."""
    with structlog.testing.capture_logs() as lines:
        yield lines  # type: ignore[misc]


@pytest.fixture
def fake(tmp_path: Path) -> FakeApp:
    server = ServerSettings(max_body_bytes=20_000, max_concurrent=2)
    return FakeApp(Settings(data=tmp_path, server=server))


@pytest.fixture
def client(fake: FakeApp) -> Iterator[TestClient]:
    with TestClient(create_app(fake), base_url="http://localhost:8000") as made:  # type: ignore[arg-type]
        yield made
