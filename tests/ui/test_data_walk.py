"""From a rating to a dataset and out of it again, each step by hand in a browser.

Somebody corrects an answer; the data team accepts it, builds, tries it with a reader of the format,
downloads it and follows a row back to its answer; an admin erases whoever said it; the version is
withdrawn, and the next one knows nothing of it.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from rag.types import Role
from tests.ui.conftest import Opener, Site
from tests.ui.test_looks import QUESTION

CANARY = "Warranty canary seventeen: it lasts two years."


def test_what_somebody_said_is_learned_from_until_they_are_erased(
    signed: Opener, site: Site, tmp_path: Path
) -> None:
    site.joined("wanda", Role.USER)
    site.joined("dora", Role.USER, Role.DATA)
    hers = signed("/account", "wanda")
    for purpose in ("Finding better passages", "Measuring answers", "Training models"):
        hers.page.get_by_label(purpose).check()
    hers.page.get_by_role("button", name="Keep this choice").click()
    expect(hers.page.get_by_text("Kept. It counts for ratings from now on.")).to_be_visible()
    hers.page.goto(site.url)
    hers.ask(QUESTION)
    turn = hers.page.locator("[data-turn='1']")
    turn.get_by_label("Bad answer").click()
    turn.get_by_text("Correct the answer").click()
    turn.get_by_label("What would have been right").fill(CANARY)
    turn.get_by_role("button", name="Send").click()
    expect(turn.get_by_text("It is kept.")).to_be_visible()

    page = signed("/data/feedback", "dora").page
    said = page.locator("[data-verdict]").filter(has_text=CANARY)
    said.get_by_role("button", name="Accept").click()
    expect(said).to_have_count(0)
    shown = built(page)
    # Which split a question falls into is decided by chance.
    rows = shown.get_by_role("list", name="Rows").get_by_role("listitem")
    shown.get_by_role("button", name="Look at rows").click()
    for split in ("Train", "Validation", "Test"):
        shown.get_by_role("combobox", name="Split").click()
        page.get_by_role("option", name=split, exact=True).click()
        expect(rows.or_(shown.get_by_text("There is no such row.")).first).to_be_visible()
        if rows.filter(has_text=CANARY).count():
            break
    row = rows.filter(has_text=CANARY).first
    row.get_by_text("Why is this row in it?").click()
    answer = row.get_by_role("link", name="The answer and what was said of it").first
    traced = answer.get_attribute("href") or ""
    shown.get_by_role("combobox", name="Format").click()
    page.get_by_role("option", name="csv").click()
    with page.expect_download() as coming:
        shown.get_by_role("link", name="Download").click()
    coming.value.save_as(tmp_path / "export.zip")
    assert CANARY in words(tmp_path / "export.zip")
    page.goto(f"{site.url}{traced}")
    expect(page.locator("[data-verdict]").filter(has_text=CANARY)).to_have_count(1)

    admin = signed("/admin/people?person=wanda").page
    admin.get_by_role("dialog", name="wanda").get_by_role("button", name="Erase").click()
    erasing = admin.get_by_role("dialog", name="Erase wanda?")
    erasing.get_by_label("Type wanda to go on").fill("wanda")
    erasing.get_by_role("button", name="Erase").click()
    admin.get_by_text("entries are gone").wait_for()

    page.goto(f"{site.url}/data/datasets")
    # The next version was made without being asked for, and says what it lacks.
    page.get_by_role("button", name="walk@2").click()
    after = page.get_by_role("region", name="walk@2")
    expect(after).to_contain_text("erased, or not to be read any more")
    expect(after).to_contain_text("There is no row in it.")
    expect(page.get_by_role("row").filter(has_text="walk@1")).to_contain_text("Withdrawn")
    page.get_by_role("button", name="walk@1").click()
    expect(page.get_by_text("Something that it held was erased since.")).to_be_visible()
    expect(page.get_by_role("link", name="Download")).to_have_count(0)
    page.goto(f"{site.url}/data/feedback?state=any")
    expect(page.get_by_role("heading", name="Feedback")).to_be_visible()
    expect(page.get_by_text(CANARY)).to_have_count(0)
    hers.problems[:] = [one for one in hers.problems if "401" not in one]


def built(page: Page) -> Locator:
    page.get_by_role("link", name="Datasets").click()
    page.get_by_role("button", name="Build a dataset").first.click()
    page.get_by_label("Name").fill("walk")
    page.get_by_role("button", name="Build", exact=True).click()
    shown = page.get_by_role("region", name="walk@1")
    expect(shown).to_contain_text("Answers to learn")
    return shown


def words(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return "".join(archive.read(one).decode() for one in archive.namelist() if "csv" in one)
