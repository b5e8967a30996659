"""The data team's pages: what people said is reviewed, built into a dataset, and taken away."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from rag.feedback import Consent, Correction, Verdict
from rag.types import AskRequest
from tests.ui.conftest import Opener
from tests.ui.test_looks import LOOKS, QUESTION, picture
from tests.ways.conftest import Deployment

BETTER = "The warranty is two years, as written."
HOSTILE = "<img src=x onerror=alert(1)>\u202egnp" + "x" * 2_000


@pytest.fixture(scope="module")
def said(deployment: Deployment) -> str:
    """The id of a verdict with a correction, and some others; all agreed to be used."""
    app: Any = deployment.app
    who = app.person(None)

    async def story() -> str:
        everything = Consent(purposes=("training", "retrieval", "evaluation"), version=1)
        await app.agree(who, everything)
        answer = await app.ask(who, AskRequest(question=QUESTION))
        better = Verdict(
            value=-1,
            reasons=("wrong_fact", "incomplete"),
            comment=HOSTILE,
            correction=Correction(text=f"{BETTER} Ask ada@example.com."),
        )
        made = await app.rate(who, answer.trace_id, better)
        other = await app.ask(who, AskRequest(question=QUESTION))
        await app.rate(who, other.trace_id, Verdict(value=1))
        missing = {"kind": "missing_document", "name": "The repair manual of 2024"}
        await app.rate(who, other.trace_id, Verdict.model_validate({"target": missing, "value": 1}))
        return made.id

    return deployment.run(story())


def test_feedback_is_reviewed_and_built_into_a_dataset(
    opened: Opener, said: str, tmp_path: Path
) -> None:
    seen = opened("/data")
    page = seen.page
    expect(page).to_have_url(re.compile(r"/data/feedback$"))
    one = page.locator(f'[data-verdict="{said}"]')
    expect(one).to_contain_text("The warranty is two years, as written.")
    expect(one).to_contain_text("Wrong fact")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    one.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("1 verdict is in another state now.")).to_be_visible()
    expect(one).to_have_count(0)
    page.get_by_role("combobox", name="State").click()
    page.get_by_role("option", name="Accepted").click()
    expect(one).to_contain_text("Accepted")
    page.get_by_role("combobox", name="State").click()
    page.get_by_role("option", name="Waiting").click()
    page.get_by_role("combobox", name="Only").click()
    page.get_by_role("option", name="A document was missing").click()
    expect(page.get_by_text("Missing: The repair manual of 2024")).to_be_visible()
    page.get_by_role("checkbox", name="Choose all shown").check()
    page.locator("main").get_by_role("button", name="Set aside").first.click()
    expect(page.get_by_text("No feedback is like that.")).to_be_visible()

    page.get_by_role("link", name="Datasets").click()
    page.get_by_role("button", name="Build a dataset").first.click()
    page.get_by_label("Name").fill("Not a name")
    page.get_by_role("button", name="Build", exact=True).click()
    assert page.get_by_label("Name").evaluate("(one) => !one.checkValidity()")
    page.get_by_label("Name").fill("ui-month")
    page.get_by_label("What it is for").fill("Tried in a browser")
    page.get_by_role("button", name="Try it on a text").click()
    page.get_by_label("A text to try it on").fill("Ask bob@example.com, +49 30 901820.")
    page.get_by_role("button", name="Show what is left").click()
    expect(page.get_by_text("Ask <EMAIL_ADDRESS_1>, <PHONE_NUMBER_1>.")).to_be_visible()
    page.get_by_role("button", name="Build", exact=True).click()
    shown = page.get_by_role("region", name="ui-month@1")
    expect(shown).to_contain_text("Answers to learn")
    expect(shown.get_by_role("row", name="EMAIL_ADDRESS answers")).to_be_visible()
    shown.get_by_role("button", name="Look at rows").click()
    splits = ("Train", "Validation", "Test")
    rows = shown.get_by_role("list", name="Rows").get_by_role("listitem")
    for split in splits:
        shown.get_by_role("combobox", name="Split").click()
        page.get_by_role("option", name=split, exact=True).click()
        expect(rows.or_(shown.get_by_text("There is no such row.")).first).to_be_visible()
        if rows.count():
            break
    rows.first.get_by_text("Why is this row in it?").click()
    expect(rows.first).to_contain_text("accepted by local")
    traced = rows.first.get_by_role("link", name="The answer and what was said of it").first
    assert re.search(r"[?&]trace=[0-9a-f-]{36}", traced.get_attribute("href") or "")
    shown.get_by_role("button", name="Look for leaks").click()
    expect(shown.get_by_role("region", name="Questions that ask")).to_contain_text("one split only")
    shown.get_by_role("combobox", name="Format").click()
    page.get_by_role("option", name="openai-sft").click()
    # Of the test split, where chance may put it, what trains is given nothing.
    begins = "There is nothing in it" if split == "Test" else '{"messages": ['
    expect(shown.get_by_role("region", name="How it begins")).to_contain_text(begins)
    shown.get_by_role("button", name="Try it").click()
    expect(shown.get_by_role("article", name="openai-shape with openai-sft")).to_be_visible()
    shown.get_by_role("combobox", name="Format").click()
    page.get_by_role("option", name="csv").click()
    # Of every split: which one a question falls into is decided by chance.
    with page.expect_download() as coming:
        shown.get_by_role("link", name="Download").click()
    coming.value.save_as(tmp_path / "export.zip")
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        assert {"README.md", "croissant.json", "manifest.json"} <= {*archive.namelist()}
        rows = [name for name in archive.namelist() if name.endswith(".csv")]
        words = "".join(archive.read(one).decode() for one in rows)
        assert f"{BETTER} Ask <EMAIL_ADDRESS_1>." in words
        assert "ada@example.com" not in words
    page.reload()
    expect(shown).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
def test_the_pages_of_the_data_team_are_for_everybody(opened: Opener, said: str, look: str) -> None:
    seen = opened("/data/feedback?state=any", **LOOKS[look])
    seen.page.locator("[data-verdict]").first.wait_for()
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert seen.axe() == []
    picture(seen.page, f"feedback-{look}")
    seen.page.goto(f"{seen.url}/data/datasets")
    seen.page.get_by_role("button", name="Build a dataset").first.click()
    seen.page.get_by_role("region", name="Build a dataset").wait_for()
    seen.page.get_by_role("button", name="Try it on a text").click()
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert seen.axe() == []
    picture(seen.page, f"datasets-{look}")
