"""The sync over real folders, a real ledger and a real engine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from connectors.files import FilesConfig, FilesConnector
from rag.errors import DocumentFailed, EngineError, NotFound, SourceError
from rag.types import (
    Change,
    Cursor,
    Document,
    IndexQuery,
    Principal,
    RawDocument,
    SyncReport,
)
from tests.support import Bench, parse_text

BOB = Principal(id="bob")


def run(tmp_path: Path, story: Callable[[Bench], Awaitable[None]]) -> None:
    async def told() -> None:
        bench = Bench(tmp_path)
        try:
            await story(bench)
        finally:
            await bench.close()

    asyncio.run(told())


def counts(report: SyncReport) -> dict[str, int]:
    found = report.model_dump(exclude={"seconds", "chunks"})
    return {name: count for name, count in found.items() if count}


async def answerable(bench: Bench, word: str, principal: Principal = BOB) -> list[str]:
    """The texts that a search for the word would be allowed to show."""
    live = await bench.generation()
    found = await bench.index.search(
        live.id,
        IndexQuery(sparse=bench.sparse.encode_query(word), readers=principal.readers, limit=50),
    )
    admitted = bench.ledger.admit(live.id, principal, [one.chunk_id for one in found.sparse])
    payloads = await bench.index.payloads(live.id, list(admitted))
    return sorted(one.text for one in payloads.values())


def test_added_unchanged_updated_deleted(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.write("a.txt", "turbine one\n\nturbine two")
        bench.write("b.txt", "gasket")
        first = await bench.sync()
        assert counts(first) == {"added": 2}
        assert first.chunks == 3
        assert counts(await bench.sync()) == {"unchanged": 2}
        bench.write("a.txt", "turbine three, now longer")
        assert counts(await bench.sync()) == {"updated": 1, "unchanged": 1}
        assert await answerable(bench, "turbine") == ["turbine three, now longer"]
        (bench.folder / "b.txt").unlink()
        assert counts(await bench.sync()) == {"deleted": 1, "unchanged": 1}
        assert await answerable(bench, "gasket") == []
        live = await bench.generation()
        assert await bench.index.count(live.id) == 1
        assert bench.ledger.placements.orphans() == []

    run(tmp_path, story)


def test_the_same_bytes_under_a_new_revision_are_unchanged(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.write("a.txt", "turbine")
        await bench.sync()
        (bench.folder / "a.txt").unlink()
        bench.write("a.txt", "turbine")
        assert counts(await bench.sync()) == {"unchanged": 1}

    run(tmp_path, story)


def test_equal_bytes_at_two_paths_are_deleted_alone(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.write("a.txt", "turbine")
        bench.write("b.txt", "turbine")
        assert counts(await bench.sync()) == {"added": 2}
        (bench.folder / "a.txt").unlink()
        await bench.sync()
        assert await answerable(bench, "turbine") == ["turbine"]

    run(tmp_path, story)


def test_a_bad_document_stops_nobody_and_keeps_its_old_version(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.write("good.txt", "turbine good")
        bench.write("bad.txt", "turbine before")
        await bench.sync()
        bench.write("bad.txt", "UNPARSABLE turbine")
        bench.write("empty.txt", "\n\n")
        bench.write("hidden.txt", "HIDDEN turbine")
        report = await bench.sync()
        assert counts(report) == {"rejected": 2, "added": 1, "warned": 1, "unchanged": 1}
        assert "turbine before" in await answerable(bench, "turbine")
        failed = bench.ledger.documents("test", Principal(id="x", roles={"admin"}), failed=True)
        assert {(one.reason, one.state) for one in failed} == {
            ("corrupt", "rejected"),
            ("no_text", "rejected"),
        }
        assert all(one.message for one in failed)
        assert counts(await bench.sync()) == {"unchanged": 4}

    run(tmp_path, story)


class Killed(BaseException):
    """Not an Exception: nothing in the sync may catch it."""


class Listing:
    """A connector whose listing is written down."""

    def __init__(self, changes: list[Change | Exception]) -> None:
        self.changes = changes

    async def discover(self, state: Cursor):
        for change in self.changes:
            if isinstance(change, Exception):
                raise change
            yield change

    async def fetch(self, change: Change):
        raise AssertionError("nothing to fetch")

    async def aclose(self) -> None: ...


@pytest.mark.parametrize(
    "changes",
    [
        [Change(kind="complete")],
        [],
        [Change(kind="failed", key="other", reason="io")],
        [SourceError("the mount is gone")],
        [RuntimeError("a stranger's bug")],
    ],
    ids=["empty", "partial", "failed", "broken", "bug"],
)
def test_a_listing_that_is_not_whole_deletes_nothing(
    tmp_path: Path, changes: list[Change | Exception]
) -> None:
    async def story(bench: Bench) -> None:
        bench.write("a.txt", "turbine")
        await bench.sync()
        if any(isinstance(change, Exception) for change in changes):
            with pytest.raises(SourceError, match=r"gone|stranger"):
                await bench.sync(Listing(changes))
        else:
            assert (await bench.sync(Listing(changes))).deleted == 0
        assert await answerable(bench, "turbine") == ["turbine"]

    run(tmp_path, story)


def test_a_deletion_too_large_to_believe_is_held(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        for number in range(10):
            bench.write(f"{number}.txt", f"turbine {number}")
        await bench.sync()
        for number in range(5):
            (bench.folder / f"{number}.txt").unlink()
        assert counts(await bench.sync(hold_count=3)) == {"held": 5, "unchanged": 5}
        assert len(await answerable(bench, "turbine")) == 10
        assert counts(await bench.sync(hold_count=5)) == {"held": 5, "unchanged": 5}
        bench.ledger.delete(bench.ledger.held(bench.source_id()))
        (bench.folder / "9.txt").unlink()
        assert counts(await bench.sync(hold_count=5)) == {"deleted": 1, "unchanged": 4}

    run(tmp_path, story)


def test_a_revocation_reaches_the_next_question(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.write("pay.txt", "salary")
        await bench.sync()
        assert await answerable(bench, "salary") == ["salary"]
        rules = {"readers": [{"pattern": "pay.txt", "allow": ["group:hr"]}]}
        await bench.sync(config=rules)
        assert await answerable(bench, "salary") == []
        anna = Principal(id="anna", groups=frozenset({"hr"}))
        assert await answerable(bench, "salary", anna) == ["salary"]

    run(tmp_path, story)


def test_what_a_crash_left_in_the_index_never_answers_and_is_swept(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.write("a.txt", "turbine one")
        await bench.sync()
        bench.write("a.txt", "turbine two, unfinished")
        writer = await bench.writer()

        async def crash(*_: object) -> None:
            raise Killed  # as after kill -9, nothing that would follow ever runs

        put = writer.put

        async def put_then_crash(placed: list) -> None:
            await put(placed)
            await crash()

        writer.put = put_then_crash
        with pytest.raises(BaseExceptionGroup):
            await bench.sync(writer=writer)
        live = await bench.generation()
        assert await bench.index.count(live.id) == 2
        assert await answerable(bench, "turbine") == ["turbine one"]
        assert counts(await bench.sync()) == {"updated": 1}
        assert await answerable(bench, "turbine") == ["turbine two, unfinished"]
        assert await bench.index.count(live.id) == 1

    run(tmp_path, story)


def test_one_document_the_engine_refuses_fails_alone(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        for word in ("alpha", "poison", "omega"):
            bench.write(f"{word}.txt", f"turbine {word}")
        upsert = bench.index.upsert

        async def refusing(generation: str, points: list) -> None:
            if any("poison" in point.payload.text for point in points):
                raise EngineError("refused")
            await upsert(generation, points)

        bench.index.upsert = refusing
        assert counts(await bench.sync()) == {"added": 2, "failed": 1}
        assert await answerable(bench, "turbine") == ["turbine alpha", "turbine omega"]
        bench.index.upsert = upsert

    run(tmp_path, story)


def test_progress_counts_every_document(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        for number in range(7):
            bench.write(f"{number}.txt", f"turbine {number}")
        seen = []
        await bench.sync(progress=seen.append)
        assert [one.done for one in seen] == list(range(1, 8))
        assert seen[-1].total == 7

    run(tmp_path, story)


def test_a_revocation_holds_whatever_becomes_of_the_new_version(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.write("pay.txt", "salary")
        await bench.sync()
        rules = {"readers": [{"pattern": "pay.txt", "allow": ["group:hr"]}]}
        bench.write("pay.txt", "UNPARSABLE salary")
        assert counts(await bench.sync(config=rules)) == {"rejected": 1}
        anna = Principal(id="anna", groups=frozenset({"hr"}))
        assert await answerable(bench, "salary") == []
        assert await answerable(bench, "salary", anna) == ["salary"]
        none = {"readers": [{"pattern": "pay.txt", "allow": ["user:zoe"]}]}
        await bench.sync(config=none)
        assert await answerable(bench, "salary", anna) == [], "a rejected document is narrowed too"

    run(tmp_path, story)


def test_new_readers_see_no_text_from_before(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        closed = {"readers": [{"pattern": "*", "allow": ["group:hr"]}]}
        bench.write("pay.txt", "salary secret")
        await bench.sync(config=closed)
        bench.write("pay.txt", "UNPARSABLE salary, now public")
        await bench.sync()
        assert await answerable(bench, "salary") == []

    run(tmp_path, story)


def test_a_document_that_returns_unreadable_shows_no_old_version(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.write("a.txt", "turbine")
        bench.write("b.txt", "gasket")
        await bench.sync()
        (bench.folder / "a.txt").unlink()
        await bench.sync()
        bench.write("a.txt", "UNPARSABLE")
        await bench.sync()
        (one,) = (d for d in bench.ledger.known(bench.source_id()).values() if d.key == "a.txt")
        with pytest.raises(NotFound):
            bench.ledger.version(BOB, one.document_id, 1)

    run(tmp_path, story)


def test_an_outage_of_ours_makes_no_dead_letters(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.write("a.txt", "turbine")
        upsert = bench.index.upsert

        async def down(*_: object) -> None:
            raise EngineError("The engine is down.")

        bench.index.upsert = down
        for _ in range(5):
            assert counts(await bench.sync(max_attempts=1)) == {"failed": 1}
            bench.ledger.retry(bench.source_id())
        bench.index.upsert = upsert
        assert counts(await bench.sync()) == {"added": 1}

    run(tmp_path, story)


def test_a_broken_parser_makes_no_dead_letters(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.write("a.txt", "turbine")

        async def broken(raw: RawDocument) -> Document:
            raise DocumentFailed("parser_broken", f"'{raw.name}' was not read.")

        bench.parse = broken
        for _ in range(3):
            assert counts(await bench.sync(max_attempts=1)) == {"failed": 1}
            bench.ledger.retry(bench.source_id())
        bench.parse = parse_text
        assert counts(await bench.sync()) == {"added": 1}

    run(tmp_path, story)


def test_a_key_listed_twice_is_read_once(tmp_path: Path) -> None:
    class Twice(FilesConnector):
        async def discover(self, state: Cursor) -> AsyncIterator[Change]:
            async for change in super().discover(state):
                yield change
                if change.kind == "upsert":
                    yield change

    async def story(bench: Bench) -> None:
        bench.write("a.txt", "turbine")
        report = await bench.sync(connector=Twice(FilesConfig(path=bench.folder)))
        assert counts(report) == {"added": 1, "warned": 1}

    run(tmp_path, story)
