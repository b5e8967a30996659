"""The ledger on both databases: what is live, who may read it, and what a crash leaves behind."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, text

from rag.errors import ConfigError, Conflict, InvalidInput, NotFound
from rag.store.database import Database
from rag.store.ledger import _ADMITTED, Ledger
from rag.store.placements import NewVersion, Orphan, chunk_id, document_id
from rag.store.uploads import Uploads
from rag.types import Principal

ANNA = Principal(id="anna", groups=frozenset({"hr"}))
BOB = Principal(id="bob")
ADMITTED = str(_ADMITTED).replace("(__[POSTCOMPILE_shared])", "(:shared)")


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(database_url: str, clock: Clock) -> Iterator[Ledger]:
    database = Database(database_url)
    database.migrate()
    yield Ledger(database, clock)
    database.close()


def place(
    ledger: Ledger, key: str = "a", readers: tuple[str, ...] = ("everyone",), revision: str = "1"
) -> tuple[str, str, int]:
    source = ledger.sources.add("d", "s", "files", {})
    live = ledger.generations.live("d") or ledger.generations.add("d", {}, 3, "live")
    identity, version = ledger.placements.reserve(
        live.id, source.id, "d", [(key, f"file:///{key}")]
    )[key]
    ledger.placements.commit(live.id, [new(identity, version, key, readers, revision)])
    return live.id, identity, version


def new(
    identity: str, version: int, key: str, readers: tuple[str, ...], revision: str
) -> NewVersion:
    return NewVersion(
        document_id=identity, version=version, key=key, uri=f"file:///{key}", name=key,
        revision=revision, readers=frozenset(readers), content_hash="c" * 64, text_hash="t" * 64,
        title=key, media_type="text/plain", language="en", warnings=(), modified_at=None, chunks=2,
    )  # fmt: skip


def admitted(ledger: Ledger, live: str, who: Principal, identities: list[str]) -> dict[str, int]:
    """The version of each document whose chunks are admitted, of all that could be."""
    asked = {
        chunk_id(one, version, 5): (one, version) for one in identities for version in (1, 2, 3)
    }
    return dict(asked[one] for one in ledger.admit(live, who, asked))


def test_only_a_committed_version_is_admitted(ledger: Ledger) -> None:
    source = ledger.sources.add("d", "s", "files", {})
    live = ledger.generations.add("d", {}, 3, "live")
    identity, version = ledger.placements.reserve(live.id, source.id, "d", [("a", "u")])["a"]
    assert admitted(ledger, live.id, BOB, [identity]) == {}
    assert ledger.placements.orphans() == [
        Orphan(generation_id=live.id, document_id=identity, version=version)
    ]
    ledger.placements.commit(live.id, [new(identity, version, "a", ("everyone",), "1")])
    assert admitted(ledger, live.id, BOB, [identity]) == {identity: 1}
    assert ledger.placements.orphans() == []


def test_a_new_version_replaces_the_old_at_once_and_leaves_it_to_be_swept(ledger: Ledger) -> None:
    live, identity, _ = place(ledger)
    _, _, second = place(ledger, revision="2")
    assert second == 2
    assert admitted(ledger, live, BOB, [identity]) == {identity: 2}
    orphans = ledger.placements.orphans()
    assert [orphan.version for orphan in orphans] == [1]
    ledger.placements.swept(orphans)
    assert ledger.placements.orphans() == []


def test_an_interrupted_version_number_is_never_used_again(ledger: Ledger) -> None:
    live, identity, _ = place(ledger)
    source = ledger.sources.list("d")[0]
    interrupted = ledger.placements.reserve(live, source.id, "d", [("a", "u")])["a"][1]
    assert ledger.placements.reserve(live, source.id, "d", [("a", "u")])["a"][1] == interrupted + 1
    assert admitted(ledger, live, BOB, [identity]) == {identity: 1}


def test_readers_decide_and_a_revocation_counts_at_once(ledger: Ledger) -> None:
    live, identity, _ = place(ledger, readers=("group:hr",))
    assert admitted(ledger, live, ANNA, [identity]) == {identity: 1}
    assert admitted(ledger, live, BOB, [identity]) == {}
    with pytest.raises(NotFound):
        ledger.version(BOB, identity, 1)
    ledger.set_readers([identity], frozenset({"user:bob"}))
    assert admitted(ledger, live, ANNA, [identity]) == {}
    assert ledger.version(BOB, identity, 1).title == "a"


def test_a_deleted_document_is_gone_everywhere(ledger: Ledger) -> None:
    live, identity, _ = place(ledger)
    building = ledger.generations.add("d", {}, 3, "building")
    ledger.placements.place_existing(building.id, [(identity, 1, 2)])
    ledger.delete([identity])
    assert admitted(ledger, live, BOB, [identity]) == {}
    assert admitted(ledger, building.id, BOB, [identity]) == {}
    assert {orphan.generation_id for orphan in ledger.placements.orphans()} == {live, building.id}
    assert ledger.documents("d", BOB, failed=False) == []
    with pytest.raises(NotFound):
        ledger.version(BOB, identity, 1)


def place_many(ledger: Ledger, count: int, source: str = "s") -> tuple[str, list[str]]:
    """That many documents of a source, live."""
    known = ledger.sources.add("d", source, "files", {})
    live = ledger.generations.live("d") or ledger.generations.add("d", {}, 3, "live")
    keys = [f"{source}{number:05}" for number in range(count)]
    placed = ledger.placements.reserve(live.id, known.id, "d", [(key, key) for key in keys])
    ledger.placements.commit(live.id, [new(*placed[key], key, ("everyone",), "1") for key in keys])
    return live.id, [placed[key][0] for key in keys]


def changing(database: Database) -> list[str]:
    """The statements that change something, as they are sent from now on."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "SELECT")):
            sent.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    return sent


