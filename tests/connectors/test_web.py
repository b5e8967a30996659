"""The web connector: its contract, a site as sites really are, and what must not be believed."""

import asyncio
import gzip
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from connectors import _pages, web
from connectors._pages import Kept, normal
from connectors.web import WebConfig, WebConnector
from rag import plugins
from rag.errors import ConfigError, DocumentFailed, DocumentRejected, Forbidden, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change, Cursor, RawDocument

LOOPBACK = ("127.0.0.1/32",)
PROSE = "Everyone who works here has thirty days of leave a year, agreed with the manager. "


def page(title, *links, text=PROSE, head=""):
    anchors = "".join(f'<a href="{link}">{link}</a> ' for link in links)
    return (
        f"<!doctype html><html><head><title>{title}</title>{head}</head><body><nav>{anchors}</nav>"
        f"<main><h1>{title}</h1><p>{text * 3}</p><h2>Details of {title}</h2><p>{text * 2}</p>"
        "</main></body></html>"
    )


class Site:
    """Pages by path: text is HTML; a tuple is (status, headers, body). Counts who asks what."""

    def __init__(self, pages=None):
        self.pages = dict(pages or {})
        self.asked = []
        self.headers = []
        self.url = ""

    def count(self, path):
        return sum(asked == f"GET {path}" for asked in self.asked)

    @contextmanager
    def up(self, host="127.0.0.1"):
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                site.asked.append(f"{self.command} {self.path}")
                site.headers.append(dict(self.headers))
                found = site.pages.get(self.path, (404, {}, "nothing here"))
                found = found() if callable(found) else found
                status, headers, body = found if isinstance(found, tuple) else (200, {}, found)
                body = body.replace("{site}", site.url) if isinstance(body, str) else body
                data = body.encode() if isinstance(body, str) else body
                self.send_response(status)
                for name, value in ({"Content-Type": "text/html"} | headers).items():
                    self.send_header(name, value.replace("{site}", site.url))
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(data)

            do_HEAD = do_GET

            def log_message(self, format, *args):
                """Quiet."""

        server = ThreadingHTTPServer((host, 0), Handler)
        server.daemon_threads = True
        self.url = f"http://{host}:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@pytest.fixture
def site():
    with Site().up() as running:
        yield running


async def at_once(_):
    """Waiting, played."""


def connector(site, sleep=at_once, **config):
    if "urls" not in config and "sitemaps" not in config:
        config["urls"] = ("/",)
    for field in ("urls", "sitemaps"):
        config[field] = tuple(
            path if "://" in path else site.url + path for path in config.get(field, ())
        )
    return WebConnector(WebConfig(networks=LOOPBACK, **({"delay_s": 0} | config)), sleep=sleep)


def listing(site, **config):
    async def run():
        source = connector(site, **config)
        try:
            return [change async for change in source.discover(Cursor())]
        finally:
            await source.aclose()

    return asyncio.run(run())


def check(source):
    async def run():
        try:
            return await source.check()
        finally:
            await source.aclose()

    return asyncio.run(run())


def paths(site, changes, kind="upsert"):
    return [change.uri.removeprefix(site.url) for change in changes if change.kind == kind]


def complete(changes):
    return changes[-1].kind == "complete"


def fetch(site, path, **config):
    async def run():
        source = connector(site, **config)
        try:
            key = site.url + path
            return await source.fetch(Change(kind="upsert", key=key, uri=key, revision="x"))
        finally:
            await source.aclose()

    return asyncio.run(run())


class TestWebContract(ConnectorContract):
    @pytest.fixture
    def source(self, site):
        site.pages = {
            "/": page("Home", "/leave", "/pay"),
            "/leave": page("Leave"),
            "/pay": page("Pay"),
            "/plain.txt": (200, {"Content-Type": "text/plain"}, "plain text"),
            "/sitemap.xml": sitemap("/plain.txt"),
        }

        def remove():
            del site.pages["/leave"]

        def broken():
            site.pages = {"/robots.txt": (503, {}, "")}

        return ConnectorSource(
            make=lambda: connector(site, urls=("/",), sitemaps=("/sitemap.xml",)),
            count=4,
            edit=lambda: site.pages.update({"/pay": page("Pay", text="Less than before. " * 9)}),
            remove=remove,
            broken=broken,
            expected=frozenset({b"plain text"}),
        )


