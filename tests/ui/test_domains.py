"""Somebody who administers one domain only: what they see, where they may go, what is closed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.ui.conftest import Opener, Seen
from tests.ui.test_door import forgive
from tests.ways.conftest import Deployment, running, written

BORIS = {"X-Ratchet-As": "boris"}
"""As whoever owns the machine may ask: somebody of the packs, who manages chairs alone."""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    root = tmp_path_factory.mktemp("two")
    data = written(root)
    for domain, roles in (("lamps", '["user"]'), ("chairs", '["user", "admin"]')):
        pack = root / domain / "pack.toml"
        person = f'\n[[people]]\nid = "boris"\nroles = {roles}\n'
        pack.write_text(pack.read_text(encoding="utf-8") + person, encoding="utf-8")
    with running(data) as made:
        yield made


def links(seen: Seen) -> list[str]:
    return seen.page.get_by_role("navigation", name="Manage").get_by_role("link").all_inner_texts()


def test_whoever_administers_one_domain_manages_that_one(opened: Opener, two: Deployment) -> None:
    seen = opened("/", two.url, extra_http_headers=BORIS)
    page = seen.page
    page.get_by_label("Your question").wait_for()
    expect(page.get_by_role("link", name="Manage")).to_have_count(0)
    page.goto(f"{two.url}/admin/sources?domain=chairs")
    expect(page.get_by_role("link", name="documents").first).to_be_visible()
    assert links(seen) == ["Sources", "Documents", "Playground", "Models", "Groups", "Health"]
    page.get_by_role("link", name="Documents", exact=True).click()
    page.get_by_text("warranty.md").first.click()
    page.get_by_text("Every new chair has a warranty of 60 months.").first.wait_for()
    page.get_by_role("button", name="Close the source").click()
    page.get_by_role("link", name="Health").click()
    expect(page.get_by_text("Everything works")).to_be_visible()
    for name in ("Sources", "Playground", "Models", "Groups"):
        page.get_by_role("navigation", name="Manage").get_by_role("link", name=name).click()
        page.get_by_role("heading", level=1).wait_for()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert seen.axe() == []


@pytest.mark.parametrize("page_name", ["people", "keys", "audit", "settings"])
def test_what_is_about_every_domain_is_closed_and_says_why(
    opened: Opener, two: Deployment, page_name: str
) -> None:
    seen = opened(f"/admin/{page_name}?domain=chairs", two.url, extra_http_headers=BORIS)
    expect(seen.page.get_by_text("for the admins of the default one")).to_be_visible()
    status = seen.page.evaluate("async () => (await fetch('/api/v1/accounts')).status")
    assert status == 403
    forgive(seen, "403")


def test_another_domain_is_closed_to_them_and_the_switch_stays_on_the_page(
    opened: Opener, two: Deployment
) -> None:
    seen = opened("/admin/sources?domain=chairs", two.url, extra_http_headers=BORIS)
    page = seen.page
    page.get_by_role("link", name="documents").first.wait_for()
    page.get_by_role("combobox", name="Switch domain").click()
    page.get_by_role("option", name="lamps").click()
    page.wait_for_url("**/admin/sources?domain=lamps")
    expect(page.get_by_text("takes a role that you do not have here")).to_be_visible()
    expect(page.get_by_role("link", name="documents")).to_have_count(0)
    page.get_by_role("combobox", name="Switch domain").click()
    page.get_by_role("option", name="chairs").click()
    expect(page.get_by_role("link", name="documents").first).to_be_visible()
    asked = "async (domain) => (await fetch(`/api/v1/sources?domain=${domain}`)).status"
    statuses = [page.evaluate(asked, domain) for domain in ("lamps", "chairs")]
    assert statuses == [403, 200]
    forgive(seen, "403")
