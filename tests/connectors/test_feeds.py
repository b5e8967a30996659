"""The feeds connector: its contract, but for deletion, and feeds as people publish them."""

import asyncio
from xml.sax.saxutils import escape

import pytest

from connectors.feeds import FeedsConfig, FeedsConnector
from connectors.web import WebConfig
from rag import plugins
from rag.errors import ConfigError, DocumentFailed, DocumentRejected, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change, Cursor
from tests.connectors.test_web import LOOPBACK, SIGN_IN, Site

XML = {"Content-Type": "application/xml"}


def rss(*items):
    """A feed of (guid, title, html) items."""
    body = "".join(
        f"<item><guid isPermaLink='false'>{guid}</guid><title>{escape(title)}</title>"
        f"<link>/posts/{guid}</link><description>{escape(text)}</description>"
        "<pubDate>Mon, 06 May 2024 08:00:00 +0200</pubDate></item>"
        for guid, title, text in items
    )
    return 200, XML, f"<rss version='2.0'><channel><title>News</title>{body}</channel></rss>"


ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>News</title>
<entry><id>urn:1</id><title type="html">A &lt;b&gt;bold&lt;/b&gt; claim</title>
<link href="https://example.com/1"/><updated>2024-05-06T08:00:00Z</updated>
<published>2023-01-01T00:00:00Z</published><summary>Short.</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><h2>Why</h2><p>Because.</p></div>
</content></entry></feed>"""


@pytest.fixture
def site():
    with Site().up() as running:
        yield running


def connector(site, *paths, **config):
    urls = tuple(site.url + path for path in paths or ("/feed",))
    return FeedsConnector(FeedsConfig(**({"urls": urls, "networks": LOOPBACK} | config)))


async def closing(source, work):
    try:
        return await work(source)
    finally:
        await source.aclose()


def listing(site, *paths, **config):
    async def work(source):
        return [change async for change in source.discover(Cursor())]

    return asyncio.run(closing(connector(site, *paths, **config), work))


def documents(site, *paths, **config):
    async def work(source):
        return [await source.fetch(change) async for change in source.discover(Cursor())]

    return asyncio.run(closing(connector(site, *paths, **config), work))


def fetch(site, key, **config):
    change = Change(kind="upsert", key=key, uri=key, revision="x")
    return asyncio.run(closing(connector(site, **config), lambda source: source.fetch(change)))


class TestFeedsContract(ConnectorContract):
    """All of the contract but `complete`: a feed forgets, and forgetting is not deleting."""

    @pytest.fixture
    def source(self, site):
        site.pages["/feed"] = rss(("1", "One", "<p>one</p>"), ("2", "Two", "<p>two</p>"))

        def edit():
            site.pages["/feed"] = rss(("1", "One", "<p>edited</p>"), ("2", "Two", "<p>two</p>"))

        def remove():
            site.pages["/feed"] = rss(("2", "Two", "<p>two</p>"))

        return ConnectorSource(
            make=lambda: connector(site),
            count=2,
            edit=edit,
            remove=remove,
            broken=site.pages.clear,
        )

    def test_full_listing_ends_complete(self, source):
        changes = listing_of(source)
        assert {change.kind for change in changes} == {"upsert"}
        assert len({change.key for change in changes}) == source.count
        assert all(change.revision and change.uri and change.readers for change in changes)

    def test_what_is_removed_is_no_longer_listed(self, source):
        source.remove()
        assert [change.kind for change in listing_of(source)] == ["upsert"]


def listing_of(source):
    async def work(made):
        return [change async for change in made.discover(Cursor())]

    return asyncio.run(closing(source.make(), work))


def test_an_item_is_a_page_with_title_link_and_date(site):
    text = "<h2>More</h2><p>Tea &amp; <a href='/x'>cake</a><script>alert(1)</script></p>"
    site.pages["/feed"] = rss(("7", "Tea & cake", text))
    (raw,) = documents(site, readers=("group:kitchen",))
    body = raw.data.decode()
    assert (raw.title, raw.media_type) == ("Tea & cake", "text/html")
    assert raw.uri == f"{site.url}/posts/7"
    assert raw.readers == {"group:kitchen"}
    assert raw.modified_at.isoformat() == "2024-05-06T06:00:00+00:00"
    assert "<h1>Tea &amp; cake</h1>" in body
    assert "<h2>More</h2>" in body
    assert f'href="{site.url}/x"' in body
    assert "alert" not in body


def test_atom_gives_its_content_rather_than_its_summary(site):
    site.pages["/feed"] = (200, XML, ATOM)
    (raw,) = documents(site)
    assert raw.title == "A bold claim"
    assert "<h2>Why</h2>" in raw.data.decode()
    assert "Short." not in raw.data.decode()
    assert raw.uri == "https://example.com/1"
    assert raw.modified_at.isoformat() == "2024-05-06T08:00:00+00:00"


def test_plain_text_is_escaped(site):
    text = ATOM[: ATOM.index("<content")] + "<content>a &lt; b</content></entry></feed>"
    site.pages["/feed"] = (200, XML, text)
    assert b"<p>a &lt; b</p>" in documents(site)[0].data


def test_an_item_fetched_later_is_looked_up_again(site):
    site.pages["/feed"] = rss(("1", "One", "one"), ("2", "Two", "two"))
    key = listing(site)[1].key
    assert fetch(site, key).title == "Two"
    site.pages["/feed"] = rss(("3", "Three", "three"))
    with pytest.raises(DocumentFailed) as caught:
        fetch(site, key)
    assert caught.value.reason == "vanished"
    site.pages.clear()
    with pytest.raises(DocumentFailed) as caught:
        fetch(site, key)
    assert caught.value.reason == "unreachable"


def test_a_listing_and_its_items_are_one_request(site):
    site.pages["/feed"] = rss(("1", "One", "one"), ("2", "Two", "two"))
    assert len(documents(site)) == 2
    assert site.count("/feed") == 1


def test_a_repeated_identifier_is_one_item_the_newest(site):
    site.pages["/feed"] = rss(("1", "New", "new"), ("2", "Two", "two"), ("1", "Old", "old"))
    assert [raw.title for raw in documents(site)] == ["New", "Two"]


def test_the_same_identifier_in_two_feeds_is_two_items(site):
    site.pages |= {"/a": rss(("1", "A", "a")), "/b": rss(("1", "B", "b"))}
    assert [raw.title for raw in documents(site, "/a", "/b")] == ["A", "B"]


def test_items_without_identifier_or_link_are_told_apart_by_their_text(site):
    items = "".join(f"<item><description>text {n}</description></item>" for n in range(3))
    site.pages["/feed"] = (200, XML, f"<rss version='2.0'><channel>{items}</channel></rss>")
    changes = listing(site)
    assert len({change.key for change in changes}) == 3
    assert {change.uri for change in changes} == {f"{site.url}/feed"}


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "http://u:hush@e.x/", "file:///etc/passwd"]
)
def test_a_link_that_is_no_page_is_not_shown(site, link):
    entry = f"<item><guid isPermaLink='false'>1</guid><link>{link}</link><title>t</title></item>"
    site.pages["/feed"] = (200, XML, f"<rss version='2.0'><channel>{entry}</channel></rss>")
    assert listing(site)[0].uri == f"{site.url}/feed"


@pytest.mark.parametrize(
    "answer",
    [(404, {}, ""), (500, {}, ""), (401, {}, ""), (304, {}, ""), (200, {}, ""), (200, {}, SIGN_IN),
     (200, {}, "/etc/passwd"), (200, {}, "https://example.com/feed"), (200, {}, b"\0\xff" * 99)],
)  # fmt: skip
def test_what_is_no_feed_breaks_the_listing(site, answer):
    site.pages["/feed"] = answer
    with pytest.raises(SourceError):
        listing(site)


def test_a_broken_feed_does_not_hold_up_the_others(site):
    site.pages |= {"/a": (500, {}, ""), "/b": rss(("1", "B", "b"))}
    seen = []

    async def work(source):
        async for change in source.discover(Cursor()):
            seen.append(change)

    with pytest.raises(SourceError, match="/a answers 500"):
        asyncio.run(closing(connector(site, "/a", "/b"), work))
    assert [change.kind for change in seen] == ["upsert"]


def test_entities_neither_read_files_nor_swell(site, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hush")
    bomb = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 20}'>" for n in range(1, 9))
    site.pages["/feed"] = (
        200,
        XML,
        f"<!DOCTYPE rss [<!ENTITY x SYSTEM 'file://{secret}'><!ENTITY e0 'boom'>{bomb}]>"
        "<rss version='2.0'><channel><item><guid>1</guid><title>t &x;</title>"
        "<description>&e8;</description></item></channel></rss>",
    )
    for raw in documents(site):
        assert b"hush" not in raw.data
        assert len(raw.data) < 100_000


def test_a_feed_cut_short_gives_what_it_has_and_deletes_nothing(site):
    body = rss(("1", "One", "one"), ("2", "Two", "two"))[2]
    site.pages["/feed"] = (200, XML, body[: body.index("<guid isPermaLink='false'>2")])
    assert listing(site)[0].key == f"{site.url}/feed 1"


def test_a_feed_too_large_is_an_error(site):
    site.pages["/feed"] = rss(("1", "One", "x" * 50_000))
    with pytest.raises(SourceError, match="more than 20,000 bytes"):
        listing(site, max_bytes=20_000)


def test_a_private_feed_is_not_contacted(site):
    site.pages["/feed"] = rss(("1", "One", "one"))
    with pytest.raises(SourceError, match="not a public address"):
        listing(site, networks=())
    with pytest.raises(DocumentRejected) as caught:
        fetch(site, f"{site.url}/feed 1", networks=())
    assert caught.value.reason == "blocked_address"
    assert site.asked == []


def test_credentials_are_sent_and_not_shown(site):
    site.pages["/feed"] = rss(("1", "One", "one"))
    listing(site, authorization="Bearer hush")
    assert site.headers[0]["Authorization"] == "Bearer hush"
    assert "hush" not in repr(connector(site, authorization="Bearer hush").config)


def test_the_form_refuses_what_is_no_address():
    with pytest.raises(ConfigError, match="http or https"):
        plugins.connector("feeds", {"urls": ["feed:x"]})
    assert isinstance(plugins.connector("feeds", {"urls": ["http://a.b"]}), FeedsConnector)


def test_a_missing_extra_is_named(site, monkeypatch):
    site.pages["/feed"] = rss(("1", "One", "one"))
    monkeypatch.setitem(__import__("sys").modules, "feedparser", None)
    with pytest.raises(ConfigError, match=r"ratchet-rag\[feeds\]"):
        listing(site)


@pytest.mark.parametrize("secret", ["Bearer tökén", "Bearer a\r\nX-Other: b", " Bearer a"])
@pytest.mark.parametrize("config", [FeedsConfig, WebConfig])
def test_what_no_header_can_carry_is_told_when_it_is_given(config, secret: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII") as caught:
        config(urls=("http://127.0.0.1/",), authorization=secret)
    assert "Bearer" not in str(caught.value.errors(include_input=False))