def sitemap(*paths, nested=False):
    kind, entry = ("sitemapindex", "sitemap") if nested else ("urlset", "url")
    body = "".join(
        f"<{entry}><loc>{path if '://' in path else '{site}' + path}</loc></{entry}>"
        for path in paths
    )
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return (
        200,
        {"Content-Type": "application/xml"},
        f'<?xml version="1.0" encoding="UTF-8"?><{kind} xmlns="{space}">{body}</{kind}>',
    )


def test_a_page_is_delivered_as_its_text_with_title_and_headings(site):
    site.pages["/leave"] = (
        200,
        {"Last-Modified": "Wed, 01 May 2024 10:00:00 GMT", "Content-Type": "text/html"},
        page("Leave policy", "/menu/entry"),
    )
    raw = fetch(site, "/leave", readers=("group:hr",))
    text = raw.data.decode()
    assert (raw.title, raw.media_type, raw.name) == ("Leave policy", "text/html", "leave.html")
    assert "<h1>Leave policy</h1>" in text
    assert "<h2>Details of Leave policy</h2>" in text
    assert "thirty days" in text
    assert "menu/entry" not in text
    assert raw.modified_at.isoformat() == "2024-05-01T10:00:00+00:00"


@pytest.mark.parametrize(
    ("headers", "body"),
    [({"Content-Type": "text/html; charset=iso-8859-1"}, page("Caf\xe9").encode("latin-1")),
     ({"Content-Type": "text/html"}, page("Caf\xe9").encode()),
     ({"Content-Type": "text/html; charset=nonsense"}, page("Caf\xe9").encode()),
     ({"Content-Type": "text/html; charset=utf-8"},
      page("Caf\xe9", head='<meta charset="iso-8859-1">').encode("latin-1"))],
)  # fmt: skip
def test_a_page_keeps_its_letters_in_any_charset(site, headers, body):
    site.pages["/"] = (200, headers, body)
    raw = fetch(site, "/")
    assert raw.title == "Café"
    assert "Café" in raw.data.decode()


def test_a_short_page_without_main_text_is_delivered_as_it_is(site):
    site.pages["/"] = "<html><body><ul><li>Opening hours: 9 to 5</li></ul></body></html>"
    assert b"Opening hours: 9 to 5" in fetch(site, "/").data


def test_a_page_too_long_to_search_is_delivered_whole_and_still_leads_on(site, monkeypatch):
    monkeypatch.setattr(_pages, "LARGEST_EXTRACT", 100)
    site.pages |= {"/": page("Home", "/a") + "<script>x()</script>", "/a": page("A")}
    assert paths(site, listing(site)) == ["/", "/a"]
    raw = fetch(site, "/")
    assert raw.title == "Home"
    assert b"/a" in raw.data
    assert b"x()" not in raw.data


def test_nesting_without_end_and_empty_pages_hold_nobody_up(site):
    site.pages["/deep"] = "<html><body>" + "<div>" * 50_000 + "deep text</body></html>"
    site.pages["/comment"] = "<!-- nothing -->"
    site.pages["/empty"] = ""
    site.pages["/"] = page("Home", "/deep", "/comment", "/empty")
    assert paths(site, listing(site)) == ["/", "/deep", "/comment", "/empty"]


def test_a_revision_ignores_what_changes_on_a_page_that_stays(site):
    numbers = iter(range(100))
    site.pages["/"] = lambda: page(
        "Home", f"/?utm_source={next(numbers)}", head=f"<meta name=csrf content={next(numbers)}>"
    )
    assert listing(site) == listing(site)


