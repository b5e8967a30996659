"""The built web UI in a real browser, Debian's chromium, spoken to by Playwright."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, TimeoutError, expect, sync_playwright

from rag.api.ui import BUILT
from rag.types import Role
from tests.ways.conftest import Deployment, running, written

UI = Path(__file__).parents[2] / "ui"
AXE = UI / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = shutil.which("chromium")
PATIENCE_MS = 30_000
STILL = """async () => {
  for (let still = 0; still < 6; still += 1) {
    await new Promise((drawn) => requestAnimationFrame(drawn));
    const moving = document.getAnimations().filter(
      (one) => one.playState === "running" && one.effect.getComputedTiming().endTime !== Infinity,
    );
    if (moving.length) still = -1;
    await Promise.allSettled(moving.map((one) => one.finished));
  }
}"""
"""Waits until nothing faded or moved for six frames: what fades in has no colour to judge yet."""
PASSWORD = "seven green lamps hum"


@dataclass
class Seen:
    """A page with what it should not have done."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", self._asked)

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def _asked(self, request: Any) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc:
            self.problems.append(f"asked {request.url}")

    def ask(self, question: str) -> None:
        """By hand, and answered."""
        turns = self.page.locator("[data-turn]").count()
        self.page.get_by_label("Your question").fill(question)
        self.page.keyboard.press("Enter")
        try:
            self.page.locator("[data-turn]").nth(turns).wait_for()
        except TimeoutError as error:
            shown = self.page.inner_text("body")
            raise AssertionError(f"{self.page.url}: {self.problems}: {shown}") from error

    def sideways(self) -> list[str]:
        """What can be scrolled sideways, by its label; tabs in a row may be."""
        return self.page.evaluate(
            """() => [...document.querySelectorAll("*")]
              .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0)
              .filter((one) => ["auto", "scroll"].includes(getComputedStyle(one).overflowX))
              .filter((one) => one.role !== "tablist" && !one.querySelector("[role=tab]"))
              .map((one) => one.ariaLabel ?? one.className)"""
        )

    def axe(self) -> list[str]:
        """What is seriously or critically wrong for people who see, hear or move otherwise."""
        # As a script of the tester: the page's own policy lets none in.
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        self.page.evaluate(STILL)
        found = self.page.evaluate("() => axe.run()")
        return [
            f"{one['id']}: {json.dumps([node['target'] for node in one['nodes']])[:500]}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]


Opener = Callable[..., Seen]


# It has an event loop run in this thread until it ends, and then no test beside could run one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium here")
    if not (BUILT / "index.html").exists():
        pytest.fail("The web UI is not built: make ui")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with running(written(tmp_path_factory.mktemp("ui"))) as made:
        yield made


@pytest.fixture
def opened(browser: Browser, deployment: Deployment) -> Iterator[Opener]:
    """Opens an address in a fresh profile; in the end nothing went wrong in any."""
    with ExitStack() as stack:
        made: list[Seen] = []

        def opened(path: str = "/", url: str = deployment.url, **context: Any) -> Seen:
            profile = stack.enter_context(browser.new_context(**context))
            profile.set_default_timeout(PATIENCE_MS)
            seen = Seen(profile.new_page(), url)
            seen.watch()
            made.append(seen)
            seen.page.goto(f"{url}{path}")
            return seen

        yield opened
        assert [problem for one in made for problem in one.problems] == []


@dataclass
class Site:
    """A server where people sign in, by a password or at a provider; `adam` is its admin."""

    deployment: Deployment
    issuer: str

    @property
    def url(self) -> str:
        return self.deployment.url

    def invited(self, name: str, *roles: Role) -> str:
        """The path of a link for somebody."""
        app = self.deployment.app
        link = self.deployment.run(app.accounts.invite(app.person(None), name, roles))
        return urlsplit(link)._replace(scheme="", netloc="").geturl()

    def joined(self, name: str, *roles: Role) -> None:
        token = self.invited(name, *roles).partition("#")[2]
        self.deployment.run(self.deployment.app.accounts.join(token, None, PASSWORD))

    def cookie(self, name: str) -> dict[str, Any]:
        """What a browser carries in which that person is signed in."""
        app: Any = self.deployment.app
        token = app._parts.sessions.open(name, "Mozilla/5.0 (X11; Linux x86_64) Test/1.0")
        return {
            **{"name": "ratchet", "value": token, "domain": "127.0.0.1", "path": "/"},
            **{"expires": -1, "httpOnly": True, "secure": False, "sameSite": "Lax"},
        }


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    from oidc_provider_mock import User, run_server_in_thread

    claims = {"email": "olga@example.org", "email_verified": True}
    unverified = {"email": "mal@example.org", "email_verified": False}
    people = [User(sub="olga", claims=claims), User(sub="mal", claims=unverified)]
    with run_server_in_thread(user_claims=people) as server:
        issuer = f"http://localhost:{server.server_port}"
        bound = socket.create_server(("127.0.0.1", 0))
        more = (
            # The provider sends people back to where the settings say that the server is.
            f"[server]\nport = {bound.getsockname()[1]}\n"
            "[accounts]\nrequired = true\n[limits]\nrequests_per_minute = 0\n"
            f'[oidc]\nissuer = "{issuer}"\nclient_id = "ratchet"\nclient_secret = "s"\n'
            'label = "Example ID"\n'
        )
        data = written(tmp_path_factory.mktemp("site"), more)
        with running(data, bound=bound) as deployment:
            made = Site(deployment, issuer)
            made.joined("adam", Role.USER, Role.ADMIN)
            yield made


@pytest.fixture
def signed(opened: Opener, site: Site) -> Opener:
    """Opens an address of the site as somebody who is signed in."""

    def opening(path: str = "/", name: str = "adam", **context: Any) -> Seen:
        state = {"cookies": [site.cookie(name)], "origins": []}
        return opened(path, site.url, storage_state=state, **context)

    return opening
