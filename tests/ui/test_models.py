"""What an admin does with models by hand: add one wrongly, mend it, let it answer, go back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.models.endpoint import Endpoint, endpoint
from tests.ui.conftest import Opener, Seen
from tests.ui.test_looks import LOOKS, picture
from tests.ways.conftest import Deployment, running, written

KEY = "sk-of-the-browser-0123456789"
QUESTION = "How long is the warranty on a new lamp?"
NOWHERE = "http://127.0.0.1:9/v1"
CONFIGURED = (
    '[budgets.month]\nsoft = 0.001\nhard = 5.0\n[budgets.each]\nper = "person"\nhard = 1.0\n'
    '[models.fixed]\nprovider = "openai_like"\nmodel = "m"\nbase_url = "{url}"\n'
    "input_price = 1.0\noutput_price = 2.0\n"
    '[routes.careful]\ncandidates = ["fixed", "extractive"]\n'
)


@pytest.fixture(scope="module")
def stub() -> Iterator[Endpoint]:
    with endpoint() as told:
        yield told


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, stub: Endpoint) -> Iterator[Deployment]:
    more = CONFIGURED.replace("{url}", stub.url)
    with running(written(tmp_path_factory.mktemp("models"), more)) as made:
        yield made


def confirmed(seen: Seen, act: str) -> str:
    """What was said would happen, once it was agreed to and done."""
    dialog = seen.page.get_by_role("dialog")
    dialog.wait_for()
    told = dialog.inner_text()
    dialog.get_by_role("button", name=act).click()
    dialog.wait_for(state="hidden")
    return told


def added(seen: Seen, address: str, name: str) -> None:
    page = seen.page
    page.goto(f"{seen.url}/admin/models")
    page.get_by_role("link", name="Add a model").click()
    page.get_by_role("textbox", name="Address").fill(address)
    page.get_by_label("Model", exact=False).first.wait_for()
    page.get_by_role("textbox", name="Model").fill("org/new-model")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("new-model")
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("textbox", name="Key").fill(KEY)
    page.get_by_role("button", name="Add and check it").click()
    page.get_by_role("heading", name=name).wait_for()


def test_added_wrongly_mended_chosen_tried_and_taken_back(
    opened: Opener, site: Deployment, stub: Endpoint
) -> None:
    seen = opened("/admin/models", url=site.url)
    page = seen.page
    # Its server is not there: said at once, with what to do.
    added(seen, NOWHERE, "mine")
    page.get_by_text("Nobody answers at its address").wait_for()
    page.get_by_role("button", name="Change").click()
    page.get_by_role("textbox", name="Address").fill(stub.url)
    page.get_by_role("button", name="Save and check it").click()
    page.get_by_text("The key that is kept is for the old address").wait_for()
    page.get_by_role("textbox", name="Key").first.fill(KEY)
    page.get_by_role("button", name="Save and check it").click()
    page.get_by_text("It answers: first word after").wait_for()
    assert stub.keys[-1] == KEY
    assert KEY not in page.content()
    page.get_by_role("button", name="Run the suite").click()
    page.get_by_text("cases failed").wait_for()

    page.goto(f"{seen.url}/admin/models?show=answering")
    page.get_by_role("combobox", name="Let another one answer").click()
    page.get_by_role("option", name="mine").click()
    page.get_by_role("button", name="Let it answer", exact=True).click()
    assert "mine answers instead of Quoting" in confirmed(seen, "Let it answer")
    expect(page.get_by_label("Answers now").get_by_text("mine", exact=True)).to_be_visible()
    page.goto(seen.url)
    seen.ask(QUESTION)
    page.get_by_text("Written by mine").wait_for()

    page.goto(f"{seen.url}/admin/models?show=answering")
    page.get_by_role("combobox", name="What to try").click()
    page.get_by_role("option", name="fixed").click()
    page.get_by_label("For a part of the people").check()
    page.get_by_role("button", name="Begin the trial").click()
    assert "fixed answers 10% of the conversations" in confirmed(seen, "Begin the trial")
    page.get_by_text("Too few answers to tell").wait_for()
    page.get_by_role("button", name="Let it answer everything").click()
    assert "fixed answers instead of mine" in confirmed(seen, "Let it answer everything")
    page.get_by_text("How the last trial ended").wait_for()
    page.get_by_role("button", name="Go back").click()
    assert "mine answers again, instead of fixed" in confirmed(seen, "Go back")
    expect(page.get_by_label("Answers now").get_by_text("mine", exact=True)).to_be_visible()
    page.get_by_role("button", name="Go back").click()
    assert "the configuration decides again" in confirmed(seen, "Go back")

    page.goto(f"{seen.url}/admin/models/mine")
    page.get_by_role("button", name="Remove the model").click()
    confirmed(seen, "Remove the model")
    page.wait_for_url("**/admin/models")
    expect(page.get_by_role("link", name="mine")).to_have_count(0)


def asked(site: Deployment, many: int, **more: object) -> None:
    with httpx.Client(base_url=f"{site.url}/api/v1/", timeout=60) as http:
        for n in range(many):
            given = {"question": f"{QUESTION} {n}", **more}
            assert http.post("answers", json=given).status_code == 200


def compared(site: Deployment) -> None:
    """A trial in the shadow with enough answers to tell something."""
    with httpx.Client(base_url=f"{site.url}/api/v1/", timeout=60) as http:
        settings = {"provider": "openai_like", "model": "m" * 200, "base_url": NOWHERE}
        http.put("models/declared/nowhere", json={"settings": settings}).raise_for_status()
        http.post("models/check", json={}).raise_for_status()
        http.post("models/conformance", json={"model": "fixed"}).raise_for_status()
        trial = {"model": "fixed", "how": "shadow", "share": 1.0}
        http.put("models/trial", json=trial).raise_for_status()
        asked(site, 24)
        asked(site, 4, model="fixed")
        asked(site, 2, model="careful", domain="chairs")


@pytest.mark.parametrize("look", LOOKS)
def test_models_are_for_everybody(opened: Opener, site: Deployment, look: str) -> None:
    if look == "light":
        compared(site)
    seen = opened("/admin/models", url=site.url, **LOOKS[look])
    page = seen.page
    found: dict[str, list[str]] = {}
    pages = {
        "models": ("/admin/models", "Nobody answers at its address"),
        "model": ("/admin/models/fixed", "It answers: first word after"),
        "model-broken": ("/admin/models/nowhere", "Is the server running there"),
        "model-add": ("/admin/models?show=add", "Add and check it"),
        "answering": ("/admin/models?show=answering", "How they compare"),
        "costs": ("/admin/models?show=costs", "Each person for themselves"),
        "elsewhere": ("/admin/models?domain=chairs", "nowhere"),
        "elsewhere-model": ("/admin/models/nowhere?domain=chairs", "Remove the model"),
        "elsewhere-answering": ("/admin/models?show=answering&domain=chairs", "Begin the trial"),
        "elsewhere-costs": ("/admin/models?show=costs&domain=chairs", "Only chairs"),
        "latency": ("/admin/models?show=costs&measure=ms&by=domain", "By domain"),
    }
    for name, (path, shown) in pages.items():
        page.goto(f"{seen.url}{path}")
        page.get_by_text(shown).first.wait_for()
        if name in ("costs", "latency"):
            page.locator(".recharts-surface").first.wait_for()
        if look == "phone":
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 390, name
            if name == "answering":
                assert "How they compare" not in seen.sideways()
        picture(page, f"{name}-{look}")
        if problems := seen.axe():
            found[name] = problems
    assert found == {}


def test_words_of_others_stay_words(opened: Opener, site: Deployment, tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>\u202e"
    settings = {"provider": "openai_like", "model": hostile, "base_url": NOWHERE}
    name = "x" * 100
    with httpx.Client(base_url=f"{site.url}/api/v1/", timeout=60) as http:
        made = http.put(f"models/declared/{name}", json={"settings": settings})
        made.raise_for_status()
        seen = opened(f"/admin/models/{name}", url=site.url, **LOOKS["phone"])
        seen.page.get_by_text("<img src=x").first.wait_for()
        picture(seen.page, "model-hostile")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
        seen.page.goto(f"{seen.url}/admin/models")
        seen.page.get_by_text("<img src=x").first.wait_for()
        http.delete(f"models/declared/{name}").raise_for_status()
