"""What every connector must do; subclass `ConnectorContract` and name a source to read.

class TestMine(ConnectorContract):
    @pytest.fixture
    def source(self, tmp_path): ...   # a ConnectorSource
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from pydantic import BaseModel

from rag.errors import RagError
from rag.protocols import Connector
from rag.types import Change, Cursor, RawDocument


@dataclass(frozen=True)
class ConnectorSource:
    """A source under test: `make` builds the connector anew; `edit` and `remove` change what it
    reads; `broken` makes the whole source unreadable. `count` is how many documents it has."""

    make: Callable[[], Connector]
    count: int
    edit: Callable[[], None]
    remove: Callable[[], None]
    broken: Callable[[], None]
    expected: frozenset[bytes] = field(default_factory=frozenset[bytes])


class ConnectorContract:
    """Full listings end with `complete`; a broken source never does, so it deletes nothing."""

    def test_config_is_a_form(self, source: ConnectorSource) -> None:
        config = source.make().Config
        assert issubclass(config, BaseModel)
        schema = config.model_json_schema()
        for name, form in schema["properties"].items():
            assert form.get("description"), f"the field '{name}' has no description"
        assert config.model_config.get("extra") == "forbid"

    def test_check_says_what_would_be_read(self, source: ConnectorSource) -> None:
        assert asyncio.run(_check(source.make())).strip()

    def test_full_listing_ends_complete(self, source: ConnectorSource) -> None:
        changes = asyncio.run(_list(source.make()))
        assert changes[-1].kind == "complete"
        upserts = [change for change in changes if change.kind == "upsert"]
        assert len(upserts) == source.count
        assert len({change.key for change in upserts}) == source.count
        assert all(change.revision and change.uri and change.readers for change in upserts)

    def test_listing_is_stable(self, source: ConnectorSource) -> None:
        assert asyncio.run(_list(source.make())) == asyncio.run(_list(source.make()))

    def test_fetch_returns_the_bytes(self, source: ConnectorSource) -> None:
        raws = asyncio.run(_fetch_all(source.make()))
        assert len(raws) == source.count
        assert source.expected <= {raw.data for raw in raws}

    def test_an_edit_changes_one_revision(self, source: ConnectorSource) -> None:
        before = _revisions(asyncio.run(_list(source.make())))
        source.edit()
        after = _revisions(asyncio.run(_list(source.make())))
        assert before.keys() == after.keys()
        assert sum(before[key] != after[key] for key in before) == 1

    def test_what_is_removed_is_no_longer_listed(self, source: ConnectorSource) -> None:
        before = _revisions(asyncio.run(_list(source.make())))
        source.remove()
        changes = asyncio.run(_list(source.make()))
        assert len(before.keys() - _revisions(changes).keys()) == 1
        assert changes[-1].kind == "complete"

    def test_a_broken_source_never_completes(self, source: ConnectorSource) -> None:
        source.broken()
        assert "complete" not in asyncio.run(_kinds_until_it_breaks(source.make()))


async def _check(connector: Connector) -> str:
    try:
        return await connector.check()
    finally:
        await connector.aclose()


async def _list(connector: Connector) -> list[Change]:
    try:
        return [change async for change in connector.discover(Cursor())]
    finally:
        await connector.aclose()


async def _kinds_until_it_breaks(connector: Connector) -> set[str]:
    kinds: set[str] = set()
    with suppress(RagError):
        async for change in connector.discover(Cursor()):
            kinds.add(change.kind)
    await connector.aclose()
    return kinds


async def _fetch_all(connector: Connector) -> list[RawDocument]:
    try:
        changes = [change async for change in connector.discover(Cursor())]
        return [await connector.fetch(one) for one in changes if one.kind == "upsert"]
    finally:
        await connector.aclose()


def _revisions(changes: list[Change]) -> dict[str, str]:
    return {change.key: change.revision for change in changes if change.kind == "upsert"}