def test_however_many_documents_are_deleted_few_statements_do_it(ledger: Ledger) -> None:
    live, identities = place_many(ledger, 1100)
    ledger.placements.mark_orphans(
        [Orphan(generation_id=live, document_id=identities[0], version=1)]
    )
    sent = changing(ledger.database)
    ledger.delete(identities[:1050])
    assert len(sent) == 4 * 3
    assert len(ledger.placements.orphans()) == 1050
    assert len(admitted(ledger, live, BOB, identities)) == 50
    before = ledger.known(ledger.sources.list("d")[0].id)
    ledger.delete(identities[:1050])
    assert ledger.known(ledger.sources.list("d")[0].id) == before


def test_a_source_is_removed_with_its_documents_and_uploads_or_not_at_all(ledger: Ledger) -> None:
    live, mine = place_many(ledger, 1100, "s")
    _, other = place_many(ledger, 2, "t")
    source = next(one.id for one in ledger.sources.list("d") if one.name == "s")
    Uploads(ledger.database, ledger.now).put(
        source, "a", digest="c" * 64, size=1, media_type="", readers=(), uploaded_by="me"
    )
    ledger.delete(mine[:1])
    sent = changing(ledger.database)

    def break_off(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM placements"):
            raise KeyboardInterrupt

    event.listen(ledger.database.engine, "before_cursor_execute", break_off)
    with pytest.raises(KeyboardInterrupt):
        ledger.sources.remove(source)
    event.remove(ledger.database.engine, "before_cursor_execute", break_off)
    assert [one.name for one in ledger.sources.list("d")] == ["s", "t"]
    assert len(admitted(ledger, live, BOB, mine)) == 1099
    sent.clear()
    assert ledger.sources.remove(source) == 1099
    assert len(sent) == 6
    assert Uploads(ledger.database, ledger.now).list(source) == []
    assert set(admitted(ledger, live, BOB, mine + other)) == set(other)
    assert len(ledger.placements.orphans()) == 1100


def test_a_deleted_document_that_returns_gets_the_next_version(ledger: Ledger) -> None:
    live, identity, _ = place(ledger)
    ledger.delete([identity])
    assert place(ledger)[1:] == (identity, 2)
    assert admitted(ledger, live, BOB, [identity]) == {identity: 2}


def fail(ledger: Ledger, revision: str = "1") -> str:
    source = ledger.sources.add("d", "s", "files", {})
    return ledger.fail(
        source.id, "d", "a", "u", state="failed", reason="io", message="no",
        revision=revision, max_attempts=3,
    )  # fmt: skip


def test_failures_back_off_then_die_and_new_bytes_try_again(ledger: Ledger, clock: Clock) -> None:
    source = ledger.sources.add("d", "s", "files", {})
    assert fail(ledger) == "failed"
    assert not ledger.known(source.id)["a"].due
    clock.time += timedelta(seconds=61)
    assert ledger.known(source.id)["a"].due
    assert [fail(ledger), fail(ledger)] == ["failed", "dead_letter"]
    assert fail(ledger, revision="2") == "failed"


def test_a_failure_leaves_the_live_version_answering(ledger: Ledger) -> None:
    live, identity, _ = place(ledger)
    fail(ledger, revision="2")
    assert admitted(ledger, live, BOB, [identity]) == {identity: 1}
    [failed] = ledger.documents("d", BOB, failed=True)
    assert (failed.state, failed.attempts) == ("failed", 1)
    assert failed.next_attempt == ledger.now() + timedelta(seconds=60)
    [source] = ledger.sources.list("d")
    assert (source.documents, source.failed) == (0, 1)


def test_documents_shows_only_what_one_may_read(ledger: Ledger) -> None:
    place(ledger, "a", ("group:hr",))
    place(ledger, "b")
    assert [one.title for one in ledger.documents("d", BOB, failed=False)] == ["b"]
    assert len(ledger.documents("d", ANNA, failed=False)) == 2


def test_a_switch_leaves_exactly_one_live_generation(ledger: Ledger) -> None:
    live, identity, _ = place(ledger)
    building = ledger.generations.add("d", {}, 3, "building")
    ledger.placements.place_existing(building.id, [(identity, 1, 2)])
    ledger.generations.switch(building.id)
    now = ledger.generations.live("d")
    assert now is not None
    assert now.id == building.id
    assert [one.id for one in ledger.generations.retired("d")] == [live]
    ledger.generations.forget(live)
    assert ledger.generations.retired("d") == []


def test_a_source_name_means_one_thing(ledger: Ledger) -> None:
    first = ledger.sources.add("d", "s", "files", {"path": "a"})
    assert ledger.sources.add("d", "s", "files", {"path": "a"}).id == first.id
    with pytest.raises(Conflict, match="--name"):
        ledger.sources.add("d", "s", "files", {"path": "b"})


def test_equal_keys_of_two_sources_are_two_documents() -> None:
    assert document_id("one", "a") != document_id("two", "a")
    assert document_id("one", "a") == document_id("one", "a")


@pytest.mark.usefixtures("really_migrated")
def test_a_newer_schema_is_refused_and_not_written(database_url: str) -> None:
    database = Database(database_url)
    database.migrate()
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="newer Ratchet"):
        database.migrate()
    with database.engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    database.close()


