"""The facade on real parts but a hashing embedder: permissions, traces, generations, ownership."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from rag.app import App
from rag.app.chunkers import Chunkers
from rag.app.encoders import Encoders
from rag.app.parts import Parts
from rag.backends.presidio import Presidio
from rag.backends.qdrant_edge import QdrantEdgeIndex
from rag.config import ChunkingSettings, load
from rag.domain import init_pack
from rag.errors import (
    DocumentFailed,
    GenerationMismatch,
    InvalidInput,
    Locked,
    NotFound,
    Unavailable,
)
from rag.ingest.chunking import StructureChunker
from rag.store.accounts import Accounts
from rag.store.audit import Audit
from rag.store.blobs import Blobs
from rag.store.candidates import Candidates
from rag.store.conversations import Conversations
from rag.store.database import Database
from rag.store.feedback import FeedbackLog
from rag.store.folder import DataFolder
from rag.store.ledger import Ledger
from rag.store.models import TraceRow
from rag.store.outbox import Outbox
from rag.store.repeats import Repeats
from rag.store.runs import Runs
from rag.store.signins import Keys, Sessions
from rag.store.spending import Spending
from rag.store.traces import Traces
from rag.store.upkeep import Upkeep
from rag.store.uploads import Uploads
from rag.store.vault import KEY_FILE, Vault
from rag.testing.fakes import HashingEmbedder
from rag.types import AskRequest, Document, Principal, RawDocument, SearchRequest, Turn, utc_now
from tests.support import parse_text

BOB = Principal(id="bob")
ANNA = Principal(id="anna", groups=frozenset({"hr"}))
PEOPLE = """
[[people]]
id = "anna"
groups = ["hr"]
[[people]]
id = "bob"
[[people]]
id = "eve"
"""


class TextParsers:
    """Stands where the parser pool does; the pool's own tests parse real formats."""

    parse = staticmethod(parse_text)


def open_app(
    root: Path,
    embedder: HashingEmbedder | None = None,
    domains: tuple[str, ...] = (),
    *,
    apart: bool = False,
) -> App:
    data = root / "data"
    if not (root / "pack").exists():
        init_pack(root / "pack", "test")
        with (root / "pack" / "pack.toml").open("a") as file:
            file.write(PEOPLE)
        data.mkdir()
        others = "".join(f'[domains.{one}]\npack = "../{one}"\n' for one in domains)
        (data / "rag.toml").write_text(
            f'domain = "test"\n[domains.test]\npack = "../pack"\n{others}'
        )
        (root / "docs" / "hr").mkdir(parents=True)
        (root / "docs" / "pump.txt").write_text(
            "The turbine pump TX-9 weighs 40 kg.\n\nIts flange is blue."
        )
        (root / "docs" / "hr" / "pay.txt").write_text("The salary of the director is 9 crowns.")
    database = Database(f"sqlite:///{data / 'ratchet.db'}")
    database.migrate()
    encoder = embedder or HashingEmbedder()
    index = QdrantEdgeIndex(data / "index", 20_000)
    stack = AsyncExitStack()
    stack.callback(database.close)
    stack.push_async_callback(index.aclose)
    settings = load(data)
    ledger = Ledger(database)
    encoders = Encoders(encoder, ledger.generations, settings)
    stack.push_async_callback(encoders.aclose)
    subscribed = {name: one.events for name, one in settings.webhooks.items()}
    outbox = Outbox(database, utc_now, subscribed)
    traces = Traces(database, data)
    chunker = StructureChunker(encoder, ChunkingSettings(size=40))
    parts = Parts(
        accounts=Accounts(database, utc_now),
        sessions=Sessions(database, utc_now),
        keys=Keys(database, utc_now),
        audit=Audit(database, utc_now),
        repeats=Repeats(database, utc_now),
        upkeep=Upkeep(database, utc_now),
        settings=settings,
        ledger=ledger,
        blobs=Blobs(data / "blobs"),
        uploads=Uploads(database, utc_now),
        runs=Runs(database, utc_now, outbox.announce),
        traces=traces,
        conversations=Conversations(database, utc_now),
        spending=Spending(database),
        feedback=FeedbackLog(database, utc_now, outbox.announce),
        outbox=outbox,
        vault=Vault(data / KEY_FILE),
        index=index,
        embedder=encoder,
        encoders=encoders,
        reranker=None,
        chunker=chunker,
        chunkers=Chunkers(chunker, encoder, Candidates(database, utc_now)),
        parsers=TextParsers(),
        finder=Presidio(settings.redaction, traces.sealed),
    )
    return App(parts, stack, apart=apart)