def test_types_are_judged_by_what_comes(site):
    site.pages |= {
        "/": page("Home", "/a.pdf", "/b", "/c.pdf", "/d"),
        "/a.pdf": (200, {"Content-Type": "text/html"}, b"%PDF-1.7 binary \0"),
        "/b": (200, {"Content-Type": "application/pdf"}, page("B")),
        "/c.pdf": (200, {"Content-Type": "application/pdf"}, b"%PDF-1.7"),
        "/d": (200, {"Content-Type": "image/png"}, b"\x89PNG"),
    }
    changes = listing(site)
    assert paths(site, changes) == ["/", "/a.pdf", "/b", "/c.pdf"]
    assert paths(site, changes, "skipped") == ["/d"]
    assert fetch(site, "/a.pdf").data.startswith(b"%PDF")
    assert b"<h1>B</h1>" in fetch(site, "/b").data
    assert fetch(site, "/c.pdf").media_type == "application/pdf"


def test_a_file_with_a_tag_is_listed_without_being_read(site):
    tag = {"Content-Type": "application/pdf", "ETag": '"v1"'}
    site.pages |= {"/": page("Home", "/a.pdf"), "/a.pdf": (200, tag, b"%PDF-1")}
    before = listing(site)
    assert site.count("/a.pdf") == 0
    site.pages["/a.pdf"] = (200, tag | {"ETag": '"v2"'}, b"%PDF-1")
    assert listing(site)[1].revision != before[1].revision
    site.pages["/a.pdf"] = (200, tag | {"ETag": 'W/"v2"'}, b"%PDF-1")
    listing(site)
    assert site.count("/a.pdf") == 1


def test_what_was_listed_is_not_asked_for_again(site):
    site.pages |= {"/": page("Home", "/a"), "/a": page("A")}

    async def run():
        source = connector(site)
        changes = [change async for change in source.discover(Cursor())]
        raws = [await source.fetch(change) for change in changes if change.kind == "upsert"]
        await source.aclose()
        return raws

    assert [raw.title for raw in asyncio.run(run())] == ["Home", "A"]
    assert (site.count("/"), site.count("/a")) == (1, 1)


def test_kept_pages_are_bounded_and_asked_for_again_beyond():
    kept = Kept(most=1000)
    for key in ("a", "b", "b", "c"):
        kept.put(RawDocument(key=key, uri=key, name=key, data=b"x" * 400))
    assert kept.bytes == 800
    assert kept.take("a") is None
    assert kept.take("b").key == "b"
    assert kept.take("b") is None
    assert kept.bytes == 400
    kept.put(RawDocument(key="d", uri="d", name="d", data=b"x" * 1001))
    assert (kept.bytes, kept.take("c"), kept.take("d")) == (0, None, None)


# --- where a crawl goes -----------------------------------------------------------------------


def test_a_crawl_stays_on_its_site_and_within_its_depth(site):
    with Site({"/": page("Elsewhere")}).up("127.0.0.2") as other:
        site.pages |= {
            "/": page("Home", "/one", f"{other.url}/", "mailto:a@b", "javascript:x()", "//[bad"),
            "/one": page("One", "two#part"),
            "/two": page("Two", "/three"),
            "/three": page("Three"),
        }
        changes = listing(site, max_depth=2)
        assert paths(site, changes) == ["/", "/one", "/two"]
        assert complete(changes)
        assert other.asked == []


def test_patterns_choose_pages_and_a_start_page_may_lead_to_them(site):
    site.pages |= {
        "/": page("Home", "/docs/a", "/docs/old/b", "/blog/c"),
        "/docs/a": page("A"),
        "/docs/old/b": page("B"),
        "/blog/c": page("C"),
    }
    for include in ("/docs/**", "/docs/**/?"):
        changes = listing(site, include=(include,), exclude=("/docs/old/**",))
        assert paths(site, changes) == ["/docs/a"]
        assert complete(changes)
    assert site.count("/blog/c") == site.count("/docs/old/b") == 0


def test_robots_are_obeyed_also_where_a_redirect_leads(site):
    site.pages |= {
        "/robots.txt": (200, {}, "User-agent: Ratchet\nDisallow: /private\nCrawl-delay: 2"),
        "/": page("Home", "/private/a", "/open"),
        "/open": (302, {"Location": "/private/b"}, ""),
        "/private/a": page("A"),
        "/private/b": page("B"),
    }
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)

    changes = listing(site, sleep=sleep)
    assert paths(site, changes) == ["/"]
    assert paths(site, changes, "skipped") == ["/private/a", "/private/b"]
    assert site.count("/private/a") == 0
    assert max(pauses) > 1


