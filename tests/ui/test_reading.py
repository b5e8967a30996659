"""Reading what an answer cites, in a browser: PDFs as they were printed, office files as built."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.ui.conftest import Opener, Seen
from tests.ui.harbour import harbour
from tests.ui.test_looks import LOOKS, picture
from tests.ways.conftest import Deployment, running, written

IN_PDF = "Every how many months is the harbour crane K-77 inspected by a licensed inspector?"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The documents of a harbour, in the domain that is not the default one."""
    root = tmp_path_factory.mktemp("port")
    harbour(root / "harbour")
    with running(written(root), parsing=True) as made:
        me, config = made.app.person(None), {"path": str(root / "harbour")}
        made.run(
            made.app.add_source(
                me, connector="files", config=config, name="harbour", domain="chairs"
            )
        )
        report = made.run(made.app.sync(me, domain="chairs"))
        assert (report.added, report.rejected) == (5, 1)
        yield made


def beside(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Source").or_(
        page.get_by_role("complementary", name="Source")
    )


def cited(seen: Seen, question: str) -> Locator:
    """The source of the first citation of an answer, opened."""
    seen.ask(question)
    seen.page.locator("[data-cite='1']").first.click()
    return beside(seen.page)


def test_a_citation_of_a_pdf_opens_its_page_with_the_passage_marked(
    opened: Opener, port: Deployment
) -> None:
    seen = opened("/?domain=chairs", url=port.url)
    page = seen.page
    source = cited(seen, IN_PDF)
    expect(source.locator("canvas[data-drawn=true]")).to_be_visible()
    expect(source.get_by_text("3 / 3")).to_be_visible()
    sheet, mark = source.locator("canvas").bounding_box(), source.locator("[data-cited]").first
    expect(mark).to_be_in_viewport()
    place = mark.bounding_box()
    assert sheet is not None
    assert place is not None
    # The left one of two columns, below the heading: what is cited, and not all around it.
    assert sheet["x"] < place["x"]
    assert place["x"] + place["width"] < sheet["x"] + 0.55 * sheet["width"]
    assert place["height"] < 0.05 * sheet["height"]
    source.get_by_label("Larger").click()
    expect(mark).to_be_in_viewport()
    source.get_by_label("Previous page").click()
    expect(source.get_by_text("2 / 3")).to_be_visible()
    expect(source.locator("[data-cited]")).to_have_count(0)
    with page.expect_download() as download:
        source.get_by_text("Original").click()
    assert download.value.suggested_filename == "crane.pdf"
    assert download.value.path().read_bytes().startswith(b"%PDF")
    source.get_by_text("Text", exact=True).click()
    expect(source.locator("mark[data-cited]")).to_contain_text("every 18 months")


@pytest.mark.parametrize(
    ("question", "marked", "name"),
    [
        ("How many passengers does the ferry Aurelia carry at most in winter?", "212", "ferry"),
        ("How many euros does painting the lighthouse Morrow cost?", "18,400", "lighthouse"),
        ("What is the depth of berth North 7?", "9.4 m", "berths"),
    ],
)
def test_office_documents_are_shown_as_text_with_the_passage_marked(
    opened: Opener, port: Deployment, question: str, marked: str, name: str
) -> None:
    seen = opened("/?domain=chairs", url=port.url)
    source = cited(seen, question)
    expect(source.locator("[data-cited]").first).to_contain_text(marked)
    expect(source).to_contain_text("Version 1")
    with seen.page.expect_download() as download:
        source.get_by_text("Original").click()
    assert download.value.suggested_filename.startswith(name)
    if name != "lighthouse":
        expect(source.get_by_role("table")).to_be_visible()
    picture(seen.page, f"office-{name}")


@pytest.mark.parametrize("look", LOOKS)
def test_a_drawn_page_is_for_everybody(opened: Opener, port: Deployment, look: str) -> None:
    seen = opened("/?domain=chairs", url=port.url, **LOOKS[look])
    source = cited(seen, IN_PDF)
    expect(source.locator("canvas[data-drawn=true]")).to_be_visible()
    picture(seen.page, f"pdf-{look}")
    assert seen.axe() == []


