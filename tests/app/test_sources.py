"""Sources on the real facade: credentials, pausing, removing, holds, second chances."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import ClassVar

import pytest
import structlog
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from rag import plugins
from rag.app import App
from rag.errors import (
    ConfigError,
    Conflict,
    DocumentFailed,
    InvalidInput,
    NotFound,
    SourceError,
    Unavailable,
)
from rag.store.models import SourceRow
from rag.types import (
    Change,
    Cursor,
    Principal,
    RawDocument,
    RunProgress,
    SearchRequest,
    SyncReport,
)
from tests.app.test_app import BOB, open_app, titles

ME = Principal(id="local")


class ShelfConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    shelf: str = Field(description="Which shelf.")
    password: SecretStr = Field(SecretStr(""), description="What opens it.")


class ShelfConnector:
    """A source that knows what changed: its listings can begin at a cursor."""

    Config: ClassVar[type[BaseModel]] = ShelfConfig
    books: ClassVar[dict[str, str]] = {}
    log: ClassVar[list[tuple[int, str]]] = []
    starts: ClassVar[list[str | None]] = []
    failing: ClassVar[set[str]] = set()

    def __init__(self, config: ShelfConfig) -> None:
        if config.password.get_secret_value() != "sesame":
            raise ConfigError("The password is wrong.")

    @classmethod
    def put(cls, key: str, text: str) -> None:
        cls.books[key] = text
        cls.log.append((len(cls.log) + 1, key))

    async def check(self) -> str:
        return f"{len(self.books)} books."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        self.starts.append(state.value)
        since = int(state.value or 0)
        names = dict.fromkeys(key for at, key in self.log if at > since)
        for key in names:
            if key in self.books:
                yield Change(kind="upsert", key=key, uri=f"shelf:{key}", revision=self.books[key])
            else:
                yield Change(kind="delete", key=key, uri=f"shelf:{key}")
        yield Change(kind="complete", cursor=str(len(self.log)))

    async def fetch(self, change: Change) -> RawDocument:
        if change.key in self.failing:
            raise DocumentFailed("busy", "The book is lent out.")
        return RawDocument(
            key=change.key, uri=change.uri, name=change.key, data=self.books[change.key].encode()
        )

    async def aclose(self) -> None: ...


@pytest.fixture(autouse=True)
def shelf(monkeypatch: pytest.MonkeyPatch) -> type[ShelfConnector]:
    for held in (ShelfConnector.books, ShelfConnector.failing):
        held.clear()
    ShelfConnector.log.clear()
    ShelfConnector.starts.clear()
    load = plugins.load
    monkeypatch.setattr(
        plugins,
        "load",
        lambda group, name: ShelfConnector if name == "shelf" else load(group, name),
    )
    return ShelfConnector


def run(tmp_path: Path, story: Callable[[App], Awaitable[None]]) -> None:
    async def told() -> None:
        app = open_app(tmp_path)
        try:
            await story(app)
        finally:
            await app.aclose()

    asyncio.run(told())


async def add_shelf(app: App) -> None:
    config = {"shelf": "top", "password": "sesame"}
    await app.add_source(ME, connector="shelf", config=config, name="shelf")


def counts(report: SyncReport) -> dict[str, int]:
    found = report.model_dump(exclude={"seconds", "chunks"})
    return {name: count for name, count in found.items() if count}


async def found(app: App, word: str) -> list[str]:
    return titles(await app.search(BOB, SearchRequest(query=word)))


def test_credentials_are_kept_sealed_and_never_shown(tmp_path: Path, shelf) -> None:
    async def story(app: App) -> None:
        await add_shelf(app)
        (source,) = await app.sources(ME)
        assert source.config == {"shelf": "top"}
        assert source.secrets == ("password",)
        assert "sesame" not in source.model_dump_json()
        with app._parts.ledger.database.read() as session:
            row = session.get_one(SourceRow, source.id)
            assert "sesame" not in f"{row.config}{row.secrets}"
        assert b"sesame" not in (tmp_path / "data" / "ratchet.db").read_bytes()
        assert await app.check_source(ME, "shelf") == "0 books."
        assert (await app.rotate_keys(ME)).sources == 1
        assert await app.check_source(ME, "shelf") == "0 books."
        (tmp_path / "data" / "secret.keys").unlink()
        with pytest.raises(Unavailable, match="keys"):
            await app.check_source(ME, "shelf")

    run(tmp_path, story)


def test_a_source_is_refused_that_cannot_be_reached(tmp_path: Path, shelf) -> None:
    async def story(app: App) -> None:
        config = {"shelf": "top", "password": "wrong"}
        with pytest.raises(InvalidInput, match="password is wrong"):
            await app.add_source(ME, connector="shelf", config=config)
        with pytest.raises(InvalidInput, match="Did you mean 'shelf'"):
            await app.check_connector(ME, connector="shelf", config={"shef": "top"})
        with pytest.raises(InvalidInput, match="cannot be read"):
            await app.add_source(ME, connector="files", config={"path": str(tmp_path / "none")})
        assert await app.sources(ME) == []

    run(tmp_path, story)


def test_every_connector_has_a_form(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        kinds = {one.name: one for one in await app.connectors(ME)}
        assert kinds["files"].form["required"] == ["path"]
        assert all(one.about and not one.problem for one in kinds.values())

    run(tmp_path, story)


def test_a_listing_begins_where_the_last_one_ended(tmp_path: Path, shelf) -> None:
    async def story(app: App) -> None:
        await add_shelf(app)
        shelf.put("a", "turbine")
        shelf.put("b", "gasket")
        assert counts(await app.sync(ME)) == {"added": 2}
        shelf.put("b", "gasket, revised")
        assert counts(await app.sync(ME)) == {"updated": 1}
        del shelf.books["a"]
        shelf.log.append((len(shelf.log) + 1, "a"))
        assert counts(await app.sync(ME)) == {"deleted": 1}
        assert shelf.starts == [None, "2", "3"]
        assert await found(app, "gasket") == ["b"]

    run(tmp_path, story)


def test_what_failed_is_listed_again(tmp_path: Path, shelf) -> None:
    async def story(app: App) -> None:
        await add_shelf(app)
        shelf.put("a", "turbine")
        await app.sync(ME)
        shelf.put("b", "gasket")
        shelf.failing.add("b")
        assert counts(await app.sync(ME)) == {"failed": 1}
        shelf.failing.clear()
        assert counts(await app.sync(ME)) == {"failed": 1}, "it is not due yet"
        assert await app.retry(ME, "shelf") == 1
        a, b = sorted(await app.documents(ME), key=lambda one: one.uri)
        assert await app.retry(ME, "shelf", b.id) == 1
        with pytest.raises(Conflict, match="did not fail: it is indexed"):
            await app.retry(ME, "shelf", a.id)
        with pytest.raises(NotFound, match="no document 'none'"):
            await app.retry(ME, "shelf", "none")
        assert counts(await app.sync(ME)) == {"added": 1, "unchanged": 1}
        assert shelf.starts == [None, "1", "1", None]

    run(tmp_path, story)


def test_a_paused_source_is_left_alone_and_answers(tmp_path: Path, shelf) -> None:
    async def story(app: App) -> None:
        await add_shelf(app)
        shelf.put("a", "turbine")
        await app.sync(ME)
        assert (await app.pause_source(ME, "shelf", True)).paused
        shelf.put("b", "gasket")
        assert counts(await app.sync(ME)) == {}
        with pytest.raises(Conflict, match="paused"):
            await app.sync(ME, source="shelf")
        assert await found(app, "turbine") == ["a"]
        await app.pause_source(ME, "shelf", False)
        assert counts(await app.sync(ME)) == {"added": 1}

    run(tmp_path, story)


def test_a_removed_source_answers_nothing_and_frees_its_name(tmp_path: Path, shelf) -> None:
    async def story(app: App) -> None:
        await add_shelf(app)
        shelf.put("a", "turbine")
        await app.sync(ME)
        live = app._parts.ledger.generations.live("test")
        assert await app.remove_source(ME, "shelf") == 1
        assert await found(app, "turbine") == []
        assert await app._parts.index.count(live.id) == 0
        assert await app.sources(ME) == []
        with pytest.raises(NotFound):
            await app.source(ME, "shelf")
        await add_shelf(app)
        assert counts(await app.sync(ME)) == {"added": 1}
        assert await found(app, "turbine") == ["a"]

    run(tmp_path, story)


def test_a_hold_shows_what_it_holds_until_it_is_released(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        folder = tmp_path / "many"
        folder.mkdir()
        for number in range(30):
            (folder / f"{number}.txt").write_text(f"turbine {number}")
        await app.add_source(ME, connector="files", config={"path": str(folder)}, name="many")
        await app.sync(ME)
        for number in range(25):
            (folder / f"{number}.txt").unlink()
        assert counts(await app.sync(ME)) == {"held": 25, "unchanged": 5}
        assert (await app.source(ME, "many")).held == 25
        admin = app.person(None)
        assert len(await app.documents(admin, held=True)) == 25
        assert len(await app.documents(admin)) == 30, "what is held goes on answering"
        (folder / "0.txt").write_text("turbine 0")
        await app.sync(ME)
        assert (await app.source(ME, "many")).held == 24, "what came back is held no more"
        assert await app.release_hold(ME, "many") == 24
        assert len(await app.documents(admin)) == 6
        assert counts(await app.sync(ME)) == {"unchanged": 6}

    run(tmp_path, story)


def test_a_source_removed_or_paused_while_a_sync_waits_is_not_read(tmp_path: Path, shelf) -> None:
    async def story(app: App) -> None:
        await add_shelf(app)
        shelf.put("a", "turbine")
        source = await app.source(ME, "shelf")
        runs, sources = app._parts.runs, app._parts.ledger.sources
        for end, error in (
            (lambda: sources.pause(source.id, True), Conflict),
            (lambda: sources.remove(source.id), NotFound),
        ):
            busy = runs.begin("change", "test", source, "me", "elsewhere:1:")
            waiting = asyncio.create_task(app.sync(ME, source="shelf"))
            await asyncio.sleep(0.3)
            end()
            runs.finish(busy, "succeeded", progress=RunProgress())
            with pytest.raises(error):
                await waiting
            sources.pause(source.id, False)
        assert shelf.starts == []

    run(tmp_path, story)


def test_a_broken_source_stops_no_other(tmp_path: Path, shelf) -> None:
    async def story(app: App) -> None:
        folder = tmp_path / "gone"
        folder.mkdir()
        await app.add_source(ME, connector="files", config={"path": str(folder)}, name="gone")
        await add_shelf(app)
        shelf.put("a", "turbine")
        folder.rmdir()
        with pytest.raises(SourceError, match="gone"):
            await app.sync(ME)
        assert await found(app, "turbine") == ["a"]

    run(tmp_path, story)


def test_another_secret_under_the_same_name_is_refused(tmp_path: Path, shelf, monkeypatch) -> None:
    async def story(app: App) -> None:
        await add_shelf(app)
        await add_shelf(app)
        monkeypatch.setattr(shelf, "__init__", lambda self, config: None)
        with pytest.raises(Conflict, match="already reads something else"):
            await app.add_source(
                ME, connector="shelf", config={"shelf": "top", "password": "other"}, name="shelf"
            )
        for name in ("..", "a/b", "a\nb", ""):
            with pytest.raises(InvalidInput):
                await app._sources.add("shelf", {"shelf": "x"}, name or "\x7f", None)

    run(tmp_path, story)


def test_rotations_side_by_side_lose_no_secret(tmp_path: Path, shelf) -> None:
    async def story(app: App) -> None:
        await add_shelf(app)
        rotated = await asyncio.gather(*(app.rotate_keys(ME) for _ in range(5)))
        assert [one.sources for one in rotated] == [1] * 5
        assert await app.check_source(ME, "shelf") == "0 books."
        assert len((tmp_path / "data" / "secret.keys").read_text().split()) == 1

    run(tmp_path, story)


def test_deletions_that_a_source_names_are_held_too(tmp_path: Path, shelf) -> None:
    async def story(app: App) -> None:
        await add_shelf(app)
        for number in range(30):
            shelf.put(f"k{number}", f"turbine {number}")
        await app.sync(ME)
        for number in range(25):
            del shelf.books[f"k{number}"]
            shelf.log.append((len(shelf.log) + 1, f"k{number}"))
        assert counts(await app.sync(ME)) == {"held": 25}
        assert counts(await app.sync(ME)) == {}
        assert (await app.source(ME, "shelf")).held == 25, "the next listing does not forget it"
        assert await app.release_hold(ME, "shelf") == 25

    run(tmp_path, story)


def test_settings_are_changed_and_credentials_not_named_stay(tmp_path: Path, shelf) -> None:
    async def story(app: App) -> None:
        await add_shelf(app)
        shelf.put("k", "turbine")
        await app.sync(ME, source="shelf")
        changed = await app.change_source(ME, "shelf", {"shelf": "low"})
        assert (changed.config, changed.secrets) == ({"shelf": "low"}, ("password",))
        await app.sync(ME, source="shelf")
        assert shelf.starts == [None, None], "the next sync lists it whole"
        await app.sync(ME, source="shelf")
        assert shelf.starts[-1] == "1", "and the one after it does not"
        for given in ({"password": "wrong"}, {"password": None}, {"shelf": None}, {"shelv": "x"}):
            with pytest.raises(InvalidInput):
                await app.change_source(ME, "shelf", given)
            assert await app.source(ME, "shelf") == await app.source(ME, changed.id)
            assert (await app.source(ME, "shelf")).config == {"shelf": "low"}
            assert await app.check_source(ME, "shelf") == "1 books."
        states = {one.state for one in await app.runs(ME)}
        assert states == {"succeeded"}, "what is refused is no run that failed"

    run(tmp_path, story)


def test_a_server_reads_a_changed_source_at_once(tmp_path: Path, shelf) -> None:
    async def story(app: App) -> None:
        await add_shelf(app)
        await app.change_source(ME, "shelf", {"shelf": "low"})
        assert [one.kind for one in await app.runs(ME)] == ["change"], "without one, nobody would"
        served = App(app._parts, AsyncExitStack(), apart=True)
        await served.change_source(ME, "shelf", {"shelf": "top"})
        newest = (await served.runs(ME))[0]
        assert (newest.kind, newest.state) == ("sync", "queued")
        await served.pause_source(ME, "shelf", True)

    run(tmp_path, story)


def test_a_source_under_work_keeps_its_settings(tmp_path: Path, shelf) -> None:
    async def story(app: App) -> None:
        await add_shelf(app)
        held = asyncio.Event()

        checked = []

        async def stuck(self: ShelfConnector) -> str:
            checked.append(self)
            if len(checked) == 2:  # the first is before the source is held
                held.set()
                await asyncio.sleep(60)
            return ""

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(ShelfConnector, "check", stuck)
            first = asyncio.create_task(app.change_source(ME, "shelf", {"shelf": "low"}))
            await held.wait()
            with pytest.raises(Conflict):
                await app.change_source(ME, "shelf", {"shelf": "high"})
            first.cancel()
            await asyncio.wait({first})
        assert (await app.source(ME, "shelf")).config == {"shelf": "top"}

    run(tmp_path, story)


def test_reader_rules_that_got_narrower_hold_at_the_next_question(tmp_path: Path) -> None:
    docs = tmp_path / "mine"
    (docs / "hr").mkdir(parents=True)
    (docs / "hr" / "pay.txt").write_text("Turbine pay.")
    (docs / "open.txt").write_text("Turbine news.")

    async def story(app: App) -> None:
        await app.add_source(ME, connector="files", config={"path": str(docs)}, name="mine")
        await app.sync(ME, source="mine")
        assert len(await found(app, "turbine")) == 2
        rules = [{"pattern": "hr/**", "allow": ["group:hr"]}]
        await app.change_source(ME, "mine", {"readers": rules})
        assert await found(app, "turbine") == ["open.txt"]
        await app.sync(ME, source="mine")
        assert await found(app, "turbine") == ["open.txt"]
        await app.change_source(ME, "mine", {"readers": None})
        await app.sync(ME, source="mine")
        assert len(await found(app, "turbine")) == 2

    run(tmp_path, story)


def test_readers_of_a_source_that_got_fewer_hold_at_the_next_question(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        await app.add_source(ME, connector="uploads", config={}, name="mine")
        for name, readers in ("all.txt", ()), ("bob.txt", ("user:bob", "group:x")):
            await app.upload(ME, "mine", name, b"Turbine news.", readers=readers)
        await app.sync(ME, source="mine")
        assert sorted(await found(app, "turbine")) == ["all.txt", "bob.txt"]
        await app.change_source(ME, "mine", {"readers": ["group:hr"]})
        assert await found(app, "turbine") == ["bob.txt"], "its own readers stay"

    run(tmp_path, story)


def test_a_pack_source_that_was_removed_stays_away(tmp_path: Path) -> None:
    async def story() -> None:
        app = open_app(tmp_path)
        try:
            assert await app.add_pack_sources(ME) == 1
            assert await app.add_pack_sources(ME) == 0
            (source,) = await app.sources(ME)
            await app.remove_source(ME, source.name)
            assert await app.add_pack_sources(ME) == 0
            assert await app.sources(ME) == []
        finally:
            await app.aclose()

    asyncio.run(story())


def test_a_pack_source_that_is_read_otherwise_than_the_pack_says_is_told(tmp_path: Path) -> None:
    async def synced(*, begun: bool = True) -> list[dict[str, str]]:
        app = open_app(tmp_path)
        try:
            if begun:
                await app.add_pack_sources(ME)
            else:
                await app.add_source(ME, connector="files", config={"path": str(tmp_path / "docs")})
            with structlog.testing.capture_logs() as logs:
                await app.sync(ME)
            return [one for one in logs if one["event"].startswith("pack_source")]
        finally:
            await app.aclose()

    (told,) = asyncio.run(synced(begun=False))
    assert (told["event"], told["source"]) == ("pack_source_not_read", "documents")
    assert "rag start" in told["hint"]
    assert asyncio.run(synced()) == []
    toml = tmp_path / "pack" / "pack.toml"
    before = toml.read_text()
    toml.write_text(before.replace('"internal/**"', '"internal/*"'))
    (told,) = asyncio.run(synced())
    assert (told["source"], told["settings"]) == ("documents", "readers")
    assert "pack.toml" in told["message"]
    assert "rag source set documents" in told["hint"]
    toml.write_text(before.replace('connector = "files"', 'connector = "uploads"'))
    (told,) = asyncio.run(synced())
    assert (told["settings"], "Rename" in told["hint"]) == ("connector", True)
    toml.write_text(before.replace("default_readers =", "default_reader ="))
    (told,) = asyncio.run(synced())
    assert (told["event"], "default_readers" in told["message"]) == ("pack_source_unusable", True)
    toml.write_text(before)
    assert asyncio.run(synced()) == []
