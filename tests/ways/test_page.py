"""The page in a real browser, under its own content policy: a conversation, and verdicts on it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from rag.types import Answer, Citation, Claim, Conflict, Usage
from tests.ways.chromium import Page, browser, click, needs_chromium
from tests.ways.conftest import Deployment
from tests.ways.test_openai import QUESTION

pytestmark = needs_chromium
CHAIR = "How long is the warranty on a new chair?"
PRESSED = "(document.querySelector('.thumb[aria-pressed=true]')?.textContent.trim() ?? '')"
TEXTS = "[...document.querySelectorAll('#turns article')].map(one => one.innerText)"


def ask(page: Page, question: str, number: int, frame: str = "") -> str:
    """Asked by hand; the text of its article, the one of that number on the page, once answered."""
    page.run(f"byId('question').value = {json.dumps(question)}", frame)
    page.run(click("#ask"), frame)
    page.until(f"document.querySelectorAll('#turns .about:not(:empty)').length === {number}", frame)
    return page.run(TEXTS, frame)[-1]


def kept(deployment: Deployment, trace: str) -> list[tuple[float | None, str]]:
    """The verdicts on an answer that are in effect."""
    found = deployment.run(deployment.app.feedback(deployment.app.person(None), trace))
    return [(one.value, one.comment) for one in found]


def test_an_answer_is_rated_on_the_page(deployment: Deployment, tmp_path: Path) -> None:
    with browser(tmp_path) as page:
        page.open(f"{deployment.url}/")
        trace = ask(page, QUESTION, 1).split("trace ")[1]
        hidden = "document.querySelector('.more').hidden && document.querySelector('.undo').hidden"
        assert page.run(hidden)
        for number, (value, words) in enumerate(((1, "Helpful"), (-1, "Not helpful"))):
            page.run(click(f'.thumb[data-value="{value}"]'))
            page.until(f"{PRESSED} === '{words}'")
            assert kept(deployment, trace) == [(value, "")], number
        page.run("document.querySelector('.comment').value = '<b>No</b> bulbs.'")
        page.run(click(".more button"))
        page.until("document.querySelector('.rated').textContent.includes('it is kept')")
        assert kept(deployment, trace) == [(-1, "<b>No</b> bulbs.")]
        page.picture("rated")
        page.run(click(".undo"))
        page.until(f"{PRESSED} === '' && {hidden}")
        assert kept(deployment, trace) == []
        page.run(click(".thumb"))
        page.until(f"{PRESSED} === 'Helpful'")
        ask(page, QUESTION, 2)
        pressed = "document.querySelectorAll('.thumb[aria-pressed=true]').length"
        assert page.run(pressed) == 1, "the next answer is not rated"
        assert page.problems == []


def test_a_conversation_is_held_left_and_opened_again(
    deployment: Deployment, tmp_path: Path
) -> None:
    """On a domain that is not the default; what one answer is made from is gone by then."""
    app, run = deployment.app, deployment.run
    me = app.person(None)
    cushions = app.settings.data.parent / "chairs" / "documents" / "cushions.md"
    with browser(tmp_path) as page:
        page.open(f"{deployment.url}/?domain=chairs")
        first = ask(page, CHAIR, 1)
        assert "60 months" in first
        cushions.write_text("# Cushions\n\nEvery cushion is filled with the feathers of geese.\n")
        run(app.sync(me, domain="chairs"))
        further = ask(page, "And what is every cushion filled with?", 2)
        assert "geese" in further
        assert f"Searched for “{CHAIR}" in further, "it was asked in the same conversation"
        assert page.run(TEXTS)[0] == first, "what was said before stays"
        page.run(click(".thumb"))
        page.until(f"{PRESSED} === 'Helpful'")

        page.run(click("#new"))
        assert page.run(TEXTS) == []
        assert "Searched for" not in ask(page, CHAIR, 1)
        assert [one.turns for one in run(app.conversations.page(me, "chairs"))] == [1, 2]

        cushions.unlink()
        run(app.sync(me, domain="chairs"))
        page.run(click("#past summary"))
        page.until("document.querySelectorAll('#past li button').length === 2")
        page.picture("list")
        page.run(click("#past li:nth-child(2) button"))
        page.until(f"{PRESSED} === 'Helpful'")
        again, withheld = page.run(TEXTS)
        assert "60 months" in again
        assert "Withheld" in withheld
        assert "geese" not in withheld
        page.picture("again")
        ask(page, CHAIR, 2)
        talks = run(app.conversations.page(me, "chairs"))
        assert [one.turns for one in talks] == [3, 1]
        assert page.problems == []

        run(app.conversations.delete(me, talks[0].id))
        page.run(f"byId('question').value = {json.dumps(CHAIR)}")
        page.run(click("#ask"))
        page.until("byId('status').className === 'problem' && !byId('ask').disabled")
        assert page.run("byId('question').value") == CHAIR, "it can be asked again elsewhere"
        assert len(page.run(TEXTS)) == 3


def test_what_falls_short_is_marked_and_nothing_becomes_html(
    deployment: Deployment, tmp_path: Path
) -> None:
    bad = "<img src=x onerror=alert(1)>"
    cited = Citation(
        n=1, document_id="d", document=bad, uri=bad, version=1, chunk_id="c", page=2, span=(0, 1),
        quote=bad,
    )  # fmt: skip
    other = cited.model_copy(update={"document": f"Old {bad}"})
    claims = [
        Claim(span=span, text="", verdict=verdict, score=0.5, reason=bad, citations=(1,))
        for span, verdict in (((3, 9), "supported"), ((10, 17), "partly"), (None, "unsupported"))
    ]  # fmt: skip
    answer = Answer(
        answer=f"𝔸. Whole. Partly. {bad}", citations=(cited,), abstained=False, confidence=0.5,
        claims=tuple(claims), support=0.5, removed=1, standalone=bad, trace_id="t", model=bad,
        conflicts=(Conflict(n=1, other=other, dated=("2025", "2019"), newer=True),),
        timings={}, usage=Usage(),
    )  # fmt: skip
    shown = {**answer.model_dump(mode="json"), "question": bad}
    with browser(tmp_path) as page:
        page.open(f"{deployment.url}/")
        page.run(f"byId('turns').append(exchange({json.dumps(shown)}))")
        (text,) = page.run(TEXTS)
        for words in (
            f"𝔸. Whole. Partly. (partly supported) {bad}",
            "One sentence without support left out.",
            f"Sources disagree: Old {bad} (2019) says “{bad}”; [1] is newer (2025).",
        ):
            assert words in text
        assert (
            page.run("document.querySelector('mark').textContent") == "Partly. (partly supported)"
        )
        assert page.run("document.querySelectorAll('#turns :is(img, script)').length") == 0
        assert page.problems == []


def test_what_arrives_late_is_not_shown_in_the_next_conversation(
    deployment: Deployment, tmp_path: Path
) -> None:
    app, run = deployment.app, deployment.run
    me = app.person(None)
    with browser(tmp_path) as page:
        page.open(f"{deployment.url}/")
        page.run(f"byId('question').value = {json.dumps(QUESTION)}")
        page.run(f"{click('#ask')}; {click('#new')}")
        assert page.run("byId('ask').disabled") is False
        text = ask(page, "<b>Who</b> shows the receipt?", 1)
        assert text.startswith("<b>Who</b>")
        assert len(page.run(TEXTS)) == 1
        for _ in range(600):
            latest = run(app.conversations.page(me))[:2]
            if {one.title for one in latest} == {QUESTION, "<b>Who</b> shows the receipt?"}:
                break
            time.sleep(0.05)
        else:
            raise AssertionError(latest)
        assert [one.turns for one in latest] == [1, 1]
        page.run(click("#past summary"))
        page.until("document.querySelectorAll('#past li button').length > 1")
        assert page.run("document.querySelectorAll('#past b, article b').length") == 0
        assert page.problems == []
