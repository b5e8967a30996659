"""Erasing people, on real parts: their words are planted everywhere, then looked for there."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import structlog
from sqlalchemy import select

from rag.api.metrics import Metrics
from rag.app import App, refresh
from rag.config import load
from rag.errors import NotFound
from rag.feedback import Consent, Verdict
from rag.store.models import Base
from rag.types import AskRequest, Principal, Turn
from tests.app.test_app import ANNA, BOB, add_documents, open_app, run
from tests.app.test_backups import restored, saved
from tests.support import contents

CANARY = "Zyxwcanary"
ME = Principal(id="local")


async def say_everywhere(app: App, who: Principal, word: str) -> str:
    """A question, a follow-up and verdicts of every kind with a word in them; returns a trace."""
    asked = f"What is the salary of the director, {word}?"
    first = await app.ask(who, AskRequest(question=asked))
    history = (Turn(role="user", content=asked), Turn(role="assistant", content=first.answer))
    await app.ask(who, AskRequest(question="And its bonus?", history=history))
    for number, said in enumerate(
        (
            {"value": -1, "comment": f"No, {word}."},
            {"signal": "correction", "correction": {"text": f"It is {word}."}},
            {"value": 1, "target": {"kind": "missing_document", "name": f"The {word} handbook"}},
        )
    ):
        await app.rate(who, first.trace_id, Verdict.model_validate(said), key=f"{word}-{number}")
    await app.agree(who, Consent(purposes=("training",), version=1))
    return first.trace_id


def rows(app: App) -> dict[str, str]:
    """Every table as text."""
    with app._parts.ledger.database.read() as session:
        return {
            table.name: repr([tuple(row) for row in session.execute(select(table))])
            for table in Base.metadata.sorted_tables
        }


def files_with(root: Path, *words: str) -> list[str]:
    """The files of a data folder in which a word stands."""
    return [
        f"{path}: {word}"
        for path, data in contents(root).items()
        for word in words
        if word.encode() in data or word.lower().encode() in data
    ]


def test_nothing_that_a_person_said_is_left_anywhere(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        trace = await say_everywhere(app, ANNA, CANARY)
        theirs = await say_everywhere(app, BOB, "Otherword")
        assert CANARY in rows(app)["traces"]
        assert CANARY in rows(app)["feedback"]
        done = await app.privacy.erase(ME, "anna")
        assert {"traces": 2, "feedback": 3, "feedback_requests": 3, "consents": 1}.items() <= dict(
            done.deleted
        ).items()
        kept = rows(app)
        assert [name for name, text in kept.items() if CANARY in text or "anna" in text] == []
        assert "Otherword" in kept["traces"]
        with pytest.raises(NotFound):
            await app.trace(ME, trace)
        assert (await app.trace(BOB, theirs))["query_raw"].endswith("Otherword?")
        told = Metrics().text(await app.freshness(), await app.ended_runs())
        assert CANARY.encode() not in told
        assert b"anna" not in told

    with structlog.testing.capture_logs() as logged:
        run(tmp_path, story)
    assert CANARY not in repr(logged)
    assert files_with(tmp_path / "data", CANARY) == []
    assert files_with(tmp_path / "data", "Otherword") != [], "this looks where it should"


def test_an_export_tells_what_may_be_read_now_and_no_more(tmp_path: Path) -> None:
    async def exported(app: App, by: Principal, name: str) -> list[dict]:
        found = [dict(line) async for line in await app.privacy.export(by, name)]
        json.dumps(found, default=str)
        return found

    async def story(app: App) -> None:
        trace = await say_everywhere(app, ANNA, CANARY)
        await app.ask(ANNA, AskRequest(question="What is the salary of the director?"))
        mine = await exported(app, ANNA, "anna")
        tables = [line["table"] for line in mine if "table" in line]
        assert tables.count("traces") == 3
        assert tables.count("feedback") == 3
        assert mine[-1] == {"end": {"rows": len(tables)}}
        (row,) = [line["row"] for line in mine if line.get("row", {}).get("id") == trace]
        assert "9 crowns" in repr(mine)
        assert row["query_raw"].endswith(f"{CANARY}?")
        # Who exports for her is given no passage that is not for them.
        bobs = await exported(app, BOB, "anna")
        assert "crowns" not in repr(bobs)
        assert f"{CANARY}?" in repr(bobs)
        (tmp_path / "docs" / "hr" / "pay.txt").unlink()
        await app.sync(ME)
        assert "crowns" not in repr(await exported(app, ANNA, "anna"))
        with pytest.raises(NotFound):
            await app.privacy.export(ME, "nobody")
        assert (await exported(app, Principal(id="eve"), "eve"))[1:] == [{"end": {"rows": 0}}]

    run(tmp_path, story)


def test_a_restore_erases_people_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def before() -> Path:
        app = open_app(tmp_path)
        try:
            await add_documents(app, tmp_path)
            await say_everywhere(app, ANNA, CANARY)
            await say_everywhere(app, BOB, "Otherword")
            folder = await asyncio.to_thread(saved, tmp_path)
            await app.privacy.erase(ME, "anna")
            found = await asyncio.to_thread(refresh, load(tmp_path / "data"), folder)
            assert [one.kind for one in found.erasures] == ["person"]
            assert "anna" not in found.model_dump_json()
            return folder
        finally:
            await app.aclose()

    async def after(app: App) -> None:
        kept = rows(app)
        assert [name for name, text in kept.items() if CANARY in text or "anna" in text] == []
        assert "Otherword" in kept["traces"]

    folder = asyncio.run(before())
    assert files_with(folder, CANARY), "the backup itself still has it"
    restored(tmp_path, folder, monkeypatch, after)
    assert files_with(tmp_path / "new" / "data", CANARY) == []
