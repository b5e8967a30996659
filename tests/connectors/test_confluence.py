"""The Confluence connector, Cloud and Server, against a server on loopback that answers by
Atlassian's published schema."""

import pytest
from pydantic import ValidationError

from connectors.confluence import ConfluenceConfig, ConfluenceConnector
from rag.errors import SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from tests.connectors.cases import SECRET, Made, VendorCases, fetched, listing, waits
from tests.connectors.vendor import LOOPBACK, Vendor

__all__ = ["waits"]


class Confluence:
    """The pages of the space HR, which a test changes; `most` are on a page of the listing."""

    def __init__(self, deployment):
        self.pages, self.hidden, self.most, self.known = {}, {}, 100, True
        self.cloud = deployment == "cloud"
        self.spaces = ["HR"]

    def put(self, number, version=1, users=(), groups=(), above=(), kind="page", **fields):
        person = "accountId" if self.cloud else "username"
        found = [user if isinstance(user, dict) else {person: user} for user in users]
        self.pages[number] = {
            "id": str(number), "type": kind, "status": "current", "title": f"Title {number}",
            "version": {"number": version, "when": "2024-05-01T10:00:00.000+02:00"},
            "ancestors": [{"id": str(one)} for one in above],
            "restrictions": {"read": {"operation": "read", "restrictions": {
                "user": {"results": found}, "group": {"results": [{"name": g} for g in groups]}}}},
            "space": {"key": "HR", "name": "People"},
            "body": {"export_view": {"value": f"<p>Text {number}, {version}.</p>"}},
            "_links": {"webui": f"/spaces/HR/pages/{number}"}, **fields,
        }  # fmt: skip
        if kind == "blogpost":
            del self.pages[number]["ancestors"]

    def answer(self, asked):
        match asked.path.removeprefix("/wiki").split("/")[1:]:
            case ["rest", "api", "user", "current"]:
                return 200, {}, {"type": "known" if self.known else "anonymous"}
            case ["api", "v2", "spaces"] | ["rest", "api", "space"]:
                wanted = asked.query["keys" if self.cloud else "spaceKey"]
                return 200, {}, {"results": [{"key": k} for k in self.spaces if k == wanted]}
            case ["rest", "api", "content", "search"]:
                return self.search(asked)
            case ["rest", "api", "content", id] if int(id) in self.pages | self.hidden:
                return 200, {}, (self.pages | self.hidden)[int(id)]
        return 404, {}, {"statusCode": 404, "message": "No content found"}

    def search(self, asked):
        assert asked.query["cql"] == (
            'space in ("HR") and type in (page, blogpost) order by created asc'
        )
        start = int(asked.query.get("cursor" if self.cloud else "start", "0"))
        found, end = list(self.pages.values()), start + self.most
        named = f"next=true&cursor={end}" if self.cloud else f"start={end}"
        following = {"next": f"http://elsewhere.example/x?{named}&cql=other"}
        return 200, {}, {"results": found[start:end], "limit": self.most,
                         "_links": following if end < len(found) else {}}  # fmt: skip


@pytest.fixture(params=["cloud", "server"])
def deployment(request):
    return request.param


@pytest.fixture
def confluence(deployment):
    return Confluence(deployment)


@pytest.fixture
def vendor(confluence):
    confluence.put(1)
    confluence.put(2, kind="blogpost")
    with Vendor(confluence.answer).up() as running:
        yield running


@pytest.fixture
def make(vendor, deployment):
    def connector(**config):
        given = {
            "url": vendor.url, "deployment": deployment, "token": SECRET, "spaces": ("HR",),
            "networks": LOOPBACK, **({"username": "ada@acme.com"} if deployment == "cloud" else {}),
        }  # fmt: skip
        return ConfluenceConnector(ConfluenceConfig.model_validate(given | config))

    return connector


@pytest.fixture
def made(vendor, make, deployment):
    base = "/wiki/rest/api/content" if deployment == "cloud" else "/rest/api/content"
    return Made(vendor, make, f"{base}/search", f"{base}/1")


def readers(connector):
    return {one.key: set(one.readers) for one in listing(connector) if one.kind == "upsert"}


class TestContract(ConnectorContract):
    @pytest.fixture
    def source(self, confluence, vendor, make):
        return ConnectorSource(
            make=make,
            count=2,
            edit=lambda: confluence.put(1, version=2),
            remove=lambda: confluence.pages.pop(1),
            broken=lambda: setattr(vendor, "answer", lambda _: (404, {}, {})),
        )


class TestRefusals(VendorCases):
    """See cases.py."""


