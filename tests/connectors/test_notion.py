"""The Notion connector against a workspace of our own, whose answers follow Notion's schema."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

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
        self.rows = {}
        self.unsearchable = set()

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

    def below(self, parent, *names, database=False):
        """Put pages, or a database that has them as its rows, below a page."""
        if not database:
            children = [{"type": "child_page", "child_page": {"title": n}, "id": n} for n in names]
        else:
            children = [{"type": "child_database", "child_database": {}, "id": database}]
            self.rows[database] = list(names)
        toggle = {"id": f"{parent}-toggle", "type": "toggle", "toggle": {}, "has_children": True}
        self.blocks[parent].append(toggle)
        self.blocks[toggle["id"]] = children

    def reply(self, asked):
        if asked.headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {}, {"object": "error", "status": 401, "code": "unauthorized"}
        assert asked.headers["Notion-Version"]
        kind, _, rest = asked.path.removeprefix("/v1/").partition("/")
        name = rest.partition("/")[0]
        if kind == "search":
            assert asked.json["filter"] == {"property": "object", "value": "page"}
            found = [page for name, page in self.pages.items() if name not in self.unsearchable]
            found = sorted(found, key=lambda one: one["last_edited_time"])
            return self.page(found[::-1], asked.json)
        if kind == "databases" and name in self.rows:
            return 200, {}, {"object": "database", "data_sources": [{"id": f"ds-{name}"}]}
        if kind == "data_sources":
            rows = [self.pages[row] for row in self.rows[name.removeprefix("ds-")]]
            return self.page(rows, asked.json)
        if kind == "blocks" and rest == name and name in self.rows:
            return 200, {}, {"object": "block", "type": "child_database", "id": name}
        if kind == "blocks" and rest == name and name in self.pages:
            return 200, {}, {"object": "block", "type": "child_page", "id": name}
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


def listing(space, waits=None, **changed):
    async def work(source):
        return [change async for change in source.discover(Cursor())]

    return run(connector(space, waits, **changed), work)


def fetch(space, name, **changed):
    uri = f"https://www.notion.so/{name}"
    change = Change(kind="upsert", key=name, uri=uri, revision="1")
    return run(connector(space, **changed), lambda source: source.fetch(change))


def keys(changes):
    return [one.key for one in changes if one.kind == "upsert"]


HOME, TABLE = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
HOME_ID, TABLE_ID = str(UUID(HOME)), str(UUID(TABLE))


@pytest.fixture
def tree(space):
    """The page HOME with the page `a` below it, which has a database with the rows `b` and `c`."""
    space.put(HOME_ID, block("paragraph", "home"), ago=900)
    space.below(HOME_ID, "a")
    space.below("a", "b", "c", database=TABLE_ID)
    space.put("elsewhere", block("paragraph", "not below"))
    return space


class TestNotionContract(ConnectorContract):
    @pytest.fixture
    def source(self, tree):
        def broken():
            tree.token = "another"

        return ConnectorSource(
            make=lambda: connector(tree, pages=(HOME,)),
            count=4,
            edit=lambda: tree.put("b", block("paragraph", "beta 2"), ago=300),
            remove=lambda: tree.rows[TABLE_ID].remove("c"),
            broken=broken,
        )


def test_a_search_is_never_complete(space):
    changes = listing(space)
    assert {one.kind for one in changes} == {"upsert"}
    assert keys(changes) == ["c", "b", "a"]
    space.unsearchable.add("a")
    assert [one.kind for one in listing(space)] == ["upsert", "upsert"]


def test_what_no_search_names_is_found_by_walking(tree):
    tree.unsearchable |= {"a", "b"}
    changes = listing(tree, pages=(HOME,))
    assert set(keys(changes)) == {HOME_ID, "a", "b", "c"}
    assert changes[-1].kind == "complete"
    assert tree.count("/v1/search") == 0


@pytest.mark.parametrize(
    "named",
    [TABLE, TABLE_ID, TABLE.upper(), f"https://www.notion.so/acme/Plans-{TABLE}?v={HOME}#x"],
)
def test_a_database_is_named_by_its_address_or_id(tree, named):
    assert set(keys(listing(tree, pages=(named,)))) == {"b", "c"}
    check = run(connector(tree, pages=(named, HOME)), lambda source: source.check())
    assert check == "2 pages or databases with all below."


def test_pages_that_lead_to_each_other_are_walked_once(tree):
    tree.below("c", HOME_ID, "a")
    tree.below("b", "c")
    changes = listing(tree, pages=(HOME, TABLE))
    assert sorted(keys(changes)) == sorted([HOME_ID, "a", "b", "c"])


def test_a_walk_that_leaves_something_out_is_not_complete(tree, monkeypatch):
    del tree.blocks["a-toggle"]
    assert [one.kind for one in listing(tree, pages=(HOME,))] == ["upsert", "upsert"]
    tree.below("a", "b", "c", database=TABLE_ID)
    cut = tree.page([tree.pages["b"]], {})[2]
    cut |= {"request_status": {"type": "incomplete", "incomplete_reason": "limit"}}
    tree.first[f"POST /v1/data_sources/ds-{TABLE_ID}/query"] = [(200, {}, cut)]
    tree.blocks["a"] = tree.blocks["a"][-1:]
    assert [one.kind for one in listing(tree, pages=(HOME,))] == ["upsert"] * 3
    assert listing(tree, pages=(HOME,))[-1].kind == "complete"
    monkeypatch.setattr(notion, "MOST_BLOCKS", 1)
    assert "complete" not in [one.kind for one in listing(tree, pages=(HOME,))]


def test_a_page_below_that_is_shared_no_more_is_gone(tree):
    del tree.pages["a"]
    changes = listing(tree, pages=(HOME,))
    assert (keys(changes), changes[-1].kind) == ([HOME_ID], "complete")


def test_a_configured_page_that_is_not_shared_is_an_error(tree):
    del tree.pages[HOME_ID]
    with pytest.raises(SourceError, match="no page or database"):
        listing(tree, pages=(HOME,))
    with pytest.raises(SourceError, match="no page or database"):
        run(connector(tree, pages=(HOME,)), lambda source: source.check())
    with pytest.raises(ConfigError, match="id of a page"):
        plugins.connector("notion", {"token": "x", "pages": ["Plans"]})


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


def test_a_page_edited_this_minute_is_listed_anew_once_that_is_over(space, monkeypatch):
    space.put("a", ago=0)
    fresh = listing(space)
    monkeypatch.setattr(notion, "utc_now", lambda: NOW + timedelta(minutes=5))
    settled = listing(space)
    assert settled[0].key == "a"
    assert settled[0].revision != fresh[0].revision
    assert listing(space)[0].revision == settled[0].revision


def test_a_page_that_moves_up_while_a_search_goes_on_is_found_by_the_next(space):
    async def work(source):
        changes = []
        async for change in source.discover(Cursor()):
            if not changes:
                space.put("a", ago=5)
            changes.append(change)
        return changes

    changes = run(connector(space), work)
    assert sorted(keys(changes)) == ["b", "c"]
    assert {one.kind for one in changes} == {"upsert"}, "nothing is deleted"
    assert keys(listing(space))[0] == "a"


def test_what_is_in_the_trash_is_gone(space):
    space.pages["a"]["in_trash"] = True
    changes = listing(space)
    assert [(one.kind, one.key) for one in changes[2:]] == [("delete", "a")]
    assert keys(changes) == ["c", "b"]
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
