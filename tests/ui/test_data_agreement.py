"""The page of agreement: who agrees with whom, and the way to what is disputed."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from rag.feedback import Verdict
from rag.types import AskRequest
from tests.ui.conftest import Opener
from tests.ui.test_looks import LOOKS, picture
from tests.ways.conftest import Deployment

QUESTION = "How many months of warranty does a new lamp have, exactly?"


@pytest.fixture(scope="module")
def disputed(deployment: Deployment) -> str:
    """A verdict that somebody of the data team is of another opinion about."""
    app: Any = deployment.app

    async def story() -> str:
        guest = app.person("guest")
        asked = await app.ask(guest, AskRequest(question=QUESTION))
        await app.rate(guest, asked.trace_id, Verdict(value=1))
        return (await app.rate(app.person(None), asked.trace_id, Verdict(value=-1))).id

    return deployment.run(story())


def test_what_is_disputed_leads_to_what_was_said(opened: Opener, disputed: str) -> None:
    seen = opened("/data")
    page = seen.page
    page.get_by_role("link", name="Agreement").click()
    expect(page.get_by_role("region", name="On the whole")).to_contain_text("Judged by several")
    raters = page.get_by_role("region", name="Who judges")
    expect(raters.locator("[data-rater]").filter(has_text="expert").first).to_contain_text("of")
    one = page.get_by_role("list", name="Most disputed").get_by_role("listitem")
    one = one.filter(has_text=QUESTION)
    expect(one).to_contain_text("1 for, 1 against")
    one.get_by_role("link", name="What was said of it").click()
    expect(page.locator(f'[data-verdict="{disputed}"]')).to_be_visible()
    expect(page.locator("[data-verdict]")).to_have_count(2)
    page.get_by_role("button", name="Of one answer; show all").click()
    expect(page.get_by_role("button", name="Of one answer; show all")).to_have_count(0)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("look", LOOKS)
def test_agreement_is_for_everybody(
    opened: Opener, disputed: str, look: str, language: str
) -> None:
    seen = opened("/data/agreement?days=all", locale=language, **LOOKS[look])
    seen.page.locator("[data-rater]").first.wait_for()
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert seen.sideways() == []
    assert seen.axe() == []
    picture(seen.page, f"agreement-{look}-{language}")