def run(root: Path, story: Callable[[App], Awaitable[None]], synced: bool = True) -> None:
    async def told() -> None:
        app = open_app(root)
        try:
            if synced:
                await add_documents(app, root)
            await story(app)
        finally:
            await app.aclose()

    asyncio.run(told())


async def add_documents(app: App, root: Path) -> None:
    readers = [{"pattern": "hr/**", "allow": ["group:hr"]}]
    config = {"path": str(root / "docs"), "readers": readers}
    await app.add_source(ANNA, connector="files", config=config, name="docs")
    await app.sync(ANNA)


def titles(result) -> list[str]:
    return [hit.payload.title for hit in result.hits]


def test_search_shows_each_person_only_what_they_may_read(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        request = SearchRequest(query="salary of the director")
        assert "pay.txt" in titles(await app.search(ANNA, request))
        assert "pay.txt" not in titles(await app.search(BOB, request))

    run(tmp_path, story)


def test_an_answer_quotes_exact_spans_and_leaves_a_whole_trace(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        answer = await app.ask(
            BOB, AskRequest(question="The turbine pump TX-9 weighs how many kg?")
        )
        assert not answer.abstained
        citation = answer.citations[0]
        text = await app.text(BOB, citation.document_id, citation.version)
        assert text[slice(*citation.span)] == citation.quote
        chunks = await app.chunks(BOB, citation.document_id, citation.version)
        assert citation.chunk_id in {one.chunk_id for one in chunks}
        assert all(text[one.start : one.end] == one.text for one in chunks)
        assert await app.chunks(BOB, citation.document_id, citation.version, after=1) == chunks[1:]
        assert f"[{citation.n}]" in answer.answer
        trace = await app.trace(BOB, answer.trace_id)
        assert trace.keys() == {column.key for column in TraceRow.__table__.columns}
        assert trace["answer"] == answer.answer
        assert any(hit["cited"] for hit in trace["hits"])
        assert "bob" not in trace["actor_pseudonym"]
        with pytest.raises(NotFound):
            await app.trace(Principal(id="eve"), answer.trace_id)

    run(tmp_path, story)


def test_what_is_not_there_is_not_answered(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        answer = await app.ask(BOB, AskRequest(question="Which planet has the largest volcano?"))
        assert answer.abstained
        assert answer.citations == ()
        assert answer.searched

    run(tmp_path, story)


def test_a_title_turns_nothing_around_in_what_is_not_known(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        (tmp_path / "docs" / "x\u202egnp.txt").write_text("A lamp has a foot.")
        await app.sync(app.person(None))
        answer = await app.ask(ANNA, AskRequest(question="Who won the tournament of 1911?"))
        assert answer.abstained
        assert "xgnp.txt" in answer.answer
        assert "\u202e" not in answer.answer

    run(tmp_path, story)


def test_a_follow_up_is_searched_with_what_it_refers_to(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        history = (Turn(role="user", content="Tell me about the turbine pump TX-9"),)
        answer = await app.ask(BOB, AskRequest(question="What does it weigh?", history=history))
        trace = await app.trace(BOB, answer.trace_id)
        assert trace["query_raw"] == "What does it weigh?"
        assert "TX-9" in trace["query_standalone"]

    run(tmp_path, story)


def test_originals_are_kept_and_guarded(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        pay = next(one for one in await app.documents(ANNA) if one.title == "pay.txt")
        original = await app.original(ANNA, pay.id, 1)
        assert original.data == (tmp_path / "docs/hr/pay.txt").read_bytes()
        for attempt in (app.original, app.text):
            with pytest.raises(NotFound):
                await attempt(BOB, pay.id, 1)
        assert "pay.txt" not in [one.title for one in await app.documents(BOB)]

    run(tmp_path, story)


def test_a_rebuild_switches_to_a_verified_generation(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        request = SearchRequest(query="turbine")
        before = await app.search(BOB, request)
        assert await app.rebuild(BOB) == 2
        after = await app.search(BOB, request)
        assert after.generation != before.generation
        assert titles(after) == titles(before)
        # The generation before is kept until a sync confirms the switch.
        assert len(await app._parts.index.generations()) == 2
        await app.sync(BOB)
        assert list(await app._parts.index.generations()) == [after.generation]

    run(tmp_path, story)


def test_a_rebuild_keeps_every_span_whatever_the_parser_would_say_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def parse_otherwise(raw):
        return await parse_text(raw.model_copy(update={"data": b"Moved. " + raw.data}))

    async def story(app: App) -> None:
        monkeypatch.setattr(TextParsers, "parse", staticmethod(parse_otherwise))
        await app.rebuild(BOB)
        for hit in (await app.search(ANNA, SearchRequest(query="turbine salary flange"))).hits:
            payload = hit.payload
            text = await app.text(ANNA, payload.document_id, payload.version)
            assert text[payload.start : payload.end] == payload.text

    run(tmp_path, story)


def test_another_embedder_is_refused_until_a_rebuild(tmp_path: Path) -> None:
    run(tmp_path, _nothing)

    async def story() -> None:
        embedder = HashingEmbedder()
        embedder.fingerprint = "another-model-of-the-same-dimension"
        app = open_app(tmp_path, embedder)
        try:
            for attempt in (app.search(BOB, SearchRequest(query="turbine")), app.sync(BOB)):
                with pytest.raises(GenerationMismatch, match="--rebuild"):
                    await attempt
            await app.rebuild(BOB)
            assert titles(await app.search(BOB, SearchRequest(query="turbine")))
        finally:
            await app.aclose()

    asyncio.run(story())


async def _nothing(app: App) -> None:
    """Only the documents are wanted."""


def test_an_empty_deployment_says_what_to_do(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        with pytest.raises(Unavailable, match="rag sync"):
            await app.ask(BOB, AskRequest(question="anything?"))
        with pytest.raises(NotFound, match="rag add files"):
            await app.sync(BOB)

    run(tmp_path, story, synced=False)


def test_wrong_names_are_explained(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        with pytest.raises(NotFound, match="Did you mean 'extractive'"):
            await app.ask(BOB, AskRequest(question="why?", model="extractiv"))
        with pytest.raises(NotFound, match="Did you mean 'docs'"):
            await app.sync(BOB, source="doc")
        with pytest.raises(NotFound, match="no domain 'nowhere'"):
            await app.search(BOB, SearchRequest(query="x", domain="nowhere"))
        for empty in (" ", "\u00a0", "a\x00b"):
            with pytest.raises(InvalidInput):
                await app.search(BOB, SearchRequest(query=empty))

    run(tmp_path, story)


def test_a_second_owner_is_told_who_the_first_is(tmp_path: Path) -> None:
    first = DataFolder.acquire(tmp_path, "http://127.0.0.1:8000")
    with pytest.raises(Locked, match=f"process {os.getpid()} serving http://127.0.0.1:8000"):
        DataFolder.acquire(tmp_path)
    owner = DataFolder.owner(tmp_path)
    assert owner is not None
    assert owner.pid == os.getpid()
    first.release()
    assert DataFolder.owner(tmp_path) is None
    DataFolder.acquire(tmp_path).release()


def test_checks_try_every_part(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        checks = {check.name: check for check in await app.doctor()}
        assert all(check.ok for check in checks.values())
        parts = {"database", "index", "embedder", "parsers", "domain", "answer model"}
        assert checks.keys() >= parts

    run(tmp_path, story)


def test_a_parser_that_does_not_work_is_told_before_any_document_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def parse(raw: RawDocument) -> Document:
        if raw.name.endswith(".docx"):
            raise DocumentFailed("parser_broken", f"'{raw.name}' was not read: no library.")
        return await parse_text(raw)

    async def story(app: App) -> None:
        monkeypatch.setattr(app._parts.parsers, "parse", parse)
        (check,) = (one for one in await app.doctor() if one.name == "parsers")
        assert not check.ok
        assert check.detail == "'sample.docx' was not read: no library."
        assert "parsing.memory_mb" in check.hint

    run(tmp_path, story, synced=False)
