"""The inbox of feedback: what looks odd is told and found."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from rag.feedback import Verdict
from rag.store.flags import AGAIN
from rag.types import AskRequest
from tests.ui.conftest import Opener
from tests.ui.test_looks import LOOKS, picture
from tests.ways.conftest import Deployment

QUESTION = "How long is the warranty of a desk lamp, in months?"
COMMENT = "This is what it always says"


@pytest.fixture(scope="module")
def odd(deployment: Deployment) -> str:
    """The last of several verdicts of one person on one question, in the same words."""
    app: Any = deployment.app
    who = app.person(None)

    async def story() -> str:
        for _ in range(AGAIN):
            asked = await app.ask(who, AskRequest(question=QUESTION))
            said = await app.rate(who, asked.trace_id, Verdict(value=-1, comment=COMMENT))
        return said.id

    return deployment.run(story())


def test_what_looks_odd_is_told_in_a_sentence_and_found(opened: Opener, odd: str) -> None:
    seen = opened("/data/feedback")
    page = seen.page
    one = page.locator(f'[data-verdict="{odd}"]')
    expect(one.locator('[data-flag="again"]')).to_contain_text("much the same question")
    expect(one.locator('[data-flag="alike"]')).to_contain_text("nearly the same at least 5 times")
    page.get_by_role("combobox", name="Looks odd").click()
    page.get_by_role("option", name="One against all").click()
    expect(page.get_by_text("No feedback is like that.")).to_be_visible()
    page.get_by_role("combobox", name="Looks odd").click()
    page.get_by_role("option", name="The same words again").click()
    expect(one).to_be_visible()
    expect(page.locator("[data-verdict]")).to_have_count(AGAIN)
    page.reload()
    expect(page.locator("[data-verdict]")).to_have_count(AGAIN)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("look", LOOKS)
def test_the_inbox_is_for_everybody(opened: Opener, odd: str, look: str, language: str) -> None:
    seen = opened("/data/feedback?flag=again", locale=language, **LOOKS[look])
    seen.page.locator(f'[data-verdict="{odd}"] [data-flag]').first.wait_for()
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert seen.sideways() == []
    assert seen.axe() == []
    picture(seen.page, f"inbox-{look}-{language}")


def test_rows_are_assigned_and_reviewed_by_keyboard(opened: Opener, odd: str) -> None:
    seen = opened("/data/feedback?flag=again")
    page = seen.page
    one = page.locator(f'[data-verdict="{odd}"]')
    page.get_by_role("checkbox", name="Choose all shown").check()
    page.get_by_role("button", name="Assign").click()
    page.get_by_role("menuitem", name="to nobody").click()
    expect(page.get_by_text("That is nobody's to review now.")).to_be_visible()
    # A menu that closes takes the focus away a moment later; people press the key again, too.
    for _ in range(10):
        one.focus()
        page.keyboard.press("m")
        page.wait_for_timeout(1_000)
        if "To be reviewed by local" in one.inner_text():
            break
    expect(one).to_contain_text("To be reviewed by local")
    one.focus()
    expect(page.get_by_text("That is to be reviewed by local now.")).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator("[data-verdict]").nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(one).to_be_focused()
    page.get_by_role("switch", name="Assigned to me").check()
    expect(page.locator("[data-verdict]")).to_have_count(1)
    one.focus()
    page.keyboard.press("s")
    expect(page.get_by_text("1 verdict is in another state now.")).to_be_visible()
    expect(page.locator("[data-verdict]")).to_have_count(0)
    page.goto(f"{seen.url}/data/feedback?flag=again&state=quarantined&mine=1")
    one.focus()
    page.keyboard.press("x")
    page.get_by_role("button", name="Back to waiting").first.click()
    expect(page.get_by_text("1 verdict is in another state now.")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
def test_what_made_an_answer_stands_beside_the_verdict(opened: Opener, odd: str, look: str) -> None:
    seen = opened("/data/feedback?flag=again", **LOOKS[look])
    page = seen.page
    one = page.locator(f'[data-verdict="{odd}"]')
    one.get_by_role("button", name="What made it").click()
    made = one.get_by_role("region", name="What made the answer")
    expect(made).to_contain_text("extractive")
    expect(made).to_contain_text("Cited")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert seen.axe() == []
    picture(page, f"beside-{look}")
    made.get_by_role("button").first.click()
    expect(page.get_by_role("dialog").locator("mark").first).to_contain_text("warranty")
    page.keyboard.press("Escape")
