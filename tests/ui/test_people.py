"""Who may come in: invited, given roles, signed out, suspended, erased, by an admin's hand."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from rag.types import Role
from tests.ui.conftest import PASSWORD, Opener, Site
from tests.ui.test_looks import LOOKS, picture

HOSTILE = "<img src=x onerror=alert(1)> \u202egnp.exe" + "x" * 5_000


def test_somebody_is_invited_comes_in_and_is_put_out(
    opened: Opener, signed: Opener, site: Site
) -> None:
    seen = signed("/admin/people")
    page = seen.page
    page.get_by_role("button", name="Invite somebody").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Bea")
    dialog.get_by_label("curates").check()
    dialog.get_by_role("button", name="Make the link").click()
    link = dialog.get_by_label("Link", exact=True).input_value()
    assert "/join#" in link
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_text("from adam, ends")).to_be_visible()

    hers = opened(f"/join{link.partition('/join')[2]}", site.url)
    hers.page.get_by_label("Password", exact=True).fill(PASSWORD)
    hers.page.get_by_role("button", name="Choose this password").click()
    hers.page.get_by_label("Your question").wait_for()

    page.reload()
    page.get_by_role("button", name="bea", exact=True).wait_for()
    expect(page.get_by_text("from adam, ends")).to_have_count(0)
    page.get_by_label("Search names").fill("BE")
    expect(page.get_by_role("button", name="adam", exact=True)).to_have_count(0)
    page.get_by_role("button", name="bea", exact=True).click()
    assert "person=bea" in page.url
    assert "search=BE" in page.url
    drawer = page.get_by_role("dialog", name="bea")
    drawer.get_by_label("manages").check()
    drawer.get_by_role("button", name="Save").click()
    expect(drawer.get_by_role("button", name="Save")).to_be_disabled()
    hers.page.reload()
    expect(hers.page.get_by_role("link", name="Manage")).to_be_visible()

    drawer.get_by_role("button", name="Sign out everywhere").click()
    expect(drawer.get_by_text("Nowhere now.")).to_be_visible()
    hers.page.reload()
    hers.page.get_by_role("button", name="Sign in").wait_for()
    drawer.get_by_role("button", name="Suspend").click()
    page.get_by_role("dialog", name="Suspend this person?").get_by_role(
        "button", name="Suspend"
    ).click()
    expect(drawer.get_by_text("suspended").first).to_be_visible()

    with page.expect_download() as got:
        drawer.get_by_role("link", name="Download").click()
    assert '"end"' in got.value.path().read_text()
    drawer.get_by_role("button", name="Erase").click()
    erasing = page.get_by_role("dialog", name="Erase bea?")
    erasing.get_by_label("Type bea to go on").fill("be")
    expect(erasing.get_by_role("button", name="Erase")).to_be_disabled()
    erasing.get_by_label("Type bea to go on").fill("bea")
    erasing.get_by_role("button", name="Erase").click()
    page.get_by_text("entries are gone").wait_for()
    page.get_by_role("dialog", name="Erased").get_by_role("button", name="Close").last.click()
    expect(page.get_by_role("button", name="bea", exact=True)).to_have_count(0)
    hers.problems[:] = [one for one in hers.problems if "401" not in one]


def test_the_only_admin_stays_one_and_a_link_is_withdrawn(signed: Opener, site: Site) -> None:
    link = site.invited("carl", Role.USER)
    seen = signed("/admin/people?person=adam")
    page = seen.page
    drawer = page.get_by_role("dialog", name="adam")
    expect(drawer.get_by_text("This is you.")).to_be_visible()
    drawer.get_by_label("manages").uncheck()
    drawer.get_by_role("button", name="Save").click()
    expect(drawer.get_by_text("'adam' is the only admin.")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("listitem").filter(has_text="carl").get_by_role(
        "button", name="Withdraw"
    ).click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("listitem").filter(has_text="carl")).to_have_count(0)
    page.goto(f"{site.url}{link}")
    expect(page.get_by_text("This link was used, or is too old")).to_be_visible()
    seen.problems[:] = [one for one in seen.problems if "409" not in one and "404" not in one]


def test_without_accounts_it_says_how_to_have_them(opened: Opener) -> None:
    page = opened("/admin/people").page
    expect(page.get_by_text("Nobody needs to sign in here")).to_be_visible()
    expect(page.get_by_text("required = true")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
def test_the_pages_of_people_are_for_everybody(signed: Opener, site: Site, look: str) -> None:
    app = site.deployment.app
    if not site.deployment.run(app.accounts.list(app.person(None), search="dora")):
        site.joined("dora", Role.USER, Role.DATA)
    site.invited("new@example.org", Role.USER)
    seen = signed("/admin/people", **LOOKS[look])
    page = seen.page
    found: dict[str, list[str]] = {}
    page.get_by_role("button", name="dora").wait_for()
    picture(page, f"people-{look}")
    found["people"] = seen.axe()
    page.get_by_role("button", name="dora").click()
    page.get_by_text("Signed in at").wait_for()
    picture(page, f"person-{look}")
    found["person"] = seen.axe()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Invite somebody").click()
    page.get_by_role("dialog").get_by_label("Name").fill("erin")
    picture(page, f"invite-{look}")
    found["invite"] = seen.axe()
    page.get_by_role("button", name="Make the link").click()
    page.get_by_text("It is shown this once").wait_for()
    picture(page, f"invited-{look}")
    found["invited"] = seen.axe()
    assert {name: bad for name, bad in found.items() if bad} == {}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
