"""Connections: enough for every thread that asks, and a typed error where there are none."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from rag.errors import Unavailable
from rag.store import database
from rag.store.database import Database


@pytest.fixture
def opened(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(database, "POOL_TIMEOUT_S", 0.01)
    found = Database(database_url)
    yield found
    found.close()


def read_at_once(opened: Database, count: int) -> None:
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(opened.read()).connection()


def test_every_thread_of_the_default_executor_has_a_connection(
    opened: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "process_cpu_count", lambda: 1000, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 1000)
    with ThreadPoolExecutor() as executor:
        read_at_once(opened, executor._max_workers)


def test_no_connection_that_is_free_is_told_as_such(opened: Database) -> None:
    with pytest.raises(Unavailable, match="No connection"):
        read_at_once(opened, 100)
    read_at_once(opened, 1)