def test_a_start_that_robots_disallow_is_said_so(site):
    site.pages |= {"/robots.txt": (200, {}, "User-agent: *\nDisallow: /"), "/": page("Home")}
    with pytest.raises(SourceError, match="disallows"):
        listing(site)
    with pytest.raises(SourceError, match="disallows"):
        check(connector(site))
    assert site.count("/") == 0


@pytest.mark.parametrize("status", [429, 500, 503])
def test_no_robots_no_crawl(site, status):
    site.pages |= {"/robots.txt": (status, {}, ""), "/": page("Home")}
    with pytest.raises(SourceError, match=r"robots\.txt"):
        listing(site)
    assert site.count("/") == 0


def test_requests_to_a_host_are_apart(site):
    site.pages |= {"/": page("Home", "/a"), "/a": page("A")}
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)

    listing(site, sleep=sleep, delay_s=50)
    assert len(pauses) == 3
    assert all(pause > 40 for pause in pauses)


def test_noindex_and_nofollow_are_obeyed(site):
    site.pages |= {
        "/": page("Home", "/meta", "/header", "/nofollow", "/none"),
        "/meta": page("M", head='<meta name="robots" content="noindex, max-snippet:1">'),
        "/header": (200, {"X-Robots-Tag": "noindex"}, page("H")),
        "/nofollow": page("N", "/hidden", head='<meta name="robots" content="nofollow">'),
        "/none": page("0", "/hidden", head='<meta name="robots" content="none">'),
        "/hidden": page("Hidden"),
    }
    changes = listing(site)
    assert paths(site, changes) == ["/", "/nofollow"]
    assert site.count("/hidden") == 0


# --- sitemaps ---------------------------------------------------------------------------------


def test_sitemaps_nested_zipped_and_repeated(site):
    zipped = sitemap("/b", "/a")[2]
    site.pages |= {
        "/index.xml": sitemap("/one.xml", "/two.xml.gz", "/index.xml", nested=True),
        "/one.xml": sitemap("/a", "http://127.0.0.9/elsewhere"),
        "/two.xml.gz": lambda: (
            200,
            {},
            gzip.compress(zipped.replace("{site}", site.url).encode()),
        ),
        "/a": page("A", "/c"),
        "/b": page("B"),
        "/c": page("C"),
    }
    changes = listing(site, sitemaps=("/index.xml",))
    assert paths(site, changes) == ["/a", "/b"]
    assert complete(changes)
    assert site.count("/c") == 0


def test_a_plain_list_is_a_sitemap(site):
    site.pages |= {"/list.txt": (200, {}, "{site}/a\n{site}/b\n"), "/a": page("A"), "/b": page("B")}
    assert paths(site, listing(site, sitemaps=("/list.txt",))) == ["/a", "/b"]


@pytest.mark.parametrize(
    "answer",
    [(404, {}, ""), (500, {}, ""), (200, {}, "<html><form>Sign in</form></html>"),
     (200, {}, ""), (200, {}, "hello"), (200, {}, b"\x1f\x8bnonsense"),
     (200, {}, sitemap("/a", "/b")[2][:-20]), (200, {}, gzip.compress(b"<urlset>")[:20]),
     (200, {}, '<!DOCTYPE x [<!ENTITY a "b">]><urlset>&a;</urlset>')],
)  # fmt: skip
def test_a_sitemap_that_is_damaged_lists_nothing(site, answer):
    site.pages |= {"/sitemap.xml": answer, "/a": page("A")}
    with pytest.raises(SourceError):
        listing(site, sitemaps=("/sitemap.xml",))
    assert site.count("/a") == 0


def test_a_zipped_sitemap_may_not_swell(site):
    site.pages["/s.xml.gz"] = (200, {}, gzip.compress(bytes(30_000_000)))
    with pytest.raises(SourceError, match="more than"):
        listing(site, sitemaps=("/s.xml.gz",), max_bytes=1_000_000)


