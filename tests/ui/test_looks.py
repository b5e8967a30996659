"""Every page, light, dark and as wide as a phone: nothing bars anybody's way in any of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.ui.conftest import Opener, Seen
from tests.ways.test_openai import QUESTION

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1400, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1400, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}


def picture(page: Page, name: str) -> None:
    """For whoever wants to look: into the folder that SCREENSHOTS names."""
    if where := os.environ.get("SCREENSHOTS"):
        page.wait_for_timeout(400)
        page.screenshot(path=Path(where) / f"{name}.png")


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_for_everybody(opened: Opener, look: str) -> None:
    seen = opened("/", **LOOKS[look])
    page = seen.page
    found: dict[str, list[str]] = {}

    def looked(name: str, one: Seen = seen) -> None:
        picture(one.page, f"{name}-{look}")
        if problems := one.axe():
            found[name] = problems

    page.get_by_label("Your question").wait_for()
    looked("welcome")
    seen.ask(QUESTION)
    looked("answer")
    page.locator("[data-cite='1']").click()
    page.locator("mark[data-cited]").wait_for()
    looked("source")
    page.get_by_label("Close the source").click()
    page.get_by_label("Bad answer").click()
    page.get_by_label("Anything to add?").wait_for()
    looked("rating")
    seen.ask("Who won the chess tournament of Zanzibar in 1911?")
    looked("unknown")
    page.get_by_label("Account and settings of").click()
    page.get_by_text("Appearance").wait_for()
    looked("menu")
    page.goto(f"{seen.url}/account")
    page.get_by_label("Measuring answers").wait_for()
    looked("account")
    page.goto(f"{seen.url}/sign-in")
    page.get_by_text("Nobody needs to sign in here").wait_for()
    looked("sign-in")
    assert found == {}
