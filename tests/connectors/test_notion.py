"""The Notion connector against a workspace of our own, whose answers follow Notion's schema."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from connectors import notion
from connectors.notion import NotionConfig, NotionConnector
from rag import plugins
from rag.errors import ConfigError, DocumentFailed, DocumentRejected, Forbidden, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change, Cursor
from tests.connectors.vendor import LOOPBACK, SIGN_IN, Vendor

TOKEN = "ntn_s3cret"
NOW = datetime(2024, 5, 20, 12, tzinfo=UTC)


def rich(text, href=None):
    return [{"type": "text", "plain_text": text, "href": href}]


def block(kind, text="", children=(), **more):
    return {"type": kind, kind: {"rich_text": rich(text)} | more, "below": list(children)}


class Workspace(Vendor):
    """Pages and their blocks; two items to a page of a list."""

    def __init__(self):
        super().__init__(answer=self.reply)
        self.token = TOKEN
        self.pages = {}
        self.blocks = {}

    def put(self, name, *blocks, ago=600, properties=None):
        """`ago` is minutes since the last edit."""
        edited = NOW - timedelta(minutes=ago)
        self.pages[name] = {
            "object": "page", "id": name, "url": f"https://www.notion.so/{name}",
            "last_edited_time": edited.strftime("%Y-%m-%dT%H:%M:00.000Z"), "in_trash": False,
            "properties": {"Name": {"type": "title", "title": rich(f"Page {name}")}}
            | (properties or {}),
        }  # fmt: skip
        self.place(name, blocks)

    def place(self, parent, blocks):
        self.blocks[parent] = []
        for number, one in enumerate(blocks):
            below = one["below"]
            placed = {key: value for key, value in one.items() if key != "below"}
            placed |= {"id": f"{parent}-{number}", "has_children": bool(below)}
            self.blocks[parent].append(placed)
            self.place(placed["id"], below)

    def reply(self, asked):
        if asked.headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {}, {"object": "error", "status": 401, "code": "unauthorized"}
        assert asked.headers["Notion-Version"]
        kind, _, rest = asked.path.removeprefix("/v1/").partition("/")
        name = rest.partition("/")[0]
        if kind == "search":
            assert asked.json["filter"] == {"property": "object", "value": "page"}
            found = sorted(self.pages.values(), key=lambda one: one["last_edited_time"])
            return self.page(found[::-1], asked.json)
        if kind == "pages" and name in self.pages:
            return 200, {}, self.pages[name]
        if kind == "blocks" and name in self.blocks:
            return self.page(self.blocks[name], asked.query)
        return 404, {}, {"object": "error", "status": 404, "code": "object_not_found"}

    @staticmethod
    def page(found, query):
        skip = int(query.get("start_cursor") or 0)
        following = str(skip + 2) if skip + 2 < len(found) else None
        page = {"object": "list", "results": found[skip : skip + 2]}
        return 200, {}, page | {"next_cursor": following, "has_more": following is not None}


@pytest.fixture
def space(monkeypatch):
    monkeypatch.setattr(notion, "utc_now", lambda: NOW)
    with Workspace().up() as running:
        running.put("a", block("paragraph", "alpha"), ago=600)
        running.put("b", block("paragraph", "beta"), ago=500)
        running.put("c", block("paragraph", "gamma"), ago=400)
        yield running


def connector(space, waits=None, **changed):
    async def sleep(seconds):
        if waits is not None:
            waits.append(seconds)

    basic = {"token": TOKEN, "api_url": space.url, "networks": LOOPBACK}
    return NotionConnector(NotionConfig(**(basic | changed)), sleep=sleep)


def run(source, work):
    async def closing():
        try:
            return await work(source)
        finally:
            await source.aclose()

    return asyncio.run(closing())


def listing(space, cursor=None, waits=None, **changed):
    async def work(source):
        return [change async for change in source.discover(Cursor(value=cursor))]

    return run(connector(space, waits, **changed), work)


def fetch(space, name, **changed):
    uri = f"https://www.notion.so/{name}"
    change = Change(kind="upsert", key=name, uri=uri, revision="1")
    return run(connector(space, **changed), lambda source: source.fetch(change))


def keys(changes):
    return [one.key for one in changes if one.kind == "upsert"]


class TestNotionContract(ConnectorContract):
    @pytest.fixture
    def source(self, space):
        def broken():
            space.token = "another"

        return ConnectorSource(
            make=lambda: connector(space),
            count=3,
            edit=lambda: space.put("b", block("paragraph", "beta 2"), ago=300),
            remove=lambda: space.pages.pop("a"),
            broken=broken,
        )


def test_a_page_is_read_with_its_structure(space):
    space.put(
        "a",
        block("heading_1", "Leave"),
        block("paragraph", "Ask <HR>"),
        block("bulleted_list_item", "thirty days", [block("paragraph", "with pay")]),
        block("bulleted_list_item", "unpaid"),
        block("to_do", "sign", checked=True),
        block("numbered_list_item", "first"),
        block("code", "a < b"),
        block("toggle", "More", [block("toggle", "deeper", [block("quote", "deepest")])]),
        block("child_page", title="Another page", children=[block("paragraph", "not here")]),
        block("image", type="external", external={"url": "https://x.y/p.png"}, caption=rich("Map")),
        block("file", type="file", file={"url": "https://signed.example/?secret"}, name="f.pdf"),
        {"type": "column_list", "column_list": {}, "below": [block("paragraph", "left")]},
        {"type": "unsupported", "unsupported": {}, "below": []},
    )
    text = fetch(space, "a").data.decode()
    assert "<h1>Page a</h1>" in text
    assert "<h2>Leave</h2>" in text
    assert "<p>Ask &lt;HR&gt;</p>" in text
    assert (
        "<ul>\n<li>thirty days<p>with pay</p>\n</li>\n<li>unpaid</li>\n<li>[x] sign</li>\n</ul>"
        in text
    )
    assert "<ol>\n<li>first</li>\n</ol>" in text
    assert "<pre><code>a &lt; b</code></pre>" in text
    assert "<blockquote>deepest</blockquote>" in text
    assert "<p>Another page</p>" in text
    assert "not here" not in text
    assert '<a href="https://x.y/p.png">Map</a>' in text
    assert "<p>f.pdf</p>" in text
    assert "secret" not in text
    assert "<p>left</p>" in text


def test_a_table_keeps_its_cells(space):
    rows = [
        {"type": "table_row", "table_row": {"cells": [rich(a), rich(b)]}, "below": []}
        for a, b in (("Name", "Days"), ("Ann", "30"), ("Ben", "28"))
    ]
    space.put("a", block("table", children=rows, has_column_header=True))
    assert (
        "<table><tr><th>Name</th><th>Days</th></tr><tr><td>Ann</td><td>30</td></tr>"
        "<tr><td>Ben</td><td>28</td></tr></table>"
    ) in fetch(space, "a").data.decode()


def test_links_are_kept_where_they_are_links(space):
    good, bad = block("paragraph"), block("paragraph")
    good["paragraph"]["rich_text"] = rich("site", "https://x.y/?a&b")
    bad["paragraph"]["rich_text"] = rich("trap", "javascript:alert(1)")
    space.put("a", good, bad)
    text = fetch(space, "a").data.decode()
    assert '<a href="https://x.y/?a&amp;b">site</a>' in text
    assert "javascript" not in text


def test_what_a_row_of_a_database_says_is_read(space):
    properties = {
        "Status": {"type": "status", "status": {"name": "Done"}},
        "Tags": {"type": "multi_select", "multi_select": [{"name": "x"}, {"name": "y"}]},
        "When": {"type": "date", "date": {"start": "2024-05-06", "end": "2024-05-07"}},
        "Owner": {"type": "people", "people": [{"name": "Ann"}]},
        "Sum": {"type": "formula", "formula": {"type": "number", "number": 7}},
        "Paid": {"type": "checkbox", "checkbox": True},
        "None": {"type": "select", "select": None},
        "Links": {"type": "relation", "relation": [{"id": "b"}]},
    }
    space.put("a", properties=properties)
    raw = fetch(space, "a")
    assert raw.title == "Page a"
    assert raw.modified_at == NOW - timedelta(minutes=600)
    assert (
        "<p>Status: Done · Tags: x, y · When: 2024-05-06 – 2024-05-07 · Owner: Ann · Sum: 7 · "
        "Paid: yes</p>"
    ) in raw.data.decode()


def test_from_a_cursor_on_only_what_was_edited_since_is_listed(space):
    cursor = listing(space)[-1].cursor
    assert keys(listing(space, cursor)) == ["c"]
    space.put("a", block("paragraph", "edited"), ago=10)
    changes = listing(space, cursor)
    assert keys(changes) == ["a", "c"]
    space.asked.clear()
    assert keys(listing(space, changes[-1].cursor)) == ["a"]
    assert space.count("/v1/search") == 1


def test_a_page_edited_this_minute_is_listed_anew_once_that_is_over(space, monkeypatch):
    space.put("a", ago=0)
    fresh = listing(space)
    monkeypatch.setattr(notion, "utc_now", lambda: NOW + timedelta(minutes=5))
    settled = listing(space, fresh[-1].cursor)
    assert settled[0].key == "a"
    assert settled[0].revision != fresh[0].revision
    assert listing(space, settled[-1].cursor)[0].revision == settled[0].revision


def test_a_page_that_moves_up_while_all_is_listed_is_listed_once(space):
    async def work(source):
        changes = []
        async for change in source.discover(Cursor()):
            if not changes:
                space.put("a", ago=5)
            changes.append(change)
        return changes

    changes = run(connector(space), work)
    assert sorted(keys(changes)) == ["b", "c"]
    assert keys(listing(space, changes[-1].cursor))[0] == "a"


def test_what_is_in_the_trash_is_gone(space):
    space.pages["a"]["in_trash"] = True
    changes = listing(space)
    assert keys(changes) == ["c", "b"]
    assert changes[-1].kind == "complete"
    with pytest.raises(DocumentFailed) as caught:
        fetch(space, "a")
    assert caught.value.reason == "vanished"


def test_a_page_gone_while_it_is_read_has_vanished(space):
    del space.blocks["a"]
    for name in ("a", "nowhere"):
        with pytest.raises(DocumentFailed) as caught:
            fetch(space, name)
        assert caught.value.reason == "vanished"


def test_a_page_without_end_is_given_up(space, monkeypatch):
    monkeypatch.setattr(notion, "MOST_BLOCKS", 4)
    space.put("a", *[block("paragraph", "x")] * 5)
    with pytest.raises(DocumentRejected) as caught:
        fetch(space, "a")
    assert caught.value.reason == "too_large"


def test_a_busy_notion_is_waited_for_within_bounds(space):
    waits = []
    busy = (429, {"Retry-After": "5"}, {"object": "error", "code": "rate_limited"})
    space.first["POST /v1/search"] = [busy, (503, {"Retry-After": "999999"}, "")]
    assert len(keys(listing(space, waits=waits))) == 3
    assert waits == [5, 120]
    space.first["POST /v1/search"] = [busy] * 5
    with pytest.raises(SourceError, match="too busy"):
        listing(space)


def test_a_refused_token_is_an_auth_error_without_the_token(space):
    space.token = "changed"
    with pytest.raises(SourceError, match=r"unauthorized \(auth_error\)") as caught:
        listing(space)
    assert TOKEN not in str(caught.value)
    with pytest.raises(DocumentFailed) as failed:
        fetch(space, "a")
    assert failed.value.reason == "auth_error"
    assert TOKEN not in repr(connector(space).config)


@pytest.mark.parametrize(
    "body",
    [SIGN_IN, b"", {}, {"results": [], "has_more": True}, {"results": {}, "has_more": False}],
)
def test_what_is_no_listing_ends_it(space, body):
    space.first["POST /v1/search"] = [(200, {}, body)]
    with pytest.raises(SourceError):
        listing(space)


def test_addresses_that_are_not_allowed_are_not_contacted(space):
    with pytest.raises(Forbidden):
        listing(space, networks=())
    with pytest.raises(DocumentRejected) as caught:
        fetch(space, "a", networks=())
    assert caught.value.reason == "blocked_address"
    assert space.asked == []


def test_the_form_refuses_an_open_address():
    with pytest.raises(ConfigError, match="https"):
        plugins.connector("notion", {"token": "x", "api_url": "http://notion.example.org"})
    assert isinstance(plugins.connector("notion", {"token": "x"}), NotionConnector)
