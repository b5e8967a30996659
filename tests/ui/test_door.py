"""The door, in a real browser: in by password, link or provider, refused for a reason, and out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from rag.types import AskRequest, Role
from tests.ui.conftest import PASSWORD, Opener, Seen, Site
from tests.ui.test_looks import LOOKS, picture


def entered(seen: Seen, name: str, password: str) -> None:
    seen.page.get_by_label("Name").fill(name)
    seen.page.get_by_label("Password", exact=True).fill(password)
    seen.page.get_by_role("button", name="Sign in").click()


def forgive(seen: Seen, *signs: str) -> None:
    """What the test had refused on purpose."""
    seen.problems[:] = [one for one in seen.problems if not any(sign in one for sign in signs)]


def test_one_is_led_to_the_door_and_back_and_out(opened: Opener, site: Site) -> None:
    seen = opened("/admin/people?search=ad", site.url)
    page = seen.page
    page.wait_for_url("**/sign-in?next=*")
    entered(seen, "adam", "not the password at all")
    expect(page.get_by_text("Name or password are wrong.")).to_be_visible()
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    expect(page.get_by_label("Name")).to_have_value("adam")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/people?search=ad")
    expect(page.get_by_role("button", name="adam", exact=True)).to_be_visible()
    page.get_by_label("Account and settings of").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.goto(f"{site.url}/account")
    page.wait_for_url("**/sign-in?next=*")
    forgive(seen, "401")


def test_a_session_that_ended_leads_to_the_door_and_says_so(signed: Opener, site: Site) -> None:
    site.joined("sue", Role.USER)
    seen = signed("/account", "sue")
    page = seen.page
    # Before it is shown, a list that comes too late would lead to the door by itself.
    end = page.get_by_role("button", name="End", exact=True).first
    end.wait_for()
    app: Any = site.deployment.app
    app._parts.sessions.close("sue")
    end.click()
    page.wait_for_url("**/sign-in?next=*")
    expect(page.get_by_text("You were signed out")).to_be_visible()
    entered(seen, "sue", PASSWORD)
    page.wait_for_url("**/account")
    forgive(seen, "401")


def test_a_link_that_ended_and_a_password_too_weak_are_told(opened: Opener, site: Site) -> None:
    seen = opened(site.invited("ines", Role.USER), site.url)
    page = seen.page
    page.get_by_text("Welcome, ines").wait_for()
    assert "#" not in page.url
    page.get_by_label("Password", exact=True).fill("ines")
    page.get_by_role("button", name="Choose this password").click()
    expect(page.get_by_text("A password has 12 to 200 characters.")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Choose this password").click()
    page.get_by_label("Your question").wait_for()
    forgive(seen, "422")
    for token in ("no-such-token", ""):
        late = opened(f"/join#{token}", site.url)
        gone = "too old" if token else "This link is not whole"
        expect(late.page.get_by_text(gone)).to_be_visible()
        late.page.get_by_role("link", name="Sign in").click()
        late.page.get_by_role("button", name="Sign in").wait_for()
        forgive(late, "404")


def test_a_suspended_person_is_told_why(opened: Opener, site: Site) -> None:
    site.joined("tom", Role.USER)
    app = site.deployment.app
    site.deployment.run(app.accounts.change(app.person(None), "tom", suspended=True))
    seen = opened("/sign-in", site.url)
    entered(seen, "tom", PASSWORD)
    expect(seen.page.get_by_text("'tom' is suspended.")).to_be_visible()
    forgive(seen, "403")


def test_coming_back_without_having_left_is_refused(opened: Opener, site: Site) -> None:
    seen = opened("/api/v1/oidc/callback?error=access_denied", site.url)
    expect(seen.page.get_by_text("did not sign this person in")).to_be_visible()
    expect(seen.page.get_by_role("link", name="Continue with Example ID")).to_be_visible()
    other = opened("/api/v1/oidc/callback?code=x&state=y", site.url)
    expect(other.page.get_by_text("You were not signed in")).to_be_visible()


THEIRS = ("jsdelivr", "ERR_NAME_NOT_RESOLVED", "404 (NOT FOUND)")
"""What the provider's own page does wrong."""


def vouched(page: Page, subject: str) -> None:
    """What one says at the provider."""
    page.get_by_role("link", name="Continue with Example ID").click()
    page.locator("input[name=sub]").fill(subject)
    page.keyboard.press("Enter")


@pytest.mark.filterwarnings("ignore")  # The provider's own, which it would fail by.
def test_the_provider_lets_somebody_in_where_they_wanted_to_go(opened: Opener, site: Site) -> None:
    seen = opened("/account", site.url)
    page = seen.page
    page.wait_for_url("**/sign-in?next=*")
    vouched(page, "olga")
    page.wait_for_url(f"{site.url}/account")
    page.get_by_text("Where you are signed in").wait_for()
    page.get_by_label("Account and settings of olga@example.org").wait_for()
    # Once: the first page is the first page again.
    page.goto(site.url)
    page.get_by_label("Your question").wait_for()
    forgive(seen, "401", f"asked {site.issuer}", *THEIRS)


