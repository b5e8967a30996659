"""Where the link to a conversation leads, in a real browser under the page's own content policy."""

from __future__ import annotations

from pathlib import Path

from rag.types import AskRequest
from tests.ways.chromium import browser, needs_chromium
from tests.ways.conftest import Deployment
from tests.ways.test_openai import QUESTION

pytestmark = needs_chromium


def test_a_link_shows_the_conversation_and_then_nothing(
    deployment: Deployment, tmp_path: Path
) -> None:
    app, run = deployment.app, deployment.run
    me = app.person(None)
    talk = run(app.conversations.begin(me)).id
    answer = run(app.ask(me, AskRequest(question=QUESTION, conversation=talk)))
    app._parts.conversations.ask(me.id, talk, "<img src=x onerror=alert(1)>", "0" * 36)
    token = run(app.conversations.share(me, talk)).partition("#")[2]
    with browser(tmp_path) as page:
        page.open(f"{deployment.url}/shared#{token}")
        page.until("document.querySelectorAll('#turns article').length === 2")
        texts = [
            page.run(f"document.querySelectorAll('#turns article')[{n}].innerText") for n in (0, 1)
        ]
        assert QUESTION in texts[0]
        assert answer.answer in texts[0]
        assert answer.citations[0].document in texts[0]
        assert texts[1].startswith("<img src=x onerror=alert(1)>")
        assert "being answered" in texts[1]
        assert page.run("byId('form').hidden")
        page.picture("shared")
        assert page.problems == []
        run(app.conversations.unshare(me, talk))
        page.call("Page.reload")
        page.until("byId('status').textContent.includes('leads to no conversation')")
        assert page.run("byId('turns').innerText + byId('title').innerText") == ""
