"""What an admin does by hand: a source is added, read, looked into, and taken away again."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.ui.conftest import Opener, Seen
from tests.ui.test_looks import LOOKS, picture

HOSTILE = "<img src=x onerror=alert(1)> \u202egnp.exe"


def added(seen: Seen, folder: Path, name: str) -> None:
    """A source of files, by the form."""
    page = seen.page
    page.goto(f"{seen.url}/admin/sources/add?connector=files")
    page.get_by_label("Path").first.fill(str(folder))
    page.get_by_label("Name").first.fill(name)
    page.get_by_role("button", name="Test the connection").click()
    page.get_by_text("It can be reached").wait_for()
    page.get_by_role("button", name="Add and read it").click()
    page.get_by_text("Up to date").first.wait_for()


def test_a_source_is_added_read_and_removed(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "quay.md").write_text("# Quay\n\nThe quay of Lindvik is 40 metres long.\n")
    seen = opened("/")
    page = seen.page
    page.get_by_label("Your question").wait_for()
    added(seen, tmp_path, HOSTILE)
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    expect(page.get_by_text("1 added")).to_be_visible()
    page.goto(f"{seen.url}/admin/documents")
    page.get_by_text("quay.md").first.click()
    page.get_by_text("The quay of Lindvik is 40 metres long.").wait_for()
    page.goto(f"{seen.url}/admin/sources")
    page.get_by_text(HOSTILE).first.click()
    page.get_by_role("button", name="Remove the source").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove the source").click()
    page.wait_for_url("**/admin/sources")
    expect(page.get_by_text(HOSTILE)).to_have_count(0)


@pytest.mark.parametrize("look", LOOKS)
def test_what_admins_see_is_for_everybody(opened: Opener, look: str) -> None:
    seen = opened("/admin/sources", **LOOKS[look])
    page = seen.page
    found: dict[str, list[str]] = {}
    pages = {
        "sources": ("/admin/sources", "Add a source"),
        "gallery": ("/admin/sources/add", "confluence"),
        "form": ("/admin/sources/add?connector=files", "Test the connection"),
        "documents": ("/admin/documents", "warranty.md"),
    }
    for name, (path, shown) in pages.items():
        page.goto(f"{seen.url}{path}")
        page.get_by_text(shown).first.wait_for()
        picture(page, f"{name}-{look}")
        if problems := seen.axe():
            found[name] = problems
    assert found == {}