def test_what_is_managed_is_of_the_domain_in_the_address(opened: Opener, port: Deployment) -> None:
    seen = opened("/admin/sources?domain=chairs", url=port.url)
    page = seen.page
    page.get_by_text("harbour").first.click()
    expect(page.get_by_text("broken.pdf").first).to_be_visible()
    page.get_by_role("button", name="Read now").click()
    expect(page.get_by_text("Nothing changed").first).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    assert "domain=chairs" in page.url


def test_documents_are_found_looked_into_retried_and_erased(
    opened: Opener, port: Deployment
) -> None:
    seen = opened("/admin/documents?domain=chairs", url=port.url)
    page = seen.page
    page.get_by_label("Source").select_option("harbour")
    expect(page.get_by_text("warranty.md")).to_have_count(0)
    assert "source=harbour" in page.url
    page.get_by_text("Not read", exact=True).click()
    page.get_by_role("button", name="broken.pdf").click()
    drawer = page.get_by_role("dialog", name="Document")
    expect(drawer.get_by_role("alert")).to_contain_text("cut off")
    page.reload()
    expect(drawer.get_by_role("alert")).to_contain_text("cut off")
    drawer.get_by_role("button", name="Try again now").click()
    expect(drawer.get_by_text("Its source is being read")).to_be_visible()
    drawer.get_by_role("button", name="Close").click()
    page.goto(f"{seen.url}/admin/documents?domain=chairs&search=crane")
    page.get_by_role("button", name="Harbour crane K-77 manual").click()
    drawer.get_by_role("button", name="Slewing ring bolt").click()
    expect(drawer.locator("canvas[data-drawn=true]")).to_be_visible()
    expect(drawer.locator("[data-cited]").first).to_be_in_viewport()
    drawer.get_by_text("Text", exact=True).click()
    expect(drawer.locator("tr[data-cited]").first).to_contain_text("Casing bolt")
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    page.goto(f"{seen.url}/admin/documents?domain=chairs&search=hostile")
    page.get_by_role("button", name="hostile").click()
    expect(drawer).to_contain_text("<img src=x onerror=alert(1)>")
    drawer.get_by_role("button", name="Erase").click()
    page.get_by_role("dialog", name="Erase this document?").get_by_role(
        "button", name="Erase"
    ).click()
    expect(drawer).to_have_count(0)
    expect(page.get_by_text("Nothing fits what is sought")).to_be_visible()


def test_a_long_list_is_shown_page_by_page(opened: Opener, port: Deployment) -> None:
    folder = port.app.settings.data / "many"
    folder.mkdir()
    for number in range(120):
        (folder / f"note-{number:03}.md").write_text(f"Note {number} is about {number} gulls.\n")
    me = port.app.person(None)
    port.run(port.app.add_source(me, connector="files", config={"path": str(folder)}, name="many"))
    port.run(port.app.sync(me, source="many"))
    seen = opened("/admin/documents?source=many", url=port.url)
    page = seen.page
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Next page").click()
    expect(rows.first).to_contain_text("note-050")
    page.get_by_role("button", name="Next page").click()
    expect(rows).to_have_count(20)
    page.reload()
    expect(rows.first).to_contain_text("note-100")
    page.go_back()
    expect(rows.first).to_contain_text("note-050")
    page.get_by_role("button", name="To the first page").click()
    expect(rows.first).to_contain_text("note-000")


@pytest.mark.parametrize("look", LOOKS)
def test_documents_are_for_everybody(opened: Opener, port: Deployment, look: str) -> None:
    seen = opened("/admin/documents?domain=chairs", url=port.url, **LOOKS[look])
    page = seen.page
    page.get_by_role("button", name="Harbour crane").wait_for()
    picture(page, f"documents-{look}")
    found = seen.axe()
    page.get_by_role("button", name="Ferry rules").click()
    page.get_by_text("This is what questions find").wait_for()
    picture(page, f"document-{look}")
    found += seen.axe()
    page.goto(f"{seen.url}/admin/documents?domain=chairs&state=failed")
    page.get_by_role("button", name="broken.pdf").click()
    page.get_by_role("alert").wait_for()
    picture(page, f"document-bad-{look}")
    assert found + seen.axe() == []