# --- one page, many addresses; one address, many pages ----------------------------------------


@pytest.mark.parametrize(
    ("url", "one"),
    [("HTTP://Example.com:80", "http://example.com/"), ("http://e.x/a#b", "http://e.x/a"),
     ("https://e.x:443/?utm_source=a&b=1&gclid=2", "https://e.x/?b=1"),
     ("http://e.x/a;jsessionid=1F?PHPSESSID=2", "http://e.x/a"),
     ("http://e.x/ä b?q=ü", "http://e.x/%C3%A4%20b?q=%C3%BC"), ("http://e.x/%41", "http://e.x/%41"),
     ("http://bücher.x/", "http://xn--bcher-kva.x/"), ("http://[::1]:8080/", "http://[::1]:8080/"),
     ("ftp://e.x/", None), ("http://u:p@e.x/", None), ("http://e.x:99999/", None), ("//[x", None),
     ("mailto:a@b", None), ("", None), ("http://" + "a" * 64 + ".x/", None)],
)  # fmt: skip
def test_one_spelling_per_page(url, one):
    assert normal(url) == one
    assert one is None or normal(one) == one


def test_a_canonical_page_stands_for_its_copies(site):
    head = '<link rel="canonical" href="/leave">'
    site.pages |= {
        "/": page("Home", "/print/leave", "/copy", "/other"),
        "/print/leave": page("Leave", head=head),
        "/copy": page("Leave", head=head),
        "/leave": page("Leave", head=head),
        "/other": page("Other", head=head),
    }
    changes = listing(site)
    # What names another page but reads differently is a page of its own: the name was a mistake.
    assert sorted(paths(site, changes)) == ["/", "/leave", "/other"]
    assert sorted(paths(site, changes, "skipped")) == ["/copy", "/print/leave"]
    assert complete(changes)


def test_redirects_and_parameters_make_no_second_document(site):
    site.pages |= {
        "/": page("Home", "/old", "/new", "/new?lang=", "/new?sort=1", "/new#top"),
        "/old": (301, {"Location": "/new"}, ""),
        "/new": page("New"),
        "/new?lang=": page("New"),
        "/new?sort=1": page("New"),
    }
    changes = listing(site)
    assert paths(site, changes) == ["/", "/new"]
    assert complete(changes)


def test_private_hosts_are_not_reached_by_what_a_page_says(site):
    with Site({"/": page("Secret")}).up("127.0.0.2") as private:
        head = (
            f'<link rel="canonical" href="{private.url}/">'
            f'<meta http-equiv="refresh" content="0; url={private.url}/">'
            f'<base href="{private.url}/">'
        )
        site.pages |= {
            "/": page("Home", f"{site.url}/jump", f"{site.url}/refresh"),
            "/jump": (302, {"Location": f"{private.url}/"}, ""),
            "/refresh": page("Refresh", "relative", head=head),
        }
        changes = listing(site)
        assert sorted(paths(site, changes)) == ["/", "/jump", "/refresh"]
        with pytest.raises(DocumentRejected) as caught:
            fetch(site, "/jump")
        assert caught.value.reason == "blocked_address"
        assert private.asked == []


def test_a_private_start_is_refused():
    source = WebConnector(WebConfig(urls=("http://127.0.0.1:9/",)))
    with pytest.raises(Forbidden):
        check(source)


# --- traps and limits -------------------------------------------------------------------------


def test_a_calendar_without_end_meets_the_page_limit_and_deletes_nothing(site):
    months = Counter()

    def month():
        months["n"] += 1
        return page(f"Month {months['n']}", f"/cal/{months['n']}")

    site.pages |= {"/": page("Home", "/cal/0")} | {f"/cal/{n}": month for n in range(99)}
    changes = listing(site, max_pages=20, max_depth=50)
    assert len(paths(site, changes)) == 20
    assert changes[-1].reason == "page limit reached here"
    assert not complete(changes)


def test_exactly_as_many_pages_as_the_limit_is_complete(site):
    site.pages |= {"/": page("Home", "/a", "/b"), "/a": page("A", "/"), "/b": page("B", "/a")}
    assert complete(listing(site, max_pages=3))
    assert not complete(listing(site, max_pages=2))


