"""The page of candidates: feedback is remembered, measured, and what is too little is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from playwright.sync_api import Route, expect

from rag.candidates import GateReport, Outcome, Rules
from rag.errors import InvalidInput
from rag.feedback import Consent, OfChunk, Verdict
from rag.learn.gate import judged
from rag.learn.online import GUARDS
from rag.store.candidates import Candidates
from rag.store.generations import left_behind
from rag.types import AskRequest, utc_now
from tests.ui.conftest import Opener
from tests.ui.test_looks import LOOKS, QUESTION, picture
from tests.ways.conftest import Deployment


@pytest.fixture(scope="module", autouse=True)
def everything_is_learned_from() -> Iterator[None]:
    """Which clusters are held out is by chance."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rag.learn.remembering.HELD_OUT", 0.0)
        yield


@pytest.fixture(scope="module")
def accepted(deployment: Deployment) -> None:
    """Somebody found the passages of an answer useful, and a reviewer thinks so too."""
    app: Any = deployment.app
    who = app.person(None)

    async def story() -> None:
        everything = Consent(purposes=("training", "retrieval", "evaluation"), version=1)
        await app.agree(who, everything)
        for n in range(12):
            answer = await app.ask(who, AskRequest(question=f"{QUESTION} {'So. ' * n}"))
            trace = await app.trace(who, answer.trace_id)
            said = Verdict(target=OfChunk(chunk_id=trace["hits"][-1]["chunk_id"]), value=1)
            made = await app.rate(who, answer.trace_id, said)
            await app.curation.review(who, [made.id], "accepted")
        for n, question in enumerate(("Who repairs it?", "What does it cost?", "How loud is it?")):
            answer = await app.ask(who, AskRequest(question=question))
            trace = await app.trace(who, answer.trace_id)
            said = Verdict(target=OfChunk(chunk_id=trace["hits"][n]["chunk_id"]), value=1)
            made = await app.rate(who, answer.trace_id, said)
            await app.curation.review(who, [made.id], "accepted")

    deployment.run(story())


