"""The page of candidates: feedback is remembered, measured, and what is too little is said."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from rag.candidates import GateReport, Rules
from rag.feedback import Consent, OfChunk, Verdict
from rag.learn.gate import judged
from rag.types import AskRequest
from tests.ui.conftest import Opener
from tests.ui.test_looks import LOOKS, QUESTION, picture
from tests.ways.conftest import Deployment


@pytest.fixture(scope="module")
def accepted(deployment: Deployment) -> None:
    """Somebody found the passages of an answer useful, and a reviewer thinks so too."""
    app: Any = deployment.app
    who = app.person(None)

    async def story() -> None:
        everything = Consent(purposes=("training", "retrieval", "evaluation"), version=1)
        await app.agree(who, everything)
        # Clusters that are held out are so by chance: of several questions some are learned from.
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
    releases.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(releases.get_by_role("row").nth(1)).to_contain_text("as in release")
    expect(releases.get_by_role("row").nth(1)).not_to_contain_text(name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


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


def passed(deployment: Deployment, name: str) -> None:
    """The gate let it through: what it takes to do so is tried where the gate is."""
    from tests.learn.test_gate import asked

    async def story() -> None:
        app: Any = deployment.app
        who = app.person(None)
        found, _ = await app.tuning.get(who, name, None)
        questions = asked([0.08])
        report: GateReport = judged(questions, look=1, rules=Rules())
        live = next(iter(await app.tuning.releases(who, None)), None)
        app.tuning._kept.report(found.id, live.number if live else 0, report, questions, "ada")

    deployment.run(story())