@pytest.mark.filterwarnings("ignore:.*expression-based index")
@pytest.mark.usefixtures("really_migrated")
def test_models_and_migrations_agree(database_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from rag.store.models import Base

    database = Database(database_url)
    database.migrate()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []
    database.close()


def test_a_question_looks_up_only_the_documents_it_found(tmp_path: Path) -> None:
    """SQLite would otherwise go through all that is placed, with every question."""
    database = Database(f"sqlite:///{tmp_path / 'ratchet.db'}")
    database.migrate()
    with database.engine.connect() as connection:
        plans = [
            row[-1]
            for row in connection.execute(
                text(f"EXPLAIN QUERY PLAN {ADMITTED}"), {"generation": "g", "shared": "s"}
            )
        ]
    database.close()
    assert [plan.split()[:2] for plan in plans] == [
        ["SEARCH", "documents"],
        ["SEARCH", "placements"],
    ]
    assert "ix_documents_shared" in plans[0]
    assert "document_id=?" in plans[1]


def test_the_list_of_documents_comes_in_pages(ledger: Ledger) -> None:
    for name in ("b", "a"):
        source = ledger.sources.add("d", name, "files", {}).id
        for number in range(3):
            readers = frozenset({"group:hr"} if number == 1 else {"everyone"})
            ledger.fail(
                source, "d", f"{number}", f"file:///{number}", state="failed", reason="x",
                message="", revision="1", max_attempts=3,
            )  # fmt: skip
            ledger.set_readers([document_id(source, f"{number}")], readers)
    for who, count in ((ANNA, 6), (BOB, 4)):
        whole = ledger.documents("d", who)
        assert [(one.source, one.uri) for one in whole] == sorted(
            (one.source, one.uri) for one in whole
        )
        paged, after = [], None
        while page := ledger.documents("d", who, limit=3, after=after):
            paged += page
            after = page[-1].id
        assert (len(paged), [one.id for one in paged]) == (count, [one.id for one in whole])
    assert [one.source for one in ledger.documents("d", ANNA, source="a")] == ["a"] * 3
    assert [one.uri for one in ledger.documents("d", ANNA, search="E:///2")] == ["file:///2"] * 2
    assert ledger.documents("d", ANNA, search="file:___2") == [], "as it is written"
    ledger.delete([whole[1].id])
    assert ledger.documents("d", BOB, after=whole[1].id) == whole[2:], "its place is still known"
    with pytest.raises(InvalidInput):
        ledger.documents("other", BOB, after=whole[0].id)


def test_readable_are_documents_of_the_domain_that_exist_and_let_one_in(ledger: Ledger) -> None:
    ids = {}
    for domain in ("d", "other"):
        source = ledger.sources.add(domain, "docs", "files", {}).id
        for key, readers in (("all", "everyone"), ("hr", "group:hr"), ("gone", "everyone")):
            ledger.fail(
                source, domain, key, key, state="failed", reason="x", message="", revision="1",
                max_attempts=3,
            )  # fmt: skip
            ids[domain, key] = document_id(source, key)
            ledger.set_readers([ids[domain, key]], frozenset({readers}))
        ledger.delete([ids[domain, "gone"]])
    assert ledger.readable(ANNA, "d", ids.values()) == {ids["d", "all"], ids["d", "hr"]}
    assert ledger.readable(BOB, "d", ids.values()) == {ids["d", "all"]}
    assert ledger.readable(BOB, "other", ids.values()) == {ids["other", "all"]}
    assert ledger.readable(BOB, "d", []) == set()
