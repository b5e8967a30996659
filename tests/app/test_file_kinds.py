"""Asking of one kind of file only, also in an index that was made before it knew of kinds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.app import App, file_kinds
from rag.app.explaining import ExplainRequest
from rag.app.file_kinds import UNTOLD
from rag.errors import Unavailable
from rag.file_kinds import FileKind
from rag.ingest import write
from rag.ingest.sniff import named_type
from rag.types import AskRequest, Document, Match, Not, RawDocument, SearchRequest
from rag.types import of_kinds as only
from tests.app.test_app import BOB, TextParsers, run, titles
from tests.support import parse_text

QUERY = "What does the turbine pump TX-9 weigh?"


@pytest.fixture(autouse=True)
def several_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A web page and a sheet beside the text, each of the media type that its name promises."""

    async def parse(raw: RawDocument) -> Document:
        document = await parse_text(raw)
        return document.model_copy(update={"media_type": named_type(raw.name)})

    monkeypatch.setattr(TextParsers, "parse", staticmethod(parse))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "pump.html").write_text("The turbine pump TX-9 weighs 41 kg, packed.")
    (tmp_path / "docs" / "pump.csv").write_text("Pump: TX-9; weight: 40 kg")


@pytest.fixture
def of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Points are written as they were before they named their kind of file."""
    monkeypatch.setattr(write, "file_kind", lambda _: None)


def found(*kinds: FileKind) -> SearchRequest:
    return SearchRequest(query=QUERY, filter=only(kinds))


async def live(app: App) -> str:
    (name,) = await app._parts.index.generations()
    return name


def test_a_question_is_narrowed_to_kinds_of_files(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        assert titles(await app.search(BOB, found(FileKind.WEB))) == ["pump.html"]
        some = await app.search(BOB, found(FileKind.WEB, FileKind.SPREADSHEET))
        assert sorted(titles(some)) == ["pump.csv", "pump.html"]
        assert {hit.payload.file_kind for hit in some.hits} == {"web", "spreadsheet"}
        assert titles(await app.search(BOB, found(FileKind.PDF))) == []
        answer = await app.ask(BOB, AskRequest(question=QUERY, filter=only([FileKind.WEB])))
        assert {one.document for one in answer.citations} == {"pump.html"}
        told = await app.explain(BOB, ExplainRequest(query=QUERY, filter=only([FileKind.TEXT])))
        assert {one.title for one in told.passages.values()} == {"pump.txt"}

    run(tmp_path, story)


@pytest.mark.usefixtures("of_before")
@pytest.mark.parametrize(
    "narrowed",
    [
        lambda kinds: Match(field="file_kind", any_of=kinds),
        lambda kinds: Not(of=Not(of=Match(field="file_kind", any_of=kinds))),
    ],
)
def test_an_index_of_before_finds_the_same(tmp_path: Path, narrowed: Callable) -> None:
    async def story(app: App) -> None:
        assert await app._parts.index.count(await live(app), UNTOLD) > 0
        request = SearchRequest(query=QUERY, filter=narrowed(("web",)))
        several = await asyncio.gather(*(app.search(BOB, request) for _ in range(3)))
        assert [titles(one) for one in several] == [["pump.html"]] * 3
        assert several[0].hits[0].payload.file_kind == "web"
        assert await app._parts.index.count(await live(app), UNTOLD) == 0

    run(tmp_path, story)


@pytest.mark.usefixtures("of_before")
def test_whoever_does_runs_fills_it_in_before_anybody_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        done = asyncio.Event()
        real = app._generations.fill_in

        async def fill_in() -> None:
            await real()
            done.set()

        monkeypatch.setattr(app._generations, "fill_in", fill_in)
        working = asyncio.create_task(app.work())
        await done.wait()
        assert await app._parts.index.count(await live(app), UNTOLD) == 0
        working.cancel()
        await asyncio.wait({working})

    run(tmp_path, story)


@pytest.mark.usefixtures("of_before")
def test_until_it_is_filled_in_the_filter_says_so_and_other_questions_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_kinds, "PATIENCE_S", 0)

    async def story(app: App) -> None:
        may = asyncio.Event()
        real = app._parts.index.set_file_kind

        async def slowly(*told) -> None:
            await may.wait()
            await real(*told)

        monkeypatch.setattr(app._parts.index, "set_file_kind", slowly)
        for _ in range(2):
            with pytest.raises(Unavailable, match="still being told"):
                await app.search(BOB, found(FileKind.WEB))
        assert "pump.html" in titles(await app.search(BOB, SearchRequest(query=QUERY)))
        (filling,) = app._generations._kinds._under_way.values()
        may.set()
        await filling
        assert titles(await app.search(BOB, found(FileKind.WEB))) == ["pump.html"]

    run(tmp_path, story)


@pytest.mark.usefixtures("of_before")
def test_what_a_newer_version_says_of_itself_stays(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        (page,) = [one for one in await app.documents(BOB) if one.title == "pump.html"]
        itself = Match(field="document_id", any_of=(page.id,))
        await app._parts.index.set_file_kind(await live(app), itself, FileKind.PDF)
        assert titles(await app.search(BOB, found(FileKind.PDF))) == ["pump.html"]
        assert titles(await app.search(BOB, found(FileKind.WEB))) == []

    run(tmp_path, story)