def test_filters_without_end_are_cut_and_delete_nothing(site, monkeypatch):
    monkeypatch.setattr(web, "VARIANTS", 5)
    site.pages["/"] = page("Home", "/last", *(f"/shop?filter={n}" for n in range(50)))
    site.pages["/last"] = page("Last")
    site.pages |= {f"/shop?filter={n}": page(f"Shop {n}") for n in range(50)}
    changes = listing(site)
    assert len(paths(site, changes)) == 7
    assert not complete(changes)


def test_paths_that_repeat_or_never_end_are_not_followed(site):
    site.pages |= {
        "/": page("Home", "/a/b/a/b/a/b/a/", "/" + "x" * 2100, "/x" * 3, "/" + "q/" * 25,
                  "/logo.png", "/s?session_id=1"),
        "/x/x/x": page("X"), "/s": page("S"),
    }  # fmt: skip
    changes = listing(site)
    assert paths(site, changes) == ["/", "/x/x/x", "/s"]
    assert complete(changes)


def test_a_page_too_large_is_rejected_and_the_rest_is_read(site):
    site.pages |= {"/": page("Home", "/big", "/a"), "/big": "x" * 50_000, "/a": page("A")}
    changes = listing(site, max_bytes=20_000)
    assert sorted(paths(site, changes)) == ["/", "/a", "/big"]
    with pytest.raises(DocumentRejected) as caught:
        fetch(site, "/big", max_bytes=20_000)
    assert caught.value.reason == "too_large"


# --- pages that are gone, hidden or failing ---------------------------------------------------


@pytest.mark.parametrize("status", [404, 410])
def test_gone_is_believed_the_second_time(site, status):
    answers = iter([(status, {}, ""), page("Back")])
    site.pages |= {
        "/": page("Home", "/gone", "/flicker"),
        "/gone": (status, {}, ""),
        "/flicker": lambda: next(answers),
    }
    changes = listing(site)
    assert paths(site, changes) == ["/", "/flicker"]
    assert complete(changes)
    assert site.count("/gone") == 2


def test_a_start_page_that_is_gone_deletes_nothing(site):
    site.pages |= {"/a": page("A", "/b"), "/b": page("B")}
    changes = listing(site, urls=("/a", "/missing"))
    assert paths(site, changes, "failed") == ["/missing"]
    assert not complete(changes)
    alone = listing(site, urls=("/a", "/missing"), max_depth=0)
    assert paths(site, alone) == ["/a"]
    assert complete(alone)
    with pytest.raises(SourceError, match="No page could be read"):
        listing(site, urls=("/missing",))


def test_a_start_page_that_is_empty_deletes_nothing(site):
    site.pages |= {"/": " ", "/a": page("A", "/b"), "/b": page("B")}
    changes = listing(site, urls=("/", "/a"))
    assert paths(site, changes, "failed") == ["/"]
    assert not complete(changes)


def test_not_found_said_with_a_200_is_gone(site):
    missing = "<html><body><h1>Sorry</h1><p>There is nothing at this address.</p></body></html>"
    site.pages |= {
        web._NO_SUCH_PAGE: missing,
        "/": page("Home", "/gone", "/a"),
        "/gone": missing,
        "/a": page("A"),
    }
    changes = listing(site)
    assert paths(site, changes) == ["/", "/a"]
    assert complete(changes)


@pytest.mark.parametrize("status", [401, 403, 451, 500, 204])
def test_a_page_that_fails_keeps_the_listing_from_completing(site, status):
    site.pages |= {"/": page("Home", "/a", "/bad"), "/bad": (status, {}, ""), "/a": page("A")}
    changes = listing(site)
    assert paths(site, changes) == ["/", "/a"]
    assert paths(site, changes, "failed") == ["/bad"]
    assert not complete(changes)
    with pytest.raises(DocumentFailed) as caught:
        fetch(site, "/bad")
    assert caught.value.reason == ("auth_error" if status in (401, 403) else f"http_{status}")


