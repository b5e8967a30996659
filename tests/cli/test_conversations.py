"""Conversations from the command line, here and through a server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from rag.api.server import create_app
from rag.config import Settings
from rag.errors import NotFound
from rag.remote import RemoteApp
from rag.types import AskRequest
from tests.api.fake import FakeApp


def prepared(app: FakeApp) -> FakeApp:
    app.settings.data.mkdir(exist_ok=True)
    (app.settings.data / "rag.toml").touch()
    return app


def test_a_conversation_from_its_first_question_to_its_end(run, fake: FakeApp) -> None:
    prepared(fake)
    for number, option in enumerate((["-c"], ["--continue"], ["--conversation", "new"]), 1):
        ran = run("ask", f"Question {number}?", *option)
        assert ran.code == 0, ran.err
    (second, first) = json.loads(run("conversations", "--json").out)["conversations"]
    assert [(one["title"], one["turns"]) for one in (first, second)] == [
        ("Question 1?", 2),
        ("Question 3?", 1),
    ]
    assert run("ask", "More?", "--conversation", first["id"]).code == 0
    assert run("ask", "Again?", "--continue").code == 0
    found = run("conversations", "--search", "AGAIN")
    assert first["id"] in found.out
    assert second["id"] not in found.out
    shown = run("conversation", "show", first["id"]).out
    assert "4. Again?\nThis is being answered." in shown, "the fake keeps no traces"
    assert "shared" not in run("conversations").out
    assert "/shared#" in run("conversation", "share", first["id"]).out
    assert "shared" in run("conversations").out
    assert run("conversation", "unshare", first["id"]).code == 0
    assert "'Mine'" in run("conversation", "rename", first["id"], "Mine").out
    assert run("conversation", "delete", first["id"]).out == "Deleted.\n"
    for verb in ("show", "share", "unshare", "delete"):
        assert run("conversation", verb, first["id"]).code == NotFound.exit_code
    assert run("ask", "More?", "--conversation", first["id"]).code == NotFound.exit_code
    for wrong in (["--conversation", "x"], ["-c", "--conversation", "new"]):
        assert run("ask", "More?", *wrong).code == 2


def test_a_server_does_the_same(tmp_path: Path) -> None:
    served = FakeApp(Settings(data=tmp_path))
    transport = httpx.ASGITransport(create_app(served))  # type: ignore[arg-type]
    remote = RemoteApp(served.settings, "http://127.0.0.1:8000", transport)
    me = remote.person(None)

    async def told() -> None:
        talks = remote.conversations
        begun = [(await talks.begin(me, title=title)).id for title in ("One", "Two")]
        await remote.ask(me, AskRequest(question="What?", conversation=begun[0]))
        page = await talks.page(me, limit=1)
        assert [one.id for one in page] == begun[:1]
        assert [one.title for one in await talks.page(me, search="two")] == ["Two"]
        assert (await talks.rename(me, begun[0], "Three")).title == "Three"
        shown = await talks.show(me, begun[0])
        assert [one.question for one in shown.turns] == ["What?"]
        assert (await talks.show(me, begun[0], after=1)).turns == ()
        assert "/shared#" in await talks.share(me, begun[0])
        assert (await talks.unshare(me, begun[0])).shared_at is None
        await talks.delete(me, begun[0])
        for gone in (begun[0], "../domains"):
            with pytest.raises(NotFound):
                await talks.show(me, gone)
        await remote.aclose()

    asyncio.run(told())