def test_a_page_is_html_with_its_title_space_and_date(make, vendor, confluence):
    raw = fetched(make())[0]
    base = f"{vendor.url}/wiki" if confluence.cloud else vendor.url
    assert (raw.key, raw.uri, raw.title) == ("1", f"{base}/spaces/HR/pages/1", "Title 1")
    assert raw.modified_at.isoformat() == "2024-05-01T08:00:00+00:00"
    assert raw.media_type == "text/html"
    text = raw.data.decode()
    assert "<h1>Title 1</h1>\n<p>Space: People · Updated: 2024-05-01</p>\n<p>Text 1, 1.</p>" in text


def test_all_pages_are_read_and_a_link_leads_nowhere_else(make, vendor, confluence):
    confluence.most = 3
    for number in range(3, 12):
        confluence.put(number)
    assert [one.key for one in listing(make())][:-1] == [str(n) for n in range(1, 12)]


def test_restrictions_become_readers(make, confluence):
    confluence.put(3, users=("bob",), groups=("hr", "Board Members"))
    confluence.put(4, users=({"accountId": "a-9", "email": "Eve@Acme.com"},))
    assert readers(make(readers=("group:staff",))) == {
        "1": {"group:staff"},
        "2": {"group:staff"},
        "3": {"user:bob", "group:hr", "group:Board Members"},
        "4": {"user:a-9", "user:eve@acme.com"},
    }
    (raw,) = [one for one in fetched(make()) if one.key == "3"]
    assert raw.readers == {"user:bob", "group:hr", "group:Board Members"}


def test_a_restriction_added_later_counts_though_the_version_is_the_same(make, confluence):
    before = listing(make())
    confluence.put(1, groups=("hr",))
    after = listing(make(), before[-1].cursor)
    assert (before[0].revision, before[0].readers) == ("1", {"everyone"})
    assert (after[0].revision, after[0].readers) == ("1", {"group:hr"})


def test_a_page_is_for_whom_it_and_every_page_above_it_names(make, confluence):
    confluence.put(3, users=("ada", "bob"), groups=("hr",))
    confluence.put(4, above=(1, 3))
    confluence.put(5, above=(1, 3, 4), users=("bob", "eve"))
    assert readers(make())["4"] == {"user:ada", "user:bob", "group:hr"}
    assert readers(make())["5"] == {"user:bob"}


def test_a_page_moved_below_a_newer_one_waits_for_it(make, confluence):
    confluence.put(3, above=(4,))
    confluence.put(4, groups=("hr",))
    assert readers(make())["3"] == {"group:hr"}


def test_a_page_above_that_is_not_listed_is_asked_for(make, vendor, confluence, made):
    confluence.put(3, above=(90,))
    confluence.put(4, above=(90,))
    confluence.put(90, groups=("hr",))
    confluence.hidden[90] = confluence.pages.pop(90)
    assert readers(make())["3"] == readers(make())["4"] == {"group:hr"}
    assert vendor.count(made.document.replace("/1", "/90")) == 2


def test_what_nobody_may_read_goes(make, confluence):
    confluence.put(3, users=("bob",))
    confluence.put(4, users=("eve",), above=(3,))
    confluence.put(5, above=(404,))
    gone = [(one.key, one.kind) for one in listing(make()) if one.kind != "upsert"]
    assert gone == [("4", "delete"), ("5", "delete"), ("", "complete")]


def test_a_page_whose_restrictions_are_not_told_breaks_the_listing(make, confluence):
    confluence.put(1, restrictions={})
    with pytest.raises(SourceError, match="not its interface"):
        listing(make())


def test_a_token_that_no_longer_counts_is_no_empty_listing(make, confluence):
    confluence.known = False
    confluence.pages.clear()
    with pytest.raises(SourceError, match="auth_error"):
        listing(make())


def test_a_space_that_is_not_seen_any_more_is_no_empty_listing(make, confluence):
    confluence.spaces, confluence.pages = [], {}
    with pytest.raises(SourceError, match="no space HR"):
        listing(make())


@pytest.mark.parametrize("deployment", ["server"], indirect=True)
def test_a_page_that_vanishes_while_others_are_listed_breaks_the_listing(make, vendor, confluence):
    confluence.most = 3
    for number in range(3, 12):
        confluence.put(number)
    answer = confluence.answer

    def answering(asked):
        reply = answer(asked)
        if asked.query.get("start") == "2":
            confluence.pages.pop(1, None)
        return reply

    vendor.answer = answering
    with pytest.raises(SourceError, match="changed while it was read"):
        listing(make())


@pytest.mark.parametrize(
    "config",
    [{"spaces": ()}, {"spaces": ('A") or type = page',)}, {"include": ("comment",)},
     {"url": "http://example.com"}],
)  # fmt: skip
def test_a_config_that_cannot_be_meant_is_refused(make, config):
    with pytest.raises(ValidationError):
        make(**config)