def test_a_busy_host_is_asked_again_when_it_says(site):
    answers = iter([(429, {"Retry-After": "7"}, ""), (503, {}, ""), page("Home")])
    site.pages["/"] = lambda: next(answers)
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)

    changes = listing(site, sleep=sleep)
    assert paths(site, changes) == ["/"]
    assert [pause for pause in pauses if pause >= 1] == [7, 4]


def test_a_site_that_stops_answering_ends_the_listing(site):
    site.pages["/"] = page("Home", *(f"/{n}" for n in range(50)))
    site.pages |= {f"/{n}": (500, {}, "") for n in range(50)}
    with pytest.raises(SourceError, match="10 pages in a row"):
        listing(site)


SIGN_IN = "<html><body><form>Sign in <input type='password' name='p'></form></body></html>"


def test_a_sign_in_page_is_no_content(site):
    site.pages |= {
        "/": page("Home", "/account", "/wiki", "/login"),
        "/login": SIGN_IN,
        "/account": (302, {"Location": "/login?next=/account"}, ""),
        "/login?next=/account": SIGN_IN,
        "/wiki": SIGN_IN,
    }
    changes = listing(site)
    assert paths(site, changes) == ["/"]
    assert sorted(paths(site, changes, "failed")) == ["/account", "/wiki"]
    assert {one.reason for one in changes if one.kind == "failed"} == {"auth_error"}
    for path in ("/account", "/wiki"):
        with pytest.raises(DocumentFailed) as caught:
            fetch(site, path)
        assert caught.value.reason == "auth_error"


def test_a_site_behind_a_sign_in_deletes_nothing(site):
    site.pages |= {
        "/": (302, {"Location": "/sso/start"}, ""),
        "/sso/start": SIGN_IN,
        "/sitemap.xml": sitemap("/"),
    }
    for config in ({"urls": ("/",)}, {"sitemaps": ("/sitemap.xml",)}):
        with pytest.raises(SourceError, match="auth_error"):
            listing(site, **config)
    with pytest.raises(SourceError, match="auth_error"):
        check(connector(site))


def test_a_page_that_merely_offers_to_sign_in_is_content(site):
    form = "<form><input type='password'></form>"
    site.pages["/"] = page("Home", text=PROSE * 10).replace("</nav>", f"</nav>{form}")
    assert paths(site, listing(site)) == ["/"]


def test_credentials_go_to_the_configured_sites_alone(site):
    with Site({"/x": page("X")}).up() as other:
        site.pages |= {
            "/": page("Home", "/jump"),
            "/jump": (302, {"Location": f"{other.url}/x"}, ""),
        }
        changes = listing(site, authorization="Bearer hush")
        assert paths(site, changes, "skipped") == ["/jump"]
        assert site.headers[-1]["Authorization"] == "Bearer hush"
        assert all("Authorization" not in headers for headers in other.headers)
    assert "hush" not in repr(connector(site, authorization="Bearer hush").config)


def test_a_site_that_moved_is_followed_from_its_start(site):
    with Site({"/": page("Home", "/a"), "/a": page("A")}).up() as moved:
        site.pages["/"] = (301, {"Location": f"{moved.url}/"}, "")
        assert paths(moved, listing(site, authorization="Bearer hush")) == ["/", "/a"]
        assert "/a" in str(moved.asked)
        assert all("Authorization" not in headers for headers in moved.headers)


def test_configuration_that_reads_nothing_is_refused():
    with pytest.raises(ConfigError, match="at least one page"):
        plugins.connector("web", {})
    with pytest.raises(ConfigError, match="http or https"):
        plugins.connector("web", {"urls": ["file:///etc/passwd"]})
    with pytest.raises(ConfigError, match="CIDR"):
        plugins.connector("web", {"urls": ["http://a.b"], "networks": ["intranet"]})
    assert isinstance(plugins.connector("web", {"urls": ["http://a.b"]}), WebConnector)


def test_a_missing_extra_is_named(site, monkeypatch):
    site.pages["/"] = page("Home")
    monkeypatch.setitem(__import__("sys").modules, "trafilatura", None)
    with pytest.raises(ConfigError, match=r"ratchet-rag\[web\]"):
        fetch(site, "/")
