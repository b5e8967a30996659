"""Uploads on the real facade: the contract, versions, readers, removal, and over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from rag.api.server import create_app
from rag.app import App
from rag.app.uploads import UploadsConfig, UploadsConnector
from rag.errors import Conflict, DocumentFailed, InvalidInput, NotFound, TooLarge
from rag.store.blobs import Blobs
from rag.store.database import Database
from rag.store.ledger import Ledger
from rag.store.uploads import Uploads
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change, Cursor, Principal, SearchRequest, utc_now
from tests.app.test_app import ANNA, BOB, open_app, titles
from tests.app.test_sources import counts

ME = Principal(id="admin")


class TestUploadsContract(ConnectorContract):
    @pytest.fixture
    def source(self, tmp_path: Path):
        database = Database(f"sqlite:///{tmp_path / 'ratchet.db'}")
        database.migrate()
        kept, blobs = Uploads(database, utc_now), Blobs(tmp_path / "blobs")
        source = Ledger(database).sources.add("d", "inbox", "uploads", {})

        def put(name: str, data: bytes) -> None:
            kept.put(
                source.id, name, digest=blobs.put(data), size=len(data), media_type="",
                readers=(), uploaded_by="me",
            )  # fmt: skip

        def broken() -> None:
            with database.engine.begin() as connection:
                connection.execute(text("DROP TABLE uploads"))

        put("a.txt", b"alpha")
        put("b.txt", b"beta")
        yield ConnectorSource(
            make=lambda: UploadsConnector(UploadsConfig(), kept, blobs, source),
            count=2,
            edit=lambda: put("a.txt", b"alpha, edited"),
            remove=lambda: kept.remove(source.id, "a.txt"),
            broken=broken,
            expected=frozenset({b"alpha", b"beta"}),
        )
        database.close()


def run(root: Path, story: Callable[[App], Awaitable[None]], **config: object) -> None:
    async def told() -> None:
        app = open_app(root)
        try:
            await app.add_source(ME, connector="uploads", config=config, name="inbox")
            await story(app)
        finally:
            await app.aclose()

    asyncio.run(told())


async def found(app: App, word: str, who: Principal = BOB) -> list[str]:
    return sorted(titles(await app.search(who, SearchRequest(query=word))))


def test_an_upload_answers_after_a_sync_and_says_where_it_is_from(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        await app.upload(ME, "inbox", "pümp 1.txt", b"The turbine weighs 40 kg.")
        assert await app.check_source(ME, "inbox") == "1 upload, 25 bytes."
        assert counts(await app.sync(ME)) == {"added": 1}
        (hit,) = (await app.search(BOB, SearchRequest(query="turbine"))).hits
        assert hit.payload.uri == "upload:inbox/p%C3%BCmp%201.txt"
        original = await app.original(BOB, hit.payload.document_id, hit.payload.version)
        assert (original.name, original.data) == ("pümp 1.txt", b"The turbine weighs 40 kg.")
        assert counts(await app.sync(ME)) == {"unchanged": 1}

    run(tmp_path, story)


def test_the_same_name_again_is_a_new_version(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        await app.upload(ME, "inbox", "a.txt", b"turbine")
        await app.sync(ME)
        await app.upload(ME, "inbox", "a.txt", b"gasket")
        assert await found(app, "turbine") == ["a.txt"], "the old version answers until a sync"
        assert counts(await app.sync(ME)) == {"updated": 1}
        (hit,) = (await app.search(BOB, SearchRequest(query="gasket"))).hits
        assert (hit.payload.version, hit.payload.text) == (2, "gasket")
        await app.upload(ME, "inbox", "a.txt", b"gasket")
        assert counts(await app.sync(ME)) == {"unchanged": 1}

    run(tmp_path, story)


def test_54_the_same_bytes_under_two_names_are_two_documents(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        for name in ("a.txt", "A.txt"):
            await app.upload(ME, "inbox", name, b"turbine")
        assert len({one.digest for one in await app.uploads(ME, "inbox")}) == 1
        assert counts(await app.sync(ME)) == {"added": 2}
        await app.remove_upload(ME, "inbox", "a.txt")
        assert await found(app, "turbine") == ["A.txt"]
        (left,) = await app.documents(app.person(None))
        assert (await app.original(BOB, left.id, 1)).data == b"turbine"

    run(tmp_path, story)


def test_a_removed_upload_is_gone_for_the_next_question(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        await app.upload(ME, "inbox", "a.txt", b"turbine")
        await app.sync(ME)
        (document,) = await app.documents(app.person(None))
        live = app._parts.ledger.generations.live("test")
        await app.remove_upload(ME, "inbox", "a.txt")
        assert await found(app, "turbine") == []
        assert await app._parts.index.count(live.id) == 0
        with pytest.raises(NotFound):
            await app.original(BOB, document.id, 1)
        assert counts(await app.sync(ME)) == {}, "nothing is held though nothing is listed"
        with pytest.raises(NotFound):
            await app.remove_upload(ME, "inbox", "a.txt")
        await app.upload(ME, "inbox", "a.txt", b"turbine")
        assert counts(await app.sync(ME)) == {"added": 1}
        assert await found(app, "turbine") == ["a.txt"]

    run(tmp_path, story)


def test_nothing_is_removed_while_a_sync_may_be_reading_it(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        await app.upload(ME, "inbox", "a.txt", b"turbine")
        run = await app.start_sync(ME, "inbox")
        with pytest.raises(Conflict, match=run.id):
            await app.remove_upload(ME, "inbox", "a.txt")
        assert len(await app.uploads(ME, "inbox")) == 1

    run(tmp_path, story)


def test_a_removed_source_forgets_its_uploads(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        await app.upload(ME, "inbox", "a.txt", b"turbine")
        await app.sync(ME)
        source = await app.source(ME, "inbox")
        assert await app.remove_source(ME, "inbox") == 1
        assert app._parts.uploads.list(source.id) == []
        assert await found(app, "turbine") == []
        await app.add_source(ME, connector="uploads", config={}, name="inbox")
        assert await app.uploads(ME, "inbox") == []

    run(tmp_path, story)


def test_readers_are_the_uploads_own_or_the_sources(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        await app.upload(ME, "inbox", "hr.txt", b"turbine")
        await app.upload(ME, "inbox", "bob.txt", b"turbine", readers=["user:bob", "user:bob"])
        await app.sync(ME)
        assert await found(app, "turbine", ANNA) == ["hr.txt"]
        assert await found(app, "turbine", BOB) == ["bob.txt"]
        await app.upload(ME, "inbox", "bob.txt", b"turbine", readers=["group:hr"])
        await app.sync(ME)
        assert await found(app, "turbine", BOB) == []
        assert await found(app, "turbine", ANNA) == ["bob.txt", "hr.txt"]

    run(tmp_path, story, readers=["group:hr"])


def test_bytes_uploaded_anew_since_the_listing_keep_their_own_readers(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        await app.upload(ME, "inbox", "a.txt", b"for all")
        connector = await app._sources.open(await app.source(ME, "inbox"))
        listed = [change async for change in connector.discover(Cursor())]
        await app.upload(ME, "inbox", "a.txt", b"salaries", readers=["group:hr"])
        raw = await connector.fetch(listed[0])
        assert (raw.data, raw.readers) == (b"salaries", {"group:hr"})
        await app.remove_upload(ME, "inbox", "a.txt")
        with pytest.raises(DocumentFailed) as caught:
            await connector.fetch(listed[0])
        assert caught.value.reason == "vanished"

    run(tmp_path, story)


def test_a_damaged_blob_fails_one_document_and_uploading_it_again_heals_it(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        bad = await app.upload(ME, "inbox", "bad.txt", b"turbine bad")
        await app.upload(ME, "inbox", "good.txt", b"turbine good")
        path = app._parts.blobs.folder / bad.digest[:2] / bad.digest
        path.write_bytes(b"rot")
        assert counts(await app.sync(ME)) == {"added": 1, "failed": 1}
        assert await found(app, "turbine") == ["good.txt"]
        (failed,) = await app.documents(app.person(None), failed=True)
        assert "Upload it again" in failed.message

    run(tmp_path, story)


def test_a_declared_type_is_kept_bare(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        for given, kept in {
            "text/Markdown; charset=utf-8": "text/markdown",
            "application/octet-stream": "",
            "application/x-www-form-urlencoded": "",
            "nonsense": "",
            "a/b\r\nX: y": "",
            "x" * 90 + "/" + "y" * 400: "",
        }.items():
            made = await app.upload(ME, "inbox", "a", b"# x", media_type=given)
            assert made.media_type == kept

    run(tmp_path, story)


def test_what_a_source_does_not_take_is_refused_before_anything_is_kept(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        with pytest.raises(TooLarge, match="takes 10"):
            await app.upload(ME, "inbox", "a.txt", b"x" * 11)
        for name in ("../a", "a/b", "a\0", "..", "x" * 300):
            with pytest.raises(InvalidInput):
                await app.upload(ME, "inbox", name, b"x")
            with pytest.raises(InvalidInput):
                await app.remove_upload(ME, "inbox", name)
        for reader in ("hr", "group:", "", "user:a,b", "everyone\n", "group:hr\n", "group:a\0"):
            with pytest.raises(InvalidInput, match="no reader"):
                await app.upload(ME, "inbox", "a.txt", b"x", readers=[reader])
        with pytest.raises(NotFound, match="Did you mean 'inbox'"):
            await app.upload(ME, "inbx", "a.txt", b"x")
        await app.add_source(ME, connector="files", config={"path": str(tmp_path)}, name="f")
        for refused in (app.upload(ME, "f", "a.txt", b"x"), app.uploads(ME, "f")):
            with pytest.raises(InvalidInput, match="rag add uploads"):
                await refused
        assert await app.uploads(ME, "inbox") == []
        assert not (tmp_path / "data" / "blobs").exists()

    run(tmp_path, story, max_bytes=10)


def test_a_source_with_readers_nobody_can_be_is_refused(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        for config in ({"readers": ["hr"]}, {"readers": []}, {"max_bytes": 0}, {"path": "/"}):
            with pytest.raises(InvalidInput):
                await app.add_source(ME, connector="uploads", config=config, name="no")
        reads = await app.check_connector(ME, connector="uploads", config={})
        assert reads == "What is uploaded to it."
        (kind,) = [one for one in await app.connectors(ME) if one.name == "uploads"]
        assert set(kind.form["properties"]) == {"readers", "max_bytes"}

    run(tmp_path, story)


def test_over_http_from_the_upload_to_the_answer(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        transport = httpx.ASGITransport(create_app(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            at = "/api/v1/sources/inbox/uploads"
            for name in ("a.txt", "b.txt"):
                assert (await http.put(f"{at}/{name}", content=b"turbine")).status_code == 200
            assert (await http.post("/api/v1/syncs", json={})).json()["added"] == 2
            assert (await http.delete(f"{at}/a.txt")).status_code == 204
            hits = (await http.post("/api/v1/searches", json={"query": "turbine"})).json()["hits"]
            assert [hit["payload"]["title"] for hit in hits] == ["b.txt"]
            big = await http.put(f"{at}/c.txt", content=b"x" * 101)
            assert (big.status_code, big.json()["code"]) == (413, "too_large")
            assert (await http.put("/api/v1/sources/no/uploads/a", content=b"x")).status_code == 404
            listed = (await http.get(at)).json()["uploads"]
            assert [(one["name"], one["size"]) for one in listed] == [("b.txt", 7)]

    run(tmp_path, story, max_bytes=100)


def test_a_change_that_was_never_uploaded_cannot_be_fetched(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        connector = await app._sources.open(await app.source(ME, "inbox"))
        change = Change(kind="upsert", key="../../etc/passwd", uri="x", revision="1")
        with pytest.raises(DocumentFailed):
            await connector.fetch(change)

    run(tmp_path, story)