@pytest.mark.filterwarnings("ignore")
def test_whom_the_provider_does_not_vouch_for_is_told_why_and_nobody_else_is(
    opened: Opener, site: Site
) -> None:
    seen = opened("/sign-in", site.url)
    page = seen.page
    vouched(page, "mal")
    expect(page.get_by_role("alert")).to_contain_text("has not verified this email address")
    assert "#" not in page.url
    page.reload()
    page.get_by_label("Name").wait_for()
    expect(page.get_by_role("alert")).to_have_count(0)
    # What a link made up is not said in our name.
    page.goto("about:blank")
    page.goto(f"{site.url}/sign-in#Your account is locked. Call 0900 555.")
    page.get_by_label("Name").wait_for()
    expect(page.get_by_text("0900")).to_have_count(0)
    forgive(seen, f"asked {site.issuer}", "asked about:blank", *THEIRS)


@pytest.mark.parametrize(
    "away",
    ["https://elsewhere.invalid/", "//elsewhere.invalid", r"/\elsewhere.invalid", "/%09/x.y"],
)
def test_no_link_leads_away_from_the_door(opened: Opener, site: Site, away: str) -> None:
    seen = opened(f"/sign-in?next={away}", site.url)
    entered(seen, "adam", PASSWORD)
    seen.page.get_by_label("Your question").wait_for()
    assert seen.page.url == f"{site.url}/"


def test_a_newer_link_counts_in_the_tab_of_the_older_one(opened: Opener, site: Site) -> None:
    seen = opened("/join#no-such-token", site.url)
    seen.page.get_by_text("too old").wait_for()
    seen.page.goto(f"{site.url}{site.invited('ida', Role.USER)}")
    seen.page.get_by_text("Welcome, ida").wait_for()
    assert "#" not in seen.page.url
    forgive(seen, "404")


def test_what_was_being_written_is_there_after_the_door_for_the_same_person_alone(
    opened: Opener, signed: Opener, site: Site
) -> None:
    for name in ("vera", "wim"):
        site.joined(name, Role.USER)
    seen = signed("/", "vera")
    page = seen.page
    page.get_by_label("Your question").wait_for()
    app: Any = site.deployment.app
    # Written first: a page that asks something by itself is at the door before anybody can write.
    page.get_by_label("Your question").fill("What did I think for an hour?")
    app._parts.sessions.close("vera")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in?next=*")
    entered(seen, "vera", PASSWORD)
    expect(page.get_by_label("Your question")).to_have_value("What did I think for an hour?")
    seen.ask("How long is the warranty?")
    page.get_by_label("Your question").fill("What is my secret?")
    app._parts.sessions.close("vera")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in?next=*")
    entered(seen, "wim", PASSWORD)
    page.get_by_text("There is no conversation").wait_for()
    expect(page.get_by_text("What is my secret?")).to_have_count(0)
    expect(page.get_by_text("How long is the warranty?")).to_have_count(0)
    forgive(seen, "401", "404")


def test_a_shared_link_is_followed_through_the_door_and_goes_to_no_server(
    opened: Opener, site: Site
) -> None:
    app, run = site.deployment.app, site.deployment.run
    adam = app.person("adam")
    tokens: list[str] = []
    for question in ("How long is the warranty?", "Which lamp is the oldest?"):
        talk = run(app.conversations.begin(adam)).id
        run(app.ask(adam, AskRequest(question=question, conversation=talk)))
        tokens.append(run(app.conversations.share(adam, talk)).partition("#")[2])
    seen = opened(f"/shared#{tokens[0]}", site.url)
    page = seen.page
    page.wait_for_url("**/sign-in?next=*")
    assert tokens[0] not in urlsplit(page.url).query
    entered(seen, "adam", PASSWORD)
    page.get_by_role("heading", name="How long is the warranty?").first.wait_for()
    page.goto(f"{site.url}/shared#{tokens[1]}")
    page.get_by_role("heading", name="Which lamp is the oldest?").first.wait_for()
    forgive(seen, "401")


@pytest.mark.parametrize("look", LOOKS)
def test_the_door_is_for_everybody(opened: Opener, site: Site, look: str) -> None:
    found: dict[str, list[str]] = {}
    seen = opened("/sign-in", site.url, **LOOKS[look])
    seen.page.get_by_label("Name").wait_for()
    picture(seen.page, f"door-{look}")
    found["door"] = seen.axe()
    entered(seen, "adam" + look, "not the password at all")
    seen.page.get_by_text("Name or password are wrong.").wait_for()
    picture(seen.page, f"door-refused-{look}")
    found["refused"] = seen.axe()
    forgive(seen, "401")
    long = "l" * 90 + look
    joining = opened(site.invited(long, Role.USER), site.url, **LOOKS[look])
    joining.page.get_by_text("Choose a password to begin.").wait_for()
    picture(joining.page, f"join-{look}")
    found["join"] = joining.axe()
    assert joining.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    gone = opened("/join#nothing", site.url, **LOOKS[look])
    gone.page.get_by_text("too old").wait_for()
    picture(gone.page, f"join-gone-{look}")
    found["gone"] = gone.axe()
    forgive(gone, "404")
    assert {name: bad for name, bad in found.items() if bad} == {}
