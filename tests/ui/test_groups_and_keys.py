"""Who is in which group, and what programs carry: by an admin's hand and by one's own."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from rag.types import Role
from tests.ui.conftest import Opener, Site
from tests.ui.test_looks import LOOKS, picture

HOSTILE = "<img src=x onerror=alert(1)> gnp"


def test_somebody_is_let_into_a_group_and_put_out(signed: Opener, site: Site) -> None:
    seen = signed("/admin/groups")
    page = seen.page
    page.get_by_role("button", name="New group").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Group").fill("engineering")
    dialog.get_by_label("Person").fill("ad")
    page.get_by_role("option", name="adam").click()
    dialog.get_by_role("button", name="Add").click()
    panel = page.get_by_role("region", name="engineering")
    expect(panel.get_by_text("added by adam")).to_be_visible()
    assert "group=engineering" in page.url
    assert "engineering" in site.deployment.app.person("adam").groups
    page.reload()
    panel.get_by_role("button", name="Add").click()
    dialog.get_by_label("Person").fill("group:wrong")
    dialog.get_by_role("button", name="Add").click()
    expect(dialog.get_by_text("not the name of a person")).to_be_visible()
    page.keyboard.press("Escape")
    panel.get_by_role("button", name="Remove adam").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Nobody is in it.")).to_be_visible()
    assert "engineering" not in site.deployment.app.person("adam").groups
    seen.problems[:] = [one for one in seen.problems if "422" not in one]


def test_a_key_is_shown_once_works_and_is_removed(signed: Opener, site: Site) -> None:
    seen = signed("/admin/keys", permissions=["clipboard-read", "clipboard-write"])
    page = seen.page
    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("nightly report")
    dialog.get_by_role("button", name="Make the key").click()
    secret = dialog.get_by_label("Key", exact=True).input_value()
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    headers = {"Authorization": f"Bearer {secret}"}

    def told() -> httpx.Response:
        return httpx.get(f"{site.url}/api/v1/session", headers=headers, trust_env=False)

    assert told().json()["roles"] == ["user"]
    dialog.get_by_role("button", name="Done").click()
    row = page.get_by_role("row").filter(has_text="nightly report")
    expect(row).to_contain_text("adam")
    expect(row).to_contain_text("20")
    assert secret not in page.content()
    row.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    assert told().status_code == 401


def test_everybody_makes_keys_of_their_own_and_sees_no_others(signed: Opener, site: Site) -> None:
    site.joined("kim", Role.USER)
    app = site.deployment.app
    site.deployment.run(app.accounts.list(app.person(None)))
    page = signed("/account", "kim").page
    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(HOSTILE)
    expect(dialog.get_by_label("manage")).to_have_count(0)
    dialog.get_by_role("button", name="Make the key").click()
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_role("row").filter(has_text=HOSTILE)).to_be_visible()
    admins = signed("/admin/keys?owner=kim").page
    expect(admins.get_by_role("row").filter(has_text=HOSTILE)).to_be_visible()
    admins.get_by_label("Everybody's").click()
    admins.wait_for_url("**/admin/keys")
    admins.get_by_role("link", name="kim").click()
    expect(admins.get_by_role("dialog", name="kim").get_by_text(HOSTILE)).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
def test_groups_and_keys_are_for_everybody(signed: Opener, site: Site, look: str) -> None:
    app = site.deployment.app
    who = app.person(None)
    long = "x" * 100
    for group, user in (("service", "adam"), ("service", "bo"), (long, long), ("sales", "adam")):
        site.deployment.run(app.change_group(who, group, user, belongs=True))
    parts = app._parts
    from datetime import timedelta

    for name, days in (("nightly report", 90), ("dashboards " + "y" * 80, 3)):
        parts.keys.add("adam", name, {Role.USER, Role.ADMIN}, timedelta(days=days))
    found: dict[str, list[str]] = {}
    seen = signed("/admin/groups?group=service", **LOOKS[look])
    page = seen.page
    page.get_by_role("region", name="service").wait_for()
    picture(page, f"groups-{look}")
    found["groups"] = seen.axe()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(f"{site.url}/admin/keys")
    page.get_by_text("nightly report").first.wait_for()
    picture(page, f"keys-{look}")
    found["keys"] = seen.axe()
    page.get_by_role("button", name="New key").click()
    page.get_by_role("dialog").get_by_label("Name").fill("x")
    picture(page, f"key-{look}")
    found["key"] = seen.axe()
    page.get_by_role("button", name="Make the key").click()
    page.get_by_text("It is shown this once").wait_for()
    picture(page, f"key-made-{look}")
    found["made"] = seen.axe()
    assert {name: bad for name, bad in found.items() if bad} == {}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
