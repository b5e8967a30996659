"""The page of gaps: what was not answered, who misses what, and whether it is answered by now."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from rag.feedback import Verdict
from rag.types import AskRequest
from tests.ui.conftest import Opener
from tests.ui.test_looks import LOOKS, picture
from tests.ways.conftest import Deployment

UNKNOWN = "Who repaired the lighthouse of Zanzibar in 1911?"
HOSTILE = "<img src=x onerror=alert(1)>" + "x" * 500


@pytest.fixture(scope="module")
def gap(deployment: Deployment) -> str:
    """The cluster of a question that was asked twice and not answered."""
    app: Any = deployment.app
    who = app.person(None)

    async def story() -> str:
        asked = await app.ask(who, AskRequest(question=UNKNOWN))
        again = await app.ask(who, AskRequest(question=UNKNOWN))
        assert (asked.abstained, again.abstained) == (True, True)
        for name in ("The lighthouse log", HOSTILE):
            missing = {"kind": "missing_document", "name": name}
            said = Verdict.model_validate({"target": missing, "value": 1, "comment": "In the shed"})
            trace = asked.trace_id if name != HOSTILE else again.trace_id
            await app.rate(who, trace, said)
        return asked.trace_id

    return deployment.run(story())


def test_a_gap_is_opened_and_narrowed(opened: Opener, gap: str) -> None:
    seen = opened("/data")
    page = seen.page
    page.get_by_role("link", name="Gaps").click()
    one = page.locator(f'[data-gap="{gap}"]')
    expect(one).to_contain_text(UNKNOWN)
    expect(one).to_contain_text("1 person, asked 2 times")
    expect(one).to_contain_text("The lighthouse log (1)")
    expect(one).to_contain_text("Never answered")
    one.get_by_role("button", name="Show the questions").press("Enter")
    questions = one.get_by_role("list", name="Questions of this gap").get_by_role("listitem")
    expect(questions).to_have_count(2)
    expect(questions.last).to_contain_text("misses: The lighthouse log; says: In the shed")
    page.get_by_role("combobox", name="Asked").click()
    page.get_by_role("option", name="in the last 30 days").click()
    expect(one).to_be_visible()
    page.goto(f"{seen.url}/data/gaps?language=fr&days=all")
    expect(page.get_by_text("Every such question was answered.")).to_be_visible()
    page.reload()
    expect(page.get_by_role("combobox", name="Language")).to_have_value("French")


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("look", LOOKS)
def test_gaps_are_for_everybody(opened: Opener, gap: str, look: str, language: str) -> None:
    seen = opened("/data/gaps", locale=language, **LOOKS[look])
    one = seen.page.locator(f'[data-gap="{gap}"]')
    one.get_by_role("button", name="Show the questions" if language == "en" else "Fragen").click()
    one.locator("ol li").first.wait_for()
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert seen.sideways() == []
    assert seen.axe() == []
    picture(seen.page, f"gaps-{look}-{language}")
