"""Two answers side by side: one chooses, goes on with the better one, and takes the choice back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.models.endpoint import Endpoint, endpoint
from tests.ui.conftest import Opener, Seen
from tests.ui.test_looks import LOOKS, picture
from tests.ways.conftest import Deployment, running, written
from tests.ways.test_openai import QUESTION

SECOND = "A lamp is covered for 24 months from the day of purchase [1]."


@pytest.fixture(scope="module")
def stub() -> Iterator[Endpoint]:
    with endpoint("ok") as made:
        made.text = tuple(f"{word} " for word in SECOND.split(" "))
        yield made


@pytest.fixture(scope="module")
def deployment(stub: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    more = f'[models.new]\nprovider = "openai_like"\nmodel = "new"\nbase_url = "{stub.url}"\n'
    with running(written(tmp_path_factory.mktemp("pair"), f"{more}retries = 0\n")) as made:
        made.run(made.app.trials.begin(made.app.person(None), "new", "pair", 1.0))
        yield made


def asked(seen: Seen) -> None:
    seen.ask(QUESTION)
    page = seen.page
    expect(page.get_by_role("region", name="Answer A")).to_contain_text("24 months")
    expect(page.get_by_role("region", name="Answer B")).to_contain_text("24 months")


@pytest.mark.parametrize("look", LOOKS)
def test_both_stand_side_by_side(opened: Opener, look: str) -> None:
    seen = opened("/", **LOOKS[look])
    asked(seen)
    expect(seen.page.get_by_text("Which answer is better?")).to_be_visible()
    picture(seen.page, f"pair-{look}")
    assert seen.axe() == []


def test_one_chooses_and_takes_it_back(opened: Opener, deployment: Deployment) -> None:
    seen = opened("/")
    page = seen.page
    asked(seen)
    turn = page.locator("[data-turn='1']")
    second = page.get_by_role("region", name=re.compile("^Answer [AB]$")).filter(
        has_text="day of purchase"
    )
    letter = (second.get_attribute("aria-label") or "")[-1]
    second.locator("[data-cite='1']").click()
    expect(page.locator("mark[data-cited]")).to_contain_text("24 months")
    assert "source=1b.1" in page.url
    page.get_by_label("Close the source").click()

    page.get_by_role("button", name=f"{letter} is better").click()
    expect(turn).to_contain_text("You chose this answer of two.")
    expect(turn).to_contain_text("day of purchase")
    expect(page.get_by_role("region", name="Answer A")).to_have_count(0)
    figures = deployment.run(deployment.app.trials.compare(deployment.app.person(None))).figures
    preferred = next(one for one in figures if one.measure == "preferred")
    assert (preferred.champion, preferred.challenger) == (0.0, 1.0)
    page.reload()
    expect(turn).to_contain_text("day of purchase")

    page.get_by_text("New conversation").click()
    asked(seen)
    page.get_by_role("button", name="No difference").click()
    expect(turn).to_contain_text("no difference between the two")
    turn.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Which answer is better?")).to_be_visible()


def test_who_gets_no_second_answer_has_the_first(opened: Opener, stub: Endpoint) -> None:
    seen = opened("/")
    stub.modes = ["500"]
    try:
        seen.ask(QUESTION)
        turn = seen.page.locator("[data-turn='1']")
        expect(turn.get_by_label("Good answer")).to_be_visible()
        expect(turn).to_contain_text("24 months")
        expect(seen.page.get_by_role("region", name="Answer A")).to_have_count(0)
    finally:
        stub.modes = []
        # The browser itself notes what the server refused.
        seen.problems[:] = [one for one in seen.problems if "status of 50" not in one]