@pytest.mark.usefixtures("accepted")
def test_a_memory_is_made_measured_promoted_and_taken_back(
    opened: Opener, deployment: Deployment
) -> None:
    seen = opened("/data/candidates")
    page = seen.page
    page.get_by_role("button", name="New candidate").click()
    page.get_by_role("menuitem", name="Memory").click()
    expect(page).to_have_url(re.compile(r"candidate=memory-\d+$"))
    name = page.url.rpartition("=")[2]
    panel = page.get_by_role("region", name=name)
    expect(panel).to_contain_text("Not measured yet.")
    panel.get_by_role("button", name="Measure against what is live").click()
    expect(panel).to_contain_text("too little is known")
    expect(panel).to_contain_text(re.compile("more questions? (is|are) needed"))
    expect(panel.get_by_role("button", name="Promote")).to_have_count(0)
    passed(deployment, name)
    page.reload()
    panel.get_by_role("button", name="Promote").click()
    page.get_by_label("Why").fill("It won.")
    page.get_by_role("dialog").get_by_role("button", name="Promote").click()
    releases = page.get_by_role("region", name="Releases")
    expect(releases).to_contain_text("It won.")
    expect(releases.get_by_role("row").nth(1)).to_contain_text(name)
    # With one release there is no button in its table, which has to be scrolled on a phone.
    wide = page.viewport_size or {"width": 1280, "height": 720}
    page.set_viewport_size({"width": 390, "height": 844})
    assert seen.axe() == []
    page.set_viewport_size(wide)
    why_it_moved(opened)
    # An index that was left behind is not gone back to without a word.
    page.route("**/api/v1/releases/rollback", behind)
    releases.get_by_role("button", name="Roll back").click()
    asking = page.get_by_role("dialog")
    asking.get_by_role("button", name="Roll back").click()
    expect(asking).to_contain_text("does not have 3 documents")
    picture(page, "rollback-behind")
    assert seen.axe() == []
    asking.get_by_role("button", name="Go back all the same").click()
    seen.problems[:] = [one for one in seen.problems if "409" not in one]
    expect(releases.get_by_role("row").nth(1)).to_contain_text("as in release")
    expect(releases.get_by_role("row").nth(1)).not_to_contain_text(name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def behind(route: Route) -> None:
    if (route.request.post_data_json or {})["force"]:
        route.continue_()
    else:
        said = left_behind(3)
        told = {"status": said.status, "code": said.code, "title": "Conflict"}
        route.fulfill(status=said.status, json={**told, "detail": said.message, "hint": said.hint})


def why_it_moved(opened: Opener) -> None:
    """From what a memory moved one comes to the words of people that it learned from."""
    seen = opened(f"/admin/playground?q={quote(QUESTION)}")
    moved = seen.page.get_by_role("listitem").filter(has_text="found it useful, or opened it")
    expect(moved.first).to_be_visible()
    assert seen.axe() == []
    moved.first.scroll_into_view_if_needed()
    picture(seen.page, "playground-moved")
    # Of what moved only because somebody opened it there is nothing to read.
    moved.get_by_role("link", name="What people said of it").first.click()
    page = seen.page
    expect(page).to_have_url(re.compile(r"/data/feedback\?.*ids="))
    verdicts = page.get_by_role("list", name="Feedback").get_by_role("listitem")
    expect(verdicts.first).to_be_visible()
    few = verdicts.count()
    page.get_by_role("button", name="What moved a passage; show all").click()
    expect(verdicts.nth(few)).to_be_visible()


@pytest.mark.usefixtures("accepted")
@pytest.mark.parametrize("look", LOOKS)
def test_the_page_is_for_everybody(opened: Opener, deployment: Deployment, look: str) -> None:
    async def made() -> str:
        app: Any = deployment.app
        return (await app.tuning.make(app.person(None), "memory", None)).name

    name = deployment.run(made())
    passed(deployment, name)
    seen = opened(f"/data/candidates?candidate={name}", **LOOKS[look])
    expect(seen.page.get_by_role("region", name=name)).to_contain_text("Gain")
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert seen.axe() == []
    picture(seen.page, f"candidates-{look}")


@pytest.mark.usefixtures("accepted")
def test_a_candidate_is_tried_with_people_says_that_it_is_better_and_is_stopped(
    opened: Opener, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How many it takes, and how even the time is, is tried where that is counted.
    monkeypatch.setattr("rag.learn.online.ENOUGH", 4)
    monkeypatch.setitem(GUARDS, "latency", 99.0)
    app: Any = deployment.app
    who = app.person(None)

    async def made() -> str:
        return (await app.tuning.make(who, "memory", None)).name

    name = deployment.run(made())
    passed(deployment, name, "insufficient")
    seen = opened(f"/data/candidates?candidate={name}")
    page = seen.page
    page.get_by_role("button", name="Try with people").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("50%").click()
    dialog.get_by_role("button", name="Begin").click()
    trial = page.get_by_role("region", name=f"{name} with people", exact=True)
    expect(trial).to_contain_text("nothing is sure yet")
    expect(trial).to_contain_text("Twenty people on each side have to rate")
    expect(trial).to_contain_text("50% of the people")
    expect(page.get_by_role("button", name="Try with people")).to_have_count(0)

    async def people() -> None:
        for n in range(40):
            talk = (await app.conversations.begin(who)).id
            asked = AskRequest(question=f"{QUESTION} {n}", conversation=talk)
            answer = await app.ask(who, asked)
            trace = await app.trace(who, answer.trace_id)
            side = trace["route"]["candidate"]["side"]
            useful = 1 if side == "challenger" or n % 7 == 0 else -1
            await app.rate(who, answer.trace_id, Verdict(value=useful))
        await app.candidate_trials.sweep()

    deployment.run(people())
    page.reload()
    expect(trial).to_contain_text("surely better")
    expect(trial.get_by_role("button", name="Promote")).to_be_visible()
    expect(trial.get_by_role("img")).to_have_attribute("aria-label", re.compile("After 40 ratings"))
    german = {"locale": "de-DE", "color_scheme": "dark", "viewport": {"width": 375, "height": 812}}
    for look, of in {**LOOKS, "german": german}.items():
        shown = opened(f"/data/candidates?candidate={name}", **of)
        plot = shown.page.get_by_role("img", name=re.compile("40"))
        expect(plot).to_be_visible()
        plot.evaluate("one => one.closest('section').scrollIntoView()")
        assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        picture(shown.page, f"candidates-trial-{look}")
        assert shown.axe() == []
    trial.get_by_role("button", name="Stop the trial").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop the trial").click()
    expect(trial).to_contain_text("stopped by hand")
    expect(page.get_by_role("button", name="Try with people")).to_be_visible()


def passed(deployment: Deployment, name: str, outcome: Outcome = "passed") -> None:
    """The gate let it through: what it takes to do so is tried where the gate is."""
    from tests.learn.test_gate import asked

    async def story() -> None:
        app: Any = deployment.app
        who = app.person(None)
        found, _ = await app.tuning.get(who, name, None)
        questions = asked([0.08])
        report: GateReport = judged(questions, look=1, rules=Rules())
        report = report.model_copy(update={"outcome": outcome})
        live = next(iter(await app.tuning.releases(who, None)), None)
        app.tuning._kept.report(found.id, live.number if live else 0, report, questions, "ada")

    deployment.run(story())


def test_it_is_asked_by_what_settings_are_searched_for_and_how_long(
    opened: Opener, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: Any = deployment.app
    asked: list[tuple[float, bool]] = []
    kept = Candidates(app._parts.ledger.database, utc_now)

    async def make(
        who: Any, kind: str, domain: Any, progress: Any, *more: Any, answers: bool
    ) -> Any:
        asked.append((more[1], answers))
        if kind == "chunking":
            raise InvalidInput("12 questions are too few to choose a cut by; 30 would do.")
        lineage = {
            **{"as_of": utc_now().isoformat(), "by": "answers", "from": None, "tried": 14},
            **{"knobs": {"limit": 6}, "answer": {}, "wording": "answer"},
            "changes": {"limit": [10, 6]},
        }
        figures = {"questions": 64, "of": 107, "before": 0.61, "after": 0.68}
        return kept.add(str(uuid4()), app.pack(None).name, kind, lineage, figures, who.id)

    monkeypatch.setattr(app.tuning, "make", make)
    for look, given in {**LOOKS, "german": {"locale": "de-DE"}}.items():
        german = look == "german"
        seen = opened("/data/candidates", **given)
        page = seen.page
        page.get_by_role("button", name="Neuer Kandidat" if german else "New candidate").click()
        settings = "Einstellungen" if german else "Settings"
        page.get_by_role("menuitem", name=settings).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Was geantwortet wird" if german else "What is answered").check()
        dialog.get_by_label("Minuten" if german else "Minutes").fill("3")
        assert seen.axe() == []
        picture(page, f"candidates-search-{look}")
        dialog.get_by_role("button", name="Suchen" if german else "Search").click()
        expect(page).to_have_url(re.compile(r"candidate=configuration-\d+$"))
        panel = page.get_by_role("region", name=page.url.rpartition("=")[2])
        expect(panel).to_contain_text("10 → 6")
        expect(panel).to_contain_text("107")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert seen.axe() == []
        picture(page, f"candidates-settings-{look}")
    page.get_by_role("button", name="Neuer Kandidat").click()
    page.get_by_role("menuitem", name="Zuschnitt").click()
    dialog = page.get_by_role("dialog", name="Einen anderen Zuschnitt suchen?")
    expect(dialog.get_by_role("radio")).to_have_count(0)
    dialog.get_by_label("Minuten").fill("7")
    dialog.get_by_role("button", name="Suchen").click()
    expect(page.get_by_text("12 questions are too few")).to_be_visible()
    seen.problems[:] = [one for one in seen.problems if "422" not in one]
    assert asked == [*[(3, True)] * 4, (7, False)]
