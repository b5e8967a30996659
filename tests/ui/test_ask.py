"""Asking in a real browser, under the page's own content policy, as people do it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from rag.feedback import Consent
from rag.types import AskRequest
from tests.ui.conftest import Opener
from tests.ways.conftest import Deployment
from tests.ways.test_openai import QUESTION

CHAIR = "How long is the warranty on a new chair?"
BAD = "<img src=x onerror=alert(1)><svg onload=alert(1)>[x](javascript:alert(1))![y](http://e.example/)"
BIDI = "\u202eesrever \u2066\u2067"
LONG = "x" * 5_000


def kept(deployment: Deployment, conversation: str) -> list[list[tuple[Any, ...]]]:
    """The verdicts on each answer of a conversation that are in effect."""
    app, me = deployment.app, deployment.app.person(None)
    talk = deployment.run(app.conversations.show(me, conversation))
    given = [deployment.run(app.feedback(me, turn.trace_id or "")) for turn in talk.turns]
    return [
        sorted((one.target.kind, one.value, one.comment, one.reasons) for one in some)
        for some in given
    ]


def test_one_asks_looks_at_the_source_rates_and_takes_it_back(
    opened: Opener, deployment: Deployment
) -> None:
    seen = opened("/")
    page = seen.page
    seen.ask(QUESTION)
    turn = page.locator("[data-turn='1']")
    conversation = page.url.rpartition("/")[2]

    turn.locator("[data-cite='1']").hover()
    expect(page.get_by_role("dialog")).to_be_visible()
    turn.locator("[data-cite='1']").click()
    source = page.get_by_role("dialog", name="Source").or_(
        page.get_by_role("complementary", name="Source")
    )
    expect(source.locator("mark[data-cited]")).to_contain_text("24 months")
    expect(source).to_contain_text("Version 1")
    assert "source=1.1" in page.url
    with page.expect_download() as download:
        source.get_by_text("Original").click()
    assert "24 months" in download.value.path().read_text()
    page.reload()
    expect(source.locator("mark[data-cited]")).to_be_in_viewport()
    source.get_by_label("Close the source").click()
    expect(source).to_be_hidden()

    turn.get_by_label("Bad answer").click()
    turn.get_by_text("Wrong fact").click()
    turn.get_by_label("Anything to add?").fill("<b>No</b> bulbs.")
    turn.get_by_role("button", name="Send").click()
    expect(turn.get_by_text("It is kept.")).to_be_visible()
    turn.get_by_label("Is outdated").first.click()
    expect(turn.get_by_label("Is outdated").first).to_have_attribute("aria-pressed", "true")
    turn.get_by_label("Which document should have been used?").fill("lamps.pdf")
    turn.get_by_role("button", name="Tell").click()
    expect(turn.get_by_text("“lamps.pdf” is noted")).to_be_visible()
    assert kept(deployment, conversation) == [
        [
            ("answer", -1, "<b>No</b> bulbs.", ("wrong_fact",)),
            ("citation", -1, "", ("outdated_source",)),
            ("missing_document", 1, "", ()),
        ]
    ]
    page.reload()
    expect(turn.get_by_label("Bad answer")).to_have_attribute("aria-pressed", "true")
    turn.locator("[data-undo]").click()
    expect(turn.get_by_label("Bad answer")).to_have_attribute("aria-pressed", "false")
    expect(turn.locator("[data-undo]")).to_have_count(0)
    assert [one[0] for one in kept(deployment, conversation)[0]] == ["citation", "missing_document"]


def test_a_conversation_is_held_left_found_again_renamed_and_deleted(
    opened: Opener, deployment: Deployment
) -> None:
    """On a domain that is not the default; what one answer is made from is gone by then."""
    app, run = deployment.app, deployment.run
    me = app.person(None)
    cushions = app.settings.data.parent / "chairs" / "documents" / "cushions.md"
    cushions.write_text("# Cushions\n\nEvery cushion is filled with the feathers of geese.\n")
    run(app.sync(me, domain="chairs"))
    seen = opened("/?domain=chairs")
    page = seen.page
    seen.ask(CHAIR)
    seen.ask("And what is every cushion of it filled with?")
    turns = page.locator("[data-turn]")
    expect(turns.nth(0)).to_contain_text("60 months")
    expect(turns.nth(1)).to_contain_text("geese")
    expect(turns.nth(1)).to_contain_text("Searched for")
    assert "domain=chairs" in page.url

    page.get_by_text("New conversation").click()
    expect(turns).to_have_count(0)
    cushions.unlink()
    run(app.sync(me, domain="chairs"))
    page.get_by_label("Search conversations").fill("cushion of it")
    item = page.get_by_role("navigation", name="Conversations").get_by_role("link")
    expect(item).to_have_count(1)
    item.click()
    expect(turns.nth(1)).to_contain_text("Withheld")
    expect(turns.nth(1)).not_to_contain_text("geese")
    page.get_by_label("What to do with").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("Title").fill("<i>Chairs</i>")
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Clear the search").click()
    expect(item.first).to_have_text("<i>Chairs</i>")
    expect(page).to_have_title("<i>Chairs</i> · Ratchet")
    page.get_by_label("What to do with").first.click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(turns).to_have_count(0)
    expect(page.get_by_text("What you ask is kept here.")).to_be_visible()


def test_what_fails_says_so_and_is_asked_again(opened: Opener) -> None:
    seen = opened("/")
    page = seen.page
    seen.ask(QUESTION)
    page.route("**/api/v1/answers", lambda route: route.abort())
    page.get_by_label("Your question").fill("Who shows the receipt?")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The server cannot be reached")).to_be_visible()
    page.unroute("**/api/v1/answers")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("[data-turn]")).to_have_count(2)
    seen.problems[:] = [one for one in seen.problems if "ERR_FAILED" not in one]


def test_an_answer_is_stopped_edited_and_asked_anew(opened: Opener) -> None:
    seen = opened("/")
    page = seen.page
    seen.ask(QUESTION)
    page.route("**/api/v1/answers", lambda route: None)  # Never answered.
    page.locator("[data-turn='1']").get_by_label("Edit and ask again").click()
    field = page.get_by_label("Your question")
    expect(field).to_have_value(QUESTION)
    field.press("End")
    field.type(" Or less?")
    field.press("Enter")
    expect(page.get_by_text("Searching the documents")).to_be_visible()
    page.get_by_label("Stop").click()
    expect(page.locator("[data-turn='2']")).to_contain_text("You stopped this answer.")
    page.unroute("**/api/v1/answers")
    with page.expect_request("**/api/v1/answers") as sent:
        page.locator("[data-turn='2']").get_by_label("Answer again").click()
    body = sent.value.post_data_json
    assert (body["question"], body["fresh"]) == (f"{QUESTION} Or less?", True)
    expect(page.locator("[data-turn]")).to_have_count(3)


def test_filters_stand_in_the_address_and_go_with_the_question(opened: Opener) -> None:
    seen = opened("/?in=documents&since=2020-01-01")
    page = seen.page
    page.get_by_role("button", name="2 filters").click()
    page.get_by_label("In tables only").check()
    page.get_by_label("Kinds of files").first.click()
    page.get_by_role("option", name="Text and Markdown").click()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert "kind=table" in page.url
    with page.expect_request("**/api/v1/answers") as sent:
        seen.ask(QUESTION)
    asked = sent.value.post_data_json["filter"]["of"]
    assert [one["field"] for one in asked] == ["source", "file_kind", "modified_at", "kind"]
    assert asked[1]["any_of"] == ["text"]
    expect(page.get_by_role("button", name="4 filters")).to_be_visible()


def hostile(turn: dict[str, Any]) -> dict[str, Any]:
    """A turn in which whatever somebody wrote is hostile."""
    citation = {**turn["citations"][0], "document": f"{BAD}{BIDI}", "uri": BAD, "quote": LONG + BAD}
    text = f"𝔸. Whole. Partly. {BAD}{BIDI} {LONG} **b** [1] [2]"
    claims = [
        {"span": span, "text": "", "verdict": verdict, "score": 0.5, "reason": BAD, "citations": []}
        for span, verdict in (([3, 9], "supported"), ([10, 17], "partly"))
    ]  # fmt: skip
    conflict = {"n": 1, "other": citation, "dated": ["2025", "2019"], "newer": True}
    return {
        **turn, "question": f"{BAD}{BIDI}{LONG}", "answer": text, "claims": claims, "removed": 1,
        "citations": [citation], "conflicts": [conflict], "standalone": BAD, "model": BAD,
    }  # fmt: skip


def test_nothing_anybody_wrote_acts_or_breaks_the_page(opened: Opener) -> None:
    seen = opened("/", viewport={"width": 420, "height": 800})
    page = seen.page
    seen.ask(QUESTION)

    def answered(route: Any) -> None:
        answer = route.fetch()
        talk = json.loads(answer.text())
        talk["conversation"]["title"] = f"{BAD}{BIDI}{LONG}"
        talk["turns"] = [hostile(turn) for turn in talk["turns"]]
        route.fulfill(response=answer, body=json.dumps(talk))

    page.route("**/api/v1/conversations/*-*", answered)
    page.reload()
    turn = page.locator("[data-turn='1']")
    expect(turn).to_contain_text(
        f"𝔸. Whole. Partly. partly supported {BAD}".replace("Partly. partly", "Partly.partly")
    )
    expect(turn).to_contain_text("Sources disagree")
    expect(turn).to_contain_text("One sentence that nothing supports was left out.")
    expect(turn.locator("mark")).to_have_text("Partly.partly supported")
    expect(turn.locator("strong")).to_have_text("b")
    assert (
        turn.locator("img, svg:not(.tabler-icon), script, a[href*='javascript'], iframe").count()
        == 0
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it is no wider"
    turn.locator("[data-cite='1']").click()
    expect(page.locator("[data-cited]")).to_be_visible()
    assert page.locator("img:not([src='/static/icon.svg'])").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_link_shows_the_conversation_and_then_nothing(
    opened: Opener, deployment: Deployment
) -> None:
    app, run = deployment.app, deployment.run
    me = app.person(None)
    talk = run(app.conversations.begin(me)).id
    run(app.ask(me, AskRequest(question=QUESTION, conversation=talk)))
    token = run(app.conversations.share(me, talk)).partition("#")[2]
    seen = opened(f"/shared#{token}")
    page = seen.page
    expect(page.locator("[data-turn='1']")).to_contain_text("24 months")
    expect(page.get_by_label("Good answer")).to_have_count(0)
    expect(page.get_by_label("Your question")).to_have_count(0)
    page.locator("[data-cite='1']").click()
    expect(page.locator("mark[data-cited]")).to_be_visible()
    run(app.conversations.unshare(me, talk))
    page.reload()
    expect(page.get_by_text("This link leads to no conversation.")).to_be_visible()
    seen.problems[:] = [one for one in seen.problems if "404" not in one]


def test_keys_suffice(opened: Opener) -> None:
    seen = opened("/")
    page = seen.page
    field = page.get_by_label("Your question")
    expect(field).to_be_focused()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("Please.")
    expect(field).to_have_value(f"{QUESTION}\nPlease.")
    page.keyboard.press("Enter")
    page.locator("[data-turn='1']").wait_for()
    page.locator("[data-cite='1']").focus()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("mark[data-cited]")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("mark[data-cited]")).to_have_count(0)
    page.locator("[data-turn='1'] h2").click()
    page.keyboard.press("/")
    expect(field).to_be_focused()


def test_two_languages_and_two_looks_are_kept(opened: Opener) -> None:
    seen = opened("/", locale="de-DE")
    page = seen.page
    expect(page.get_by_placeholder("Fragen Sie Ihre Dokumente")).to_be_visible()
    page.get_by_label("Konto und Einstellungen").click()
    page.get_by_text("English").click()
    page.get_by_text("Dark").click()
    page.reload()
    expect(page.get_by_placeholder("Ask your documents")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.evaluate("document.documentElement.dataset.mantineColorScheme") == "dark"


@pytest.fixture
def kept_clicks(deployment: Deployment) -> Iterator[None]:
    """An admin turned on that what people open is kept."""
    app: Any = deployment.app
    ratings = app._ratings
    before = ratings._settings
    ratings._settings = before.model_copy(update={"implicit": True})
    yield
    ratings._settings = before


def test_what_is_opened_is_kept_once_somebody_agreed_and_no_sooner(
    opened: Opener, deployment: Deployment, kept_clicks: None
) -> None:
    app, who = deployment.app, deployment.app.person(None)
    deployment.run(app.agree(who, Consent(purposes=(), version=1)))
    page = (seen := opened("/account")).page
    page.get_by_text("Which sources of an answer you open is kept, too").wait_for()
    for agreed in (False, True):
        if agreed:
            page.goto(f"{seen.url}/account")
            page.get_by_role("checkbox", name="Finding better passages").check()
            page.get_by_role("button", name="Keep this choice").click()
            page.get_by_text("Kept. It counts").wait_for()
        told: list[str] = []
        page.goto(seen.url)
        page.on("request", lambda one, told=told: told.append(f"{one.method} {one.url}"))
        seen.ask(QUESTION)
        source = page.get_by_role("region", name="Sources").get_by_role("button").first
        # A second time it is known already.
        for _ in range(2):
            source.click()
            page.get_by_label("Close the source").click()
        said = [one for one in told if one.startswith("POST") and one.endswith("/feedback")]
        assert len(said) == agreed
    trace = said[0].split("/")[-2]
    kept = deployment.run(app.feedback(who, trace))
    assert [(one.signal, one.target.kind) for one in kept] == [("click", "citation")]
