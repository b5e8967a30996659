"""The Ask widget on pages of other origins, in a real browser: who may show it, what it does there,
and that it takes nothing from them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from rag.types import LOCAL, Answer, Citation, Claim, Conflict, Principal, Role, Usage
from tests.ways.chromium import LOADED, Page, browser, click, needs_chromium
from tests.ways.conftest import Deployment, running, written
from tests.ways.test_openai import QUESTION

pytestmark = needs_chromium
CHAIR = "How long is the warranty on a new chair?"
PRESSED = "(document.querySelector('.thumb[aria-pressed=true]')?.textContent.trim() ?? '')"
TEXTS = "[...document.querySelectorAll('#turns article')].map(one => one.innerText)"
PASSWORD = "seven green lamps hum"
OPERATOR = Principal(id=LOCAL, roles=frozenset(Role))
SECRET = "tulip"
"""Stands in the address of the page around and in the page."""
HOST = """<!doctype html><html lang="en"><title>Intranet tulip</title>
<style nonce="n">* { font-size: 31px !important } button { background: #f00 !important }
  ratchet-ask { position: static; width: 300px } iframe { display: none !important }</style>
<script nonce="n">
  const read = [], heard = [];
  addEventListener("message", (event) => heard.push(event.data));
  for (const [of, name] of [[Document.prototype, "cookie"], [Document.prototype, "title"],
      [Document.prototype, "referrer"], [Document.prototype, "forms"],
      [Node.prototype, "textContent"], [HTMLElement.prototype, "innerText"],
      [Element.prototype, "innerHTML"], [HTMLInputElement.prototype, "value"],
      [window, "localStorage"], [window, "sessionStorage"]]) {
    const {get, set, ...rest} = Object.getOwnPropertyDescriptor(of, name);
    const told = function () { read.push(name); return get.call(this); };
    Object.defineProperty(of, name, {...rest, get: told, set});
  }
  const before = Object.getOwnPropertyNames(window);
</script>
<script src="URL/widget.js" data-domain="DOMAIN" defer></script>
<script src="URL/widget.js" defer></script>
<body><h1>Pumps of the tulip works</h1><input value="tulip"><button>Ours</button></body></html>
"""
POLICY = (
    "default-src 'none'; script-src 'nonce-n' URL; frame-src URL; style-src 'nonce-n'; "
    "img-src 'self'; require-trusted-types-for 'script'"
)
"""As strict as a page around may be."""
ADDED = "Object.getOwnPropertyNames(window).filter((name) => !before.includes(name))"
ALONE = "document.activeElement.id === 'question' && document.hasFocus()"
WIDGET = "document.activeElement.tagName === 'RATCHET-ASK'"


def ask(page: Page, question: str, number: int, frame: str = "") -> str:
    """Asked by hand; the text of its article, the one of that number on the page, once answered."""
    page.run(f"byId('question').value = {json.dumps(question)}", frame)
    page.run(click("#ask"), frame)
    page.until(f"document.querySelectorAll('#turns .about:not(:empty)').length === {number}", frame)
    return page.run(TEXTS, frame)[-1]


@contextmanager
def site(shown: list[str]) -> Iterator[int]:
    """Serves the policy and the page that are in the list, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path.startswith("/page") else 204)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            if self.path.startswith("/page"):
                self.send_header("Content-Security-Policy", shown[0])
            self.end_headers()
            if self.path.startswith("/page"):
                self.wfile.write(shown[1].encode())

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Intranet:
    """A server that people sign in at, and two sites of which the first alone may show it."""

    deployment: Deployment
    browser: Page
    shown: list[str]
    listed: int
    other: int

    @property
    def url(self) -> str:
        return self.deployment.url

    def show(self, domain: str = "", host: str = "127.0.0.1", port: int = 0) -> Page:
        """The page of a site, with the panel opened by keys."""
        page = HOST.replace("DOMAIN", domain)
        self.shown[:] = [one.replace("URL", self.url) for one in (POLICY, page)]
        address = f"http://{host}:{port or self.listed}/page?{SECRET}"
        self.browser.open(address, f"{LOADED} && document.querySelector('ratchet-ask') !== null")
        for _ in range(3):  # past the page's own input and button
            self.browser.press("Tab")
        assert self.browser.run(WIDGET)
        return self.browser

    def sign_in(self) -> None:
        body = {"name": "ada", "password": PASSWORD}
        answer = httpx.post(f"{self.url}/api/v1/session", json=body, headers={"Origin": self.url})
        value = answer.raise_for_status().cookies["ratchet"]
        cookie = {"name": "ratchet", "value": value, "sameSite": "Lax", "httpOnly": True}
        self.browser.call("Network.setCookie", url=self.url, **cookie)


