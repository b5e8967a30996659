"""What holds when the ground moves: two windows, no line to the server, an end half way."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.ui.conftest import Opener
from tests.ui.test_door import forgive
from tests.ways.conftest import Deployment
from tests.ways.test_openai import QUESTION


def test_a_conversation_that_went_on_in_another_window_is_whole(opened: Opener) -> None:
    seen = opened("/")
    seen.ask(QUESTION)
    other = opened(seen.page.url.removeprefix(seen.url))
    other.page.locator("[data-turn='1']").wait_for()
    seen.ask("Who shows the receipt?")
    other.ask(QUESTION)
    turns = other.page.locator("[data-turn]")
    expect(turns).to_have_count(3)
    numbers = [turn.get_attribute("data-turn") for turn in turns.all()]
    assert numbers == ["1", "2", "3"]
    # So the address of a source is that of the same source tomorrow.
    other.page.locator("[data-turn='3'] [data-cite='1']").click()
    assert other.page.url.endswith("source=3.1")
    # Come back to, the first window knows too.
    seen.page.evaluate("dispatchEvent(new Event('visibilitychange'))")
    expect(seen.page.locator("[data-turn]")).to_have_count(3)


def test_after_what_failed_another_question_can_be_asked(opened: Opener) -> None:
    seen = opened("/")
    page = seen.page
    seen.ask(QUESTION)
    page.route("**/api/v1/answers", lambda route: route.abort())
    page.get_by_label("Your question").fill("Who shows the receipt?")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The server cannot be reached")).to_be_visible()
    page.unroute("**/api/v1/answers")
    seen.ask("Another one then: how long is the warranty?")
    expect(page.get_by_text("The server cannot be reached")).to_have_count(0)
    forgive(seen, "ERR_FAILED")


def test_without_a_line_it_is_said_and_nothing_that_was_written_is_lost(opened: Opener) -> None:
    seen = opened("/")
    page = seen.page
    field = page.get_by_label("Your question")
    field.fill("Is anybody there?")
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(page.get_by_text("The server cannot be reached")).to_be_visible()
    expect(field).to_have_value("Is anybody there?")
    page.get_by_role("link", name="Manage").click()
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    expect(page.get_by_role("navigation", name="Manage")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("heading", name="Sources").wait_for()
    page.get_by_role("link", name="Ask", exact=True).click()
    field.wait_for()
    forgive(seen, "ERR_INTERNET_DISCONNECTED", "preload CSS", "dynamically imported", "Problem")


def test_a_draft_waits_in_its_conversation(opened: Opener) -> None:
    seen = opened("/")
    page = seen.page
    seen.ask(QUESTION)
    field = page.get_by_label("Your question")
    field.fill("Half a tho")
    page.get_by_role("link", name="New conversation").click()
    expect(field).to_have_value("")
    page.go_back()
    expect(field).to_have_value("Half a tho")


def test_escape_stops_an_answer_from_where_one_types(opened: Opener) -> None:
    seen = opened("/")
    page = seen.page
    seen.ask(QUESTION)
    page.route("**/api/v1/answers", lambda route: None)  # Never answered.
    page.get_by_label("Your question").fill("And for ever?")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Searching the documents")).to_be_visible()
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("[data-turn='2']")).to_contain_text("You stopped this answer.")
    # What stands over the page goes first, and alone.
    page.locator("[data-turn='1'] [data-cite='1']").click()
    page.locator("mark[data-cited]").wait_for()
    page.locator("header").first.hover()
    page.get_by_label("Share").first.click()
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("mark[data-cited]")).to_be_visible()


def test_a_question_too_long_is_not_cut_off_in_silence(opened: Opener) -> None:
    seen = opened("/")
    page = seen.page
    field = page.get_by_label("Your question")
    field.fill("x" * 20_004)
    expect(page.get_by_text("4 characters too many")).to_be_visible()
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_disabled()
    page.keyboard.press("Enter")
    expect(field).to_have_value("x" * 20_004)
    # Counted as the server does: in characters.
    field.fill("\U0001f4a7" * 20_000)
    expect(page.get_by_text("too many")).to_have_count(0)
    assert seen.axe() == []


def test_an_answer_is_in_sight_when_it_is_there(opened: Opener) -> None:
    seen = opened("/", viewport={"width": 1000, "height": 560})
    for question in (QUESTION, QUESTION, "Who won the chess tournament of Zanzibar in 1911?"):
        seen.ask(question)
    last = seen.page.locator("[data-turn='3']")
    expect(last.get_by_label("Good answer")).to_be_in_viewport(ratio=1)
    expect(last.get_by_role("heading").first).to_be_in_viewport(ratio=1)


def test_an_address_that_says_a_thing_twice_breaks_no_page(
    opened: Opener, deployment: Deployment
) -> None:
    seen = opened("/")
    seen.ask(QUESTION)
    for twice in ("source=1.1&source=2.1", "since=a&since=b", "in=a&in=b", "search=a&search=b"):
        seen.page.goto(f"{seen.page.url.partition('?')[0]}?{twice}")
        seen.page.locator("[data-turn='1']").wait_for()
