"""Erasing a document, on real parts: its words are looked for wherever they could have gone."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from rag.app import App, refresh
from rag.app.housekeeping import Housekeeping
from rag.config import RetentionSettings, load
from rag.errors import NotFound
from rag.feedback import Verdict
from rag.store import erasing
from rag.store.erasing import Contents
from rag.store.ledger import Ledger
from rag.store.redacting import REMOVED
from rag.types import AskRequest, Principal, SearchRequest, utc_now
from tests.app.test_app import ANNA, BOB, add_documents, open_app, run, titles
from tests.app.test_backups import restored, saved
from tests.app.test_privacy import files_with, rows

CANARY = "Qwzcanary"
ME = Principal(id="local")
TEXT = f"The gasket of the {CANARY} compressor is red.\n\nIts bolt is green."
ASK = AskRequest(question="Which colour has the gasket of the compressor?")


async def planted(app: App, root: Path, how: str = "files") -> tuple[str, list[str]]:
    """A document with the word, asked about, told on and rated. Its id, and traces in order."""
    name = f"{CANARY}.txt"
    if how == "files":
        (root / "docs" / name).write_text(TEXT)
    else:
        await app.add_source(ME, connector="uploads", config={}, name="inbox")
        await app.upload(ME, "inbox", name, TEXT.encode())
    await app.sync(ME)
    first = await app.ask(ANNA, ASK)
    assert CANARY in first.answer
    other = await app.ask(BOB, AskRequest(question="What does the pump TX-9 weigh?"))
    kept = app._parts.traces
    trace = kept.get(ANNA, first.trace_id)
    # As a model would have told on what it was told; and once more, after that.
    told, document = [first.trace_id], first.citations[0].document_id
    for answer in (f"So it is red: {first.answer}", "The red one, as I said."):
        said = kept.get(ANNA, told[-1])["answer"]
        later = {
            **trace,
            "id": str(uuid4()),
            "ts": kept.get(ANNA, told[-1])["ts"] + timedelta(seconds=1),
            "hits": [],
            "citations": [],
            "rendered_messages": [{"role": "assistant", "content": said, "trace_id": told[-1]}],
            # The last one as traces of old are, which do not say what they were told.
            "told": [document] if len(told) == 1 else None,
            "answer": answer,
            "query_standalone": f"And the {CANARY}?",
        }
        kept.save(later)
        told.append(later["id"])
    chunk = first.citations[0].chunk_id
    for said in (
        {"value": -1, "comment": f"{CANARY}?"},
        {"value": 1, "target": {"kind": "citation", "n": 1}, "comment": CANARY},
        {"signal": "correction", "correction": {"text": f"The {CANARY}.", "chunk_ids": [chunk]}},
    ):
        await app.rate(ANNA, first.trace_id, Verdict.model_validate(said))
    await app.rate(BOB, other.trace_id, Verdict(value=1, comment="fine"))
    return document, [*told, other.trace_id]


@pytest.mark.parametrize("how", ["files", "uploads"])
def test_nothing_that_a_document_said_is_left_anywhere(tmp_path: Path, how: str) -> None:
    async def story(app: App) -> None:
        document, (first, second, third, other) = await planted(app, tmp_path, how)
        chunk = app._parts.traces.get(ANNA, first)["citations"][0]["chunk_id"]
        assert CANARY in rows(app)["traces"]
        done = await app.privacy.erase_document(ME, document)
        assert (done.documents, done.files, done.traces, done.remark) == (1, 2, 4, "")
        kept = rows(app)
        left = [name for name, text in kept.items() if CANARY in text]
        # The name by which a restore knows the upload.
        assert left == (["erasures"] if how == "uploads" else [])
        live = app._parts.ledger.generations.live("test")
        assert live is not None
        assert await app._parts.index.payloads(live.id, [chunk]) == {}
        for trace in (first, second, third):
            shown = await app.trace(ANNA, trace)
            assert (shown["answer"], shown["query_raw"]) == (REMOVED, ASK.question)
        untouched = await app.trace(BOB, other)
        assert "40 kg" in untouched["answer"]
        assert [one.comment for one in await app.feedback(BOB, other)] == ["fine"]
        verdicts = await app.feedback(ANNA, first, history=True)
        assert [one.value for one in verdicts if one.signal == "thumb"] == [-1, 1]
        assert f"{CANARY}.txt" not in titles(
            await app.search(ANNA, SearchRequest(query="gasket compressor"))
        )
        with pytest.raises(NotFound):
            await app.privacy.erase_document(ME, document)
        report = await app.sync(ME)
        assert (report.added, report.deleted) == (0, 0), "it is not read again as it was"
        # Its bytes leave the engine's files when the index is built anew, and the old one dropped.
        await app.rebuild(ME)
        await app.sync(ME)

    run(tmp_path, story)
    found = files_with(tmp_path / "data", CANARY)
    assert [one for one in found if how == "files" or not one.startswith("ratchet.db")] == []


def test_another_version_at_its_source_is_read(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        document, _ = await planted(app, tmp_path)
        await app.privacy.erase_document(ME, document)
        assert (await app.sync(ME)).added == 0
        (tmp_path / "docs" / f"{CANARY}.txt").write_text("The gasket of the compressor is blue.")
        assert (await app.sync(ME)).added == 1
        answer = await app.ask(ANNA, ASK)
        assert answer.citations[0].document_id == document
        assert answer.citations[0].version == 2, "no version is given twice"
        report = await app.sync(ME)
        assert (report.unchanged, report.added, report.deleted) == (3, 0, 0)

    run(tmp_path, story)


@pytest.mark.parametrize("step", ["_redact", "_forget", "after"])
def test_cut_off_anywhere_the_next_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    class Killed(BaseException):
        pass

    async def story(app: App) -> None:
        document, _ = await planted(app, tmp_path)
        contents = Contents(app._parts.ledger.database, app._parts.blobs, app._parts.ledger.now)
        contents.mark([document])

        def killed(*_: Any) -> None:
            raise Killed

        with monkeypatch.context() as patch:
            if step == "after":
                patch.setattr(app._parts.blobs, "forget", killed)
            else:
                patch.setattr(erasing, step, killed)
            with pytest.raises(Killed):
                contents.finish()
        assert f"{CANARY}.txt" not in titles(await app.search(ANNA, SearchRequest(query="gasket")))
        contents.finish()
        assert [name for name, text in rows(app).items() if CANARY in text] == []
        assert contents.finish() == erasing.Erased()

    run(tmp_path, story)


def test_an_answer_made_meanwhile_keeps_nothing_of_it(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        document, (first, *_) = await planted(app, tmp_path)
        trace = app._parts.traces.get(ANNA, first)
        await app.privacy.erase_document(ME, document)
        late = {**trace, "id": str(uuid4())}
        app._parts.traces.save(late)
        assert [name for name, text in rows(app).items() if CANARY in text] == []

    run(tmp_path, story)


def test_a_restore_erases_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def before() -> Path:
        app = open_app(tmp_path)
        try:
            await add_documents(app, tmp_path)
            document, _ = await planted(app, tmp_path)
            folder = await asyncio.to_thread(saved, tmp_path)
            await app.privacy.erase_document(ME, document)
            found = await asyncio.to_thread(refresh, load(tmp_path / "data"), folder)
            assert [one.kind for one in found.erasures] == ["contents"]
            return folder
        finally:
            await app.aclose()

    async def after(app: App) -> None:
        assert [name for name, text in rows(app).items() if CANARY in text] == []

    folder = asyncio.run(before())
    assert files_with(folder, CANARY)
    restored(tmp_path, folder, monkeypatch, after)
    assert files_with(tmp_path / "new" / "data", CANARY) == []


def test_housekeeping_goes_on_and_keeps_to_the_settings(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        document, (first, *_) = await planted(app, tmp_path)
        parts = app._parts
        Contents(parts.ledger.database, parts.blobs, parts.ledger.now).mark([document])
        keeping = RetentionSettings(traces=7, audit=0)
        settings = parts.settings.model_copy(update={"retention": keeping})
        housekeeping = Housekeeping(
            dataclasses.replace(parts, settings=settings), (app.datasets.sweep,)
        )
        serving = asyncio.create_task(housekeeping.serve(first=0))
        async with asyncio.timeout(60):
            while CANARY in "".join(rows(app).values()):  # noqa: ASYNC110 - the database tells
                await asyncio.sleep(0.05)
        serving.cancel()
        assert (await app.trace(ANNA, first))["answer"] == REMOVED, "it is not old enough"
        week = timedelta(days=8)
        later = dataclasses.replace(parts, settings=settings, ledger=Ledger(
            parts.ledger.database, lambda: utc_now() + week
        ))  # fmt: skip
        await Housekeeping(later, (app.datasets.sweep,)).once()
        with pytest.raises(NotFound):
            await app.trace(ANNA, first)
        told = parts.audit.list(1)[0]
        assert (told.actor, told.act, dict(told.details)) == ("system", "retention", {"traces": 4})

    run(tmp_path, story)