@pytest.fixture(scope="module")
def intranet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intranet]:
    shown: list[str] = []
    with ExitStack() as stack:
        listed, other = stack.enter_context(site(shown)), stack.enter_context(site(shown))
        origins = json.dumps([f"http://{host}:{listed}" for host in ("127.0.0.1", "localhost")])
        more = f"[accounts]\nrequired = true\n[server]\nembed_in = {origins}\n"
        root = tmp_path_factory.mktemp("intranet")
        made = stack.enter_context(running(written(root, more)))
        link = made.run(made.app.accounts.invite(OPERATOR, "ada", [Role.USER, Role.ADMIN]))
        made.run(made.app.accounts.join(link.partition("#")[2], None, PASSWORD))
        page_of = stack.enter_context(browser(root / "profile"))
        page_of.open("about:blank", LOADED)
        yield Intranet(made, page_of, shown, listed, other)


def until_open(page: Page, wanted: bool) -> None:
    """As the button says, which stands in the closed inside of the widget."""
    said = f'"aria-expanded", "{str(wanted).lower()}"'
    for _ in range(600):
        if said in json.dumps(page.call("DOM.getDocument", depth=-1, pierce=True)):
            return
        time.sleep(0.05)
    raise AssertionError(f"never {said}")


def test_one_asks_further_and_rates_on_another_page(intranet: Intranet) -> None:
    intranet.sign_in()
    page, us = intranet.show("chairs"), intranet.url
    loaded = {one["url"] for one in page.requests if one["url"].startswith(us)}
    assert loaded == {f"{us}/widget.js"}, "nothing else is loaded before somebody asks"
    page.press("Enter")
    page.until(f"{LOADED} && byId('who').textContent === 'ada' && {ALONE}", us)
    page.type(CHAIR)
    page.press("Enter")
    page.until("document.querySelectorAll('.citations li').length === 1", us)
    assert "60 months" in page.run("byId('turns').innerText", us)
    assert f"Searched for “{CHAIR}" in ask(page, "And who claims it?", 2, us)
    page.run(click(".thumb"), us)
    page.until(f"{PRESSED} === 'Helpful'", us)
    page.picture("widget")

    ada = intranet.deployment.app.person("ada", "chairs")
    (talk,) = intranet.deployment.run(intranet.deployment.app.conversations.page(ada, "chairs"))
    shown = intranet.deployment.run(intranet.deployment.app.conversations.show(ada, talk.id))
    rated = [
        intranet.deployment.run(intranet.deployment.app.feedback(ada, turn.trace_id or ""))
        for turn in shown.turns
    ]
    assert [[one.value for one in given] for given in rated] == [[1], []]

    assert page.run("document.referrer", us) == ""
    assert page.run("read") == [], "nothing of the page around is read"
    assert page.run(ADDED) == []
    assert page.run("document.querySelectorAll('ratchet-ask').length") == 1
    assert page.run("document.styleSheets.length + document.adoptedStyleSheets.length") == 1
    size, colour = "document.querySelector('button')", "'rgb(255, 0, 0)'"
    assert page.run(f"getComputedStyle({size}).backgroundColor === {colour}")
    sent = json.dumps([one for one in page.requests if one["url"].startswith(us)])
    assert SECRET not in sent
    assert page.problems == []


