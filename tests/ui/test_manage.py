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
    page.get_by_text("The quay of Lindvik is 40 metres long.", exact=True).wait_for()
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
        if look == "phone":
            assert seen.sideways() == [], name
        if problems := seen.axe():
            found[name] = problems
    assert found == {}


def test_files_are_put_into_a_source_replaced_and_deleted(opened: Opener, tmp_path: Path) -> None:
    seen = opened("/admin/sources/add?connector=uploads")
    page = seen.page
    page.get_by_label("Name").first.fill("inbox")
    page.get_by_text("Limits and networks").click()
    page.get_by_label("Max bytes").fill("200")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_text("No file was put here yet.")).to_be_visible()
    files = {
        "gulls.md": "The gulls of Ulvik nest in April.\n",
        "long.md": "x" * 300,
        HOSTILE: "Ha.\n",
    }
    chosen = [
        {"name": name, "mimeType": "text/markdown", "buffer": text.encode()}
        for name, text in files.items()
    ]
    field = page.locator("input[type=file]")
    field.set_input_files(chosen)  # type: ignore[arg-type]
    sending = page.get_by_role("list", name="On their way")
    expect(sending.get_by_text("is there")).to_have_count(2)
    expect(sending.get_by_role("alert")).to_contain_text("takes 200")
    kept = page.get_by_role("list", name="Kept files")
    expect(kept.get_by_role("listitem")).to_have_count(2)
    expect(page.get_by_text("2 added")).to_be_visible()
    field.set_input_files(chosen[:1])  # type: ignore[arg-type]
    expect(sending.get_by_text("A file of this name is there already.")).to_be_visible()
    sending.get_by_role("button", name="Replace it").click()
    expect(sending.get_by_text("is there", exact=True)).to_have_count(3)
    picture(page, "uploads")
    assert seen.axe() == []
    kept.get_by_label("Delete gulls.md").click()
    page.get_by_role("button", name="Delete the file").click()
    expect(kept.get_by_role("listitem")).to_have_count(1)
    seen.problems[:] = [one for one in seen.problems if "413" not in one]


def test_a_source_whose_first_reading_is_refused_says_so(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("The pier of Ask is made of oak.\n")
    seen = opened("/admin/sources/add?connector=files")
    page = seen.page
    page.route(
        "**/api/v1/sources/*/sync",
        lambda route: route.fulfill(
            status=503, json={"status": 503, "title": "Service Unavailable", "detail": "Too busy."}
        ),
    )
    page.get_by_label("Path").first.fill(str(tmp_path))
    page.get_by_label("Name").first.fill("pier")
    page.get_by_role("button", name="Add and read it").click()
    expect(page.get_by_role("alert")).to_contain_text("Too busy.")
    expect(page.get_by_role("heading", name="pier")).to_be_visible()
    page.unroute("**/api/v1/sources/*/sync")
    page.get_by_role("button", name="Read now").click()
    expect(page.get_by_text("1 added")).to_be_visible()
    expect(page.get_by_text("Too busy.")).to_have_count(0)
    seen.problems[:] = [one for one in seen.problems if "503" not in one]


def test_the_form_of_a_connector_speaks_german(opened: Opener) -> None:
    page = opened("/admin/sources/add?connector=files", locale="de-DE").page
    expect(page.get_by_label("Pfad").first).to_be_visible()
    expect(page.get_by_label("Auslassen").first).to_be_visible()
    expect(page.get_by_text("Nie Dateien, auf die eines davon passt.")).to_be_visible()
    expect(page.get_by_text("Dateien und Ordner auf diesem Rechner.")).to_be_visible()


def test_files_dropped_from_the_list_leave_the_others_what_they_are(opened: Opener) -> None:
    seen = opened("/admin/sources/add?connector=uploads")
    page = seen.page
    page.get_by_label("Name").first.fill("letters")
    page.get_by_role("button", name="Add it").click()
    field = page.locator("input[type=file]")

    def put(*names: str) -> None:
        files = [{"name": one, "mimeType": "text/plain", "buffer": one.encode()} for one in names]
        field.set_input_files(files)  # type: ignore[arg-type]

    sending = page.get_by_role("list", name="On their way")
    put("a.md", "b.md")
    expect(sending.get_by_text("is there")).to_have_count(2)
    sending.get_by_role("listitem").first.get_by_role("button").click()
    put("c.md")
    expect(sending.get_by_role("listitem")).to_have_count(2)
    expect(sending.get_by_text("is there")).to_have_count(2)
    sending.get_by_role("listitem").last.get_by_role("button").click()
    expect(sending.get_by_role("listitem")).to_have_count(1)
    expect(sending).to_contain_text("b.md")
