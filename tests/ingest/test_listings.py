"""What a listing says and when: strange texts, comings and goings, interruptions, takeovers."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from rag.errors import EngineError, Superseded
from rag.store.database import Database
from rag.store.ledger import Ledger
from rag.types import Change, Cursor, Principal, RawDocument
from tests.ingest.test_sync import BOB, Killed, answerable, counts, run
from tests.support import Bench

HR = Principal(id="anna", groups=frozenset({"hr"}))
COMPLETE = Change(kind="complete")


class Told:
    """A connector whose listing is written down; every document says its key."""

    def __init__(self, *changes: Change) -> None:
        self.changes = changes

    async def discover(self, state: Cursor):
        for change in self.changes:
            yield change

    async def fetch(self, change: Change) -> RawDocument:
        return RawDocument(
            key=change.key, uri=change.uri, name=f"{change.key}\0.txt", readers=change.readers,
            data=f"turbine {change.key}".encode(),
        )  # fmt: skip

    async def aclose(self) -> None: ...


def there(key: str, revision: str = "1", readers: Sequence[str] = ("everyone",)) -> Change:
    return Change(
        kind="upsert", key=key, uri=f"u:{key}", revision=revision, readers=frozenset(readers)
    )


@pytest.mark.parametrize("bad", ["\ud800", "\0"])
def test_what_cannot_be_kept_costs_no_other_document(
    tmp_path: Path, database_url: str, bad: str
) -> None:
    async def story() -> None:
        bench = Bench(tmp_path, database_url)
        odd = there("b").model_copy(update={"uri": f"u:{bad}", "revision": bad})
        listing = Told(there("a"), there(f"x{bad}"), odd, COMPLETE)
        assert counts(await bench.sync(listing)) == {"added": 2, "failed": 1}
        assert counts(await bench.sync(listing)) == {"unchanged": 2, "failed": 1}
        assert await answerable(bench, "turbine") == ["turbine a", "turbine b"]
        await bench.close()

    asyncio.run(story())


def test_who_is_let_in_finds_it_also_after_a_crash(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.sync(Told(there("pay", readers=["group:hr"]), COMPLETE))
        opened = Told(there("pay"), COMPLETE)
        writer = await bench.writer()

        async def crash(*_: object) -> None:
            raise Killed

        writer.put = crash
        with pytest.raises(BaseExceptionGroup):
            await bench.sync(opened, writer=writer)
        assert await answerable(bench, "turbine", HR) == ["turbine pay"]
        assert await answerable(bench, "turbine", BOB) == []
        assert counts(await bench.sync(opened)) == {"updated": 1}
        assert await answerable(bench, "turbine", BOB) == ["turbine pay"]

    run(tmp_path, story)


def test_what_comes_and_goes_within_a_listing_is_gone(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        gone = Change(kind="delete", key="new")
        await bench.sync(Told(there("old"), COMPLETE))
        found = counts(await bench.sync(Told(there("new"), gone)))
        assert found == {"added": 1, "deleted": 1}
        assert await answerable(bench, "turbine") == ["turbine old"]
        back = counts(await bench.sync(Told(gone, there("new", "2"))))
        assert back == {"added": 1}
        assert await answerable(bench, "turbine") == ["turbine new", "turbine old"]

    run(tmp_path, story)


def test_what_is_there_again_waits_for_no_deletion(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        keys = [f"k{number}" for number in range(30)]
        await bench.sync(Told(*map(there, keys), COMPLETE))
        partial = Told(*(Change(kind="delete", key=key) for key in keys))
        assert counts(await bench.sync(partial)) == {"held": 30}
        assert len(bench.ledger.held(bench.source_id())) == 30
        failing = Change(kind="failed", key="k0", uri="u", reason="io")
        assert counts(await bench.sync(Told(failing, *map(there, keys[1:20]))))["unchanged"] == 19
        assert len(bench.ledger.held(bench.source_id())) == 10

    run(tmp_path, story)


def test_what_was_only_begun_is_not_unchanged(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        plain = Told(there("a", revision=""), COMPLETE)
        writer = await bench.writer()

        async def crash(*_: object) -> None:
            raise Killed

        writer.put = crash
        with pytest.raises(BaseExceptionGroup):
            await bench.sync(plain, writer=writer)
        assert counts(await bench.sync(plain)) == {"added": 1}

    run(tmp_path, story)


def test_who_was_taken_over_from_sweeps_and_drops_nothing(tmp_path: Path) -> None:
    """Neither what the other has written and not yet committed, nor the index it is building."""

    async def story(bench: Bench) -> None:
        await bench.sync(Told(there("a"), COMPLETE))
        live = await bench.generation()
        bench.ledger.placements.reserve(live.id, bench.source_id(), "test", [("b", "u")])
        lost = Ledger(guarded(bench.database))
        with pytest.raises(Superseded):
            lost.placements.orphans(bench.source_id())
        with pytest.raises(Superseded):
            lost.generations.building("test")

    run(tmp_path, story)


def guarded(database: Database) -> Database:
    def refuse(_: object) -> None:
        raise Superseded("no longer this worker's")

    return database.guarded(refuse)


def test_what_the_engine_broke_off_is_listed_after_a_takeover(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        writer = await bench.writer()

        async def swept_then_broken(placed: list) -> None:
            # Another has taken over and swept, before the last points arrive and the engine fails.
            bench.ledger.placements.swept(bench.ledger.placements.orphans())
            raise EngineError("broken")

        write, left = writer.write, []

        async def looked_at(*given: object) -> None:
            try:
                await write(*given)
            finally:
                left.extend(bench.ledger.placements.orphans())

        writer.put, writer.write = swept_then_broken, looked_at
        assert counts(await bench.sync(Told(there("a"), COMPLETE), writer=writer)) == {"failed": 1}
        assert [orphan.version for orphan in left] == [1]

    run(tmp_path, story)


def test_what_is_held_goes_only_when_it_is_believed(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        keys = [f"k{number}" for number in range(60)]
        await bench.sync(Told(*map(there, keys), COMPLETE))
        for back, held in ((10, 50), (30, 30), (29, 31), (45, 15)):
            found = counts(await bench.sync(Told(*map(there, keys[:back]), COMPLETE)))
            assert found == {"unchanged": back, "held": held}, "one more that goes waits with them"
        assert len(bench.ledger.held(bench.source_id())) == 15
        assert counts(await bench.sync(Told(*map(there, keys), COMPLETE))) == {"unchanged": 60}
        assert bench.ledger.held(bench.source_id()) == []
        assert counts(await bench.sync(Told(*map(there, keys[:50]), COMPLETE)))["deleted"] == 10

    run(tmp_path, story)


def test_a_long_page_of_what_did_not_change_lets_questions_in(tmp_path: Path) -> None:
    async def story() -> None:
        bench, pages = Bench(tmp_path), [there(f"{number:03}") for number in range(200)]
        await bench.sync(Told(*pages, COMPLETE))
        turns: list[int] = []

        class Page(Told):
            async def discover(self, state: Cursor):
                going = asyncio.create_task(count())
                async for change in super().discover(state):
                    yield change
                going.cancel()

        async def count() -> None:
            while True:
                turns.append(1)
                await asyncio.sleep(0)

        assert counts(await bench.sync(Page(*pages, COMPLETE))) == {"unchanged": 200}
        assert len(turns) >= len(pages)
        await bench.close()

    asyncio.run(story())