def test_keys_open_and_close_it_and_the_conversation_stays(intranet: Intranet) -> None:
    intranet.sign_in()
    page, us = intranet.show(), intranet.url
    page.press("Enter")
    page.until(f"{LOADED} && byId('who').textContent && {ALONE}", us)
    ask(page, QUESTION, 1, us)
    page.press("Escape")
    until_open(page, False)
    assert not page.run("document.hasFocus()", us), "the button has it"
    page.press("Enter")
    until_open(page, True)
    page.until(ALONE, us)
    assert page.run("document.querySelectorAll('article').length", us) == 1
    page.run(click("#new"), us)
    page.run("postMessage('ratchet:close', '*')")
    page.until("heard.length === 2")
    until_open(page, True)  # Nobody else can close it.
    page.press("Escape")
    until_open(page, False)
    assert page.run("heard") == ["ratchet:close"] * 3, "no more is told to the page around"
    assert page.problems == []


def test_without_a_session_it_leads_to_a_tab(intranet: Intranet) -> None:
    door, link = "byId('door').innerText", "byId('door').lastElementChild"
    intranet.browser.call("Network.clearBrowserCookies")
    page, us = intranet.show("chairs"), intranet.url
    page.press("Enter")
    page.until(f"{LOADED} && {door}.includes('Sign in to ask here')", us)
    page.picture("door")
    assert page.run(f"{link}.href", us) == f"{us}/sign-in?domain=chairs"
    assert page.run(f"{link}.target === '_blank' && byId('form').hidden", us)
    # Signed in by then, in the other tab.
    intranet.sign_in()
    page.run("dispatchEvent(new Event('focus'))", us)
    page.until("byId('who').textContent === 'ada' && byId('door').hidden", us)
    ask(page, CHAIR, 1, us)
    page.call("Network.clearBrowserCookies")
    page.run("byId('question').value = 'And then?'", us)
    page.run(click("#ask"), us)
    page.until("!byId('door').hidden", us)
    assert page.run("document.querySelectorAll('article').length", us) == 0, "nobody's any more"
    intranet.sign_in()
    # And a page that may show it, but of another site, where no session can be.
    page = intranet.show("chairs", host="localhost")
    page.press("Enter")
    page.until(f"{LOADED} && {door}.includes('of another site')", us)
    assert page.run(f"{link}.href", us) == f"{us}/?domain=chairs"
    assert page.run("document.cookie", us) == ""


def test_a_page_that_is_not_listed_is_shown_nothing(intranet: Intranet) -> None:
    intranet.sign_in()
    page = intranet.show("chairs", port=intranet.other)
    page.press("Enter")
    for _ in range(600):
        page.run("0")
        if any("frame-ancestors" in problem for problem in page.problems):
            break
        time.sleep(0.05)
    else:
        raise AssertionError(page.problems)
    assert page.run("typeof byId", intranet.url) is None
    assert not any("/api/" in one["url"] for one in page.requests)


def test_what_falls_short_is_marked_and_nothing_becomes_html(intranet: Intranet) -> None:
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
    intranet.sign_in()
    page = intranet.browser
    page.open(f"{intranet.url}/widget")
    page.run(f"byId('turns').append(exchange({json.dumps(shown)}))")
    (text,) = page.run(TEXTS)
    for words in (
        f"𝔸. Whole. Partly. (partly supported) {bad}",
        "One sentence without support left out.",
        f"Sources disagree: Old {bad} (2019) says “{bad}”; [1] is newer (2025).",
    ):
        assert words in text
    assert page.run("document.querySelector('mark').textContent") == "Partly. (partly supported)"
    assert page.run("document.querySelectorAll('#turns :is(img, script)').length") == 0
    assert page.problems == []
