"""What pages elsewhere, and people who should not, try in a browser that is signed in here."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from rag.types import Role
from tests.ui.conftest import Opener, Site
from tests.ui.test_door import forgive

FORM = """<!doctype html><title>elsewhere</title>
<form method="post" action="{url}/api/v1/conversations" enctype="text/plain">
<input name='{{"domain":null,"x":"' value='"}}'></form>
<iframe src="{url}/admin/people"></iframe>
<script>document.forms[0].submit()</script>"""
HOSTILE = "<img src=x onerror=alert(1)> \u202egnp.exe"


@pytest.fixture
def elsewhere(site: Site) -> Iterator[str]:
    """A page of another site, which posts a form here and shows a page of ours in a frame."""
    text = FORM.format(url=site.url).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


def test_a_page_elsewhere_neither_posts_nor_frames(
    signed: Opener, site: Site, elsewhere: str
) -> None:
    seen = signed("/")
    page = seen.page
    page.get_by_label("Your question").wait_for()
    asked = "async () => (await (await fetch('/api/v1/conversations')).json()).conversations.length"
    before = page.evaluate(asked)
    other = page.context.new_page()
    with other.expect_response(f"{site.url}/api/v1/conversations") as answered:
        other.goto(elsewhere)
    assert answered.value.status == 403
    other.close()
    assert page.evaluate(asked) == before
    framed = page.evaluate(
        "async () => (await fetch('/admin/people')).headers.get('x-frame-options')"
    )
    assert framed == "DENY"


def test_one_without_the_role_gets_nothing_by_address_or_by_hand(
    signed: Opener, site: Site
) -> None:
    site.joined("mallory", Role.USER)
    seen = signed("/admin/people", "mallory")
    page = seen.page
    expect(page.get_by_text("takes a role that you do not have here")).to_be_visible()
    tried = [
        ("GET", "/accounts", None),
        ("GET", "/audit", None),
        ("GET", "/keys/all", None),
        ("GET", "/settings", None),
        ("GET", "/sources", None),
        ("GET", "/people/adam/data", None),
        ("PATCH", "/accounts/mallory", {"roles": ["admin"]}),
        ("POST", "/invitations", {"name": "mallory2", "roles": ["admin"]}),
        ("POST", "/keys", {"name": "mine", "scopes": ["admin"]}),
    ]
    statuses = page.evaluate(
        """(all) => Promise.all(all.map(async ([method, path, said]) => {
          const body = said ? JSON.stringify(said) : undefined;
          const headers = { "Content-Type": "application/json" };
          return (await fetch(`/api/v1${path}`, { method, headers, body })).status;
        }))""",
        tried,
    )
    assert statuses == [403] * len(tried)
    forgive(seen, "403")


def test_somebody_put_out_while_a_page_is_open_does_nothing_more(
    signed: Opener, site: Site
) -> None:
    site.joined("otto", Role.USER, Role.ADMIN)
    seen = signed("/admin/groups", "otto")
    page = seen.page
    page.get_by_role("button", name="New group").wait_for()
    app = site.deployment.app
    site.deployment.run(app.accounts.change(app.person(None), "otto", suspended=True))
    page.get_by_role("link", name="Sources", exact=True).click()
    expect(page.get_by_role("alert").or_(page.get_by_label("Name")).first).to_be_visible()
    expect(page.get_by_role("link", name="documents")).to_have_count(0)
    forgive(seen, "403", "401")


def test_a_title_that_is_hostile_is_a_title(signed: Opener) -> None:
    seen = signed("/")
    page = seen.page
    seen.ask(f"{HOSTILE} How long is the warranty?")
    row = page.get_by_role("navigation", name="Conversations").get_by_role("link").first
    expect(row).to_contain_text("<img src=x")
    assert page.locator("img[src=x]").count() == 0
    expect(page).to_have_title(re.compile("alert"))


def test_a_button_pressed_twice_does_its_work_once(signed: Opener, site: Site) -> None:
    seen = signed("/admin/people")
    page = seen.page
    page.get_by_role("button", name="Invite somebody").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("twice")
    sent: list[str] = []
    page.on(
        "request",
        lambda one: (
            sent.append(one.url)
            if one.url.endswith("/invitations") and one.method == "POST"
            else None
        ),
    )
    dialog.get_by_role("button", name="Make the link").dblclick()
    dialog.get_by_role("textbox").wait_for()
    assert len(sent) == 1