def test_two_ways_of_searching_are_compared(opened: Opener, port: Deployment) -> None:
    seen = opened("/admin/playground?domain=chairs", url=port.url)
    page = seen.page
    expect(page.get_by_text("Ask something")).to_be_visible()
    page.get_by_label("Question").fill(IN_PDF)
    page.get_by_role("button", name="Search").click()
    left, right = (page.get_by_role("region", name=name, exact=True).last for name in "AB")
    expect(left.get_by_role("region", name="Evidence of A")).to_contain_text("every 18 months")
    expect(right.get_by_role("region", name="By words")).to_contain_text("Harbour crane")
    expect(page.get_by_text("only here")).to_have_count(0)
    setup = page.get_by_role("region", name="B", exact=True).first
    setup.get_by_label("Passages kept").fill("1")
    final = right.get_by_role("region", name="Final, with context")
    expect(final.get_by_role("listitem")).to_have_count(1)
    expect(left.get_by_text("only here").first).to_be_visible()
    setup.get_by_label("Weight of meaning").fill("0")
    page.wait_for_url("**limit%3A1%2Cdense_weight%3A0**")
    page.reload()
    expect(final.get_by_role("listitem")).to_have_count(1)
    left.get_by_role("region", name="Evidence of A").get_by_role("button").first.click()
    source = page.get_by_role("dialog", name="Source")
    expect(source.locator("canvas[data-drawn=true]")).to_be_visible()
    assert "open=" in page.url
    source.get_by_label("Close the source").click()
    expect(source).to_have_count(0)


def test_two_generations_of_the_index_are_compared(opened: Opener, port: Deployment) -> None:
    app = port.app
    who = app.person(None, "chairs")
    port.run(app.sync(who, domain="chairs"))
    seen = opened(f"/admin/playground?domain=chairs&q={quote(IN_PDF)}", url=port.url)
    page = seen.page
    expect(page.get_by_text("The index has one generation.")).to_be_visible()
    expect(page.get_by_label("Index", exact=True)).to_have_count(0)
    port.run(app.rebuild(who, domain="chairs"))
    page.reload()
    setup = page.get_by_role("region", name="B", exact=True).first
    which = setup.get_by_label("Index", exact=True)
    which.select_option(index=1)
    expect(setup.get_by_text("Made as the live one was.")).to_be_visible()
    with page.expect_response("**/searches/explain") as told:
        page.reload()
    assert told.value.ok
    retired = next(
        one.id for one in port.run(app.generations(who, "chairs")) if one.state == "retired"
    )
    assert f"generation%3A{retired}" in page.url
    expect(page.get_by_role("region", name="Evidence of B")).to_contain_text("every 18 months")
    picture(page, "playground-generations")
    port.run(app.sync(who, domain="chairs"))
    page.reload()
    expect(which.locator("option:checked")).to_have_text("No longer there")
    expect(page.get_by_role("alert")).to_contain_text("no generation")
    which.select_option(index=0)
    expect(page.get_by_text("The index has one generation.")).to_be_visible()
    expect(which).to_have_count(0)
    seen.problems[:] = [one for one in seen.problems if "404" not in one]


@pytest.mark.parametrize("look", LOOKS)
def test_the_playground_is_for_everybody(opened: Opener, port: Deployment, look: str) -> None:
    path = f"/admin/playground?domain=chairs&q={quote(IN_PDF)}&b=limit:2,dense_weight:0.2"
    seen = opened(path, url=port.url, **LOOKS[look])
    seen.page.get_by_text("only here").first.wait_for()
    if where := os.environ.get("SCREENSHOTS"):
        seen.page.set_viewport_size({**LOOKS[look]["viewport"], "height": 2200})
        seen.page.screenshot(path=Path(where) / f"playground-{look}.png")
    assert seen.axe() == []
