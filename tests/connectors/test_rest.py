"""The REST connector, with every way of paging, against a server on loopback."""

import json
from urllib.parse import urlencode

import pytest
from pydantic import ValidationError

from connectors.rest import RestConfig, RestConnector
from rag.errors import ConfigError, DocumentFailed, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from tests.connectors.cases import SECRET, Made, VendorCases, closing, fetched, listing, waits
from tests.connectors.vendor import LOOPBACK, Vendor

__all__ = ["waits"]
PATH = "/v1/articles"
WAYS = {
    "none": {"items": "$"},
    "link_header": {"items": "$"},
    "next_url": {"items": "data.items", "paging_path": "links.next"},
    "cursor": {"items": "data.items", "paging_path": "meta.cursor", "paging_param": "after"},
    "offset": {"items": "data.items", "paging_param": "skip", "page_size": 3},
    "page": {"items": "data.items", "paging_param": "p", "page_size": 3},
}


class Shop:
    """Articles that a test changes; `most` are on a page, in the way of paging under test."""

    def __init__(self, way):
        self.way, self.articles, self.most, self.url = way, {}, 3, ""

    def put(self, number, changed="2024-05-01T10:00:00Z", body="Text.", **fields):
        self.articles[number] = {
            "id": number, "name": f"Title {number}", "changed": changed,
            "body": [{"text": body}, {"text": "More."}],
            "link": f"https://shop.example/{number}", **fields,
        }  # fmt: skip

    def answer(self, asked):
        if asked.path != PATH:
            number = int(asked.path.removeprefix(f"{PATH}/"))
            found = self.articles.get(number)
            return (200, {}, found) if found else (404, {}, {"error": "gone"})
        found = [one for one in self.articles.values()
                 if one["changed"] >= asked.query.get("since", "")]  # fmt: skip
        start = int(asked.query.get("after") or asked.query.get("skip") or 0)
        if self.way == "page":
            start = (int(asked.query["p"]) - 1) * self.most
        if self.way == "none":
            return 200, {}, found
        size = min(self.most, int(asked.query.get("limit", self.most)))
        page, end = found[start : start + size], start + size
        following = f"{self.url}{PATH}?{urlencode(asked.query | {'after': end})}"
        more = end < len(found)
        if self.way == "link_header":
            return 200, {"Link": f'<{following}>; rel="next"'} if more else {}, page
        return 200, {}, {"data": {"items": page}, "meta": {"cursor": str(end) if more else ""},
                         "links": {"next": following if more else None}}  # fmt: skip


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


@pytest.fixture
def shop(way):
    return Shop(way)


@pytest.fixture
def vendor(shop):
    shop.put(1)
    shop.put(2, "2024-05-02T10:00:00Z")
    with Vendor(shop.answer).up() as running:
        shop.url = running.url
        yield running


@pytest.fixture
def make(vendor, way):
    def connector(**config):
        given = {
            "url": f"{vendor.url}/v1", "path": "articles", "auth": "bearer", "secret": SECRET,
            "title": "name", "text": "body[*].text", "uri": "link", "modified": "changed",
            "paging": way, "networks": LOOPBACK, **WAYS[way],
        }  # fmt: skip
        return RestConnector(RestConfig.model_validate(given | config))

    return connector


@pytest.fixture
def detailed(make):
    return lambda **config: make(**{"detail": "articles/{key}", **config})


@pytest.fixture
def made(vendor, detailed):
    return Made(vendor, detailed, PATH, f"{PATH}/1")


one_way = pytest.mark.parametrize("way", ["next_url"], indirect=True)


class TestContract(ConnectorContract):
    @pytest.fixture
    def source(self, shop, vendor, make):
        for number in range(3, 8):
            shop.put(number)
        return ConnectorSource(
            make=make,
            count=7,
            edit=lambda: shop.put(1, body="Edited."),
            remove=lambda: shop.articles.pop(1),
            broken=lambda: setattr(vendor, "answer", lambda _: (404, {}, {})),
            expected=frozenset({b"# Title 7\n\nText.\n\nMore.\n"}),
        )


@one_way
class TestRefusals(VendorCases):
    """See cases.py."""


@pytest.mark.parametrize("count", [0, 1, 3, 5, 6, 7])
def test_every_item_is_listed_once_however_the_pages_end(shop, make, count):
    shop.articles.clear()
    for number in range(count):
        shop.put(number)
    assert [one.key for one in listing(make())][:-1] == [str(number) for number in range(count)]


@one_way
def test_an_item_is_put_together_from_its_fields(make):
    raw = fetched(make())[0]
    assert (raw.key, raw.uri, raw.title) == ("1", "https://shop.example/1", "Title 1")
    assert (raw.name, raw.media_type) == ("1.md", "text/markdown")
    assert raw.data == b"# Title 1\n\nText.\n\nMore.\n"
    assert raw.modified_at.isoformat() == "2024-05-01T10:00:00+00:00"
    raw = fetched(make(format="html", text="body[0].text", uri=""))[0]
    assert (raw.name, raw.media_type) == ("1.html", "text/html")
    assert b"<h1>Title 1</h1>\n\nText.\n" in raw.data
    assert raw.uri.endswith("/v1/articles#1")
    raw = fetched(make(format="text", modified=""))[0]
    assert (raw.data, raw.media_type, raw.modified_at) == (
        b"Title 1\n\nText.\n\nMore.", "text/plain", None,
    )  # fmt: skip


@one_way
def test_one_that_is_fetched_by_itself_is_read_from_its_own_address(shop, vendor, detailed):
    shop.put(7, body="Long.")
    assert b"Long." in fetched(detailed())[-1].data
    assert vendor.count(f"{PATH}/7") == 1


@one_way
def test_one_fetched_later_is_looked_up_in_the_listing(shop, make):
    change = listing(make())[1]
    assert fetched(make(), change).key == "2"
    shop.articles.pop(2)
    with pytest.raises(DocumentFailed) as caught:
        fetched(make(), change)
    assert caught.value.reason == "vanished"


@one_way
@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [({"auth": "bearer"}, "Authorization", f"Bearer {SECRET}"),
     ({"auth": "basic", "username": "me"}, "Authorization", "Basic bWU6aHVzaC1odXNo"),
     ({"auth": "header", "header": "X-Key"}, "X-Key", SECRET)],
)  # fmt: skip
def test_the_secret_is_sent_as_the_api_wants_it(vendor, make, auth, name, value):
    listing(make(**auth))
    assert {asked.headers.get(name) for asked in vendor.asked} == {value}


def test_the_next_sync_asks_for_what_changed(shop, vendor, make):
    cursor = listing(make(since_param="since"))[-1].cursor
    assert cursor == '"2024-05-02T10:00:00Z"'
    shop.put(5, "2024-06-01T10:00:00Z")
    shop.put(6, "2999-01-01T00:00:00Z")
    vendor.asked.clear()
    changes = listing(make(since_param="since"), cursor)
    assert [one.key for one in changes][:-1] == ["2", "5", "6"]
    assert changes[-1].cursor == '"2024-06-01T10:00:00Z"'
    assert {asked.query["since"] for asked in vendor.asked} == {"2024-05-02T10:00:00Z"}


@one_way
@pytest.mark.parametrize("changed", [1714557600, "1714557600", 1714557600000, "2024-05-01T10:00"])
def test_times_are_understood_as_apis_write_them(shop, make, changed):
    shop.put(1, "z", changed_at=changed)
    raw = fetched(make(modified="changed_at", path="articles"))[0]
    assert raw.modified_at.isoformat() == "2024-05-01T10:00:00+00:00"


@one_way
def test_readers_come_from_the_item_and_revoking_them_shows(shop, make):
    shop.put(1, who=["hr", "board"])
    shop.put(2, who=[])
    config = {"readers_path": "who", "readers_prefix": "group:"}
    first, second, _ = listing(make(**config))
    assert first.readers == {"group:hr", "group:board"}
    assert (second.kind, second.key) == ("delete", "2")
    assert fetched(make(**config))[0].readers == first.readers
    shop.put(1, who="board")
    assert listing(make(**config))[0].readers == {"group:board"}


@pytest.mark.parametrize("way", ["offset"], indirect=True)
def test_an_item_that_vanishes_while_others_are_listed_breaks_the_listing(shop, vendor, make):
    for number in range(3, 12):
        shop.put(number)
    answer = shop.answer

    def answering(asked):
        reply = answer(asked)
        if asked.query.get("skip") == "2":
            shop.articles.pop(1, None)
        return reply

    vendor.answer = answering
    with pytest.raises(SourceError, match="changed while it was read"):
        listing(make())


@pytest.mark.parametrize("way", ["offset"], indirect=True)
def test_smaller_pages_than_asked_for_pass_nothing_over(shop, make):
    for number in range(3, 12):
        shop.put(number)
    with pytest.raises(SourceError, match="smaller pages"):
        listing(make(page_size=6))


@pytest.mark.parametrize("way", ["page", "cursor"], indirect=True)
def test_an_api_that_gives_the_same_page_for_ever_is_left(vendor, make):
    page = {"data": {"items": [{"id": 1}]}, "meta": {"cursor": "1"}}
    vendor.answer = lambda _: (200, {}, page)
    with pytest.raises(SourceError, match="does not get on"):
        listing(make())


@pytest.mark.parametrize("way", ["link_header", "next_url"], indirect=True)
def test_a_next_page_elsewhere_is_not_sent_the_secret(shop, make):
    for number in range(3, 12):
        shop.put(number)
    with Vendor(shop.answer).up() as other:
        shop.url = other.url
        with pytest.raises(SourceError, match="elsewhere"):
            listing(make())
        assert other.asked == []


@one_way
@pytest.mark.parametrize(
    "said",
    [{"data": {"items": None}}, {"data": {"items": {}}}, {"data": {}}, [], {"data": {"items": [1]}},
     {"data": {"items": [{"name": "no id"}]}}],
)  # fmt: skip
def test_no_list_is_not_an_empty_one(vendor, make, said):
    vendor.answer = lambda _: (200, {}, said)
    with pytest.raises(SourceError):
        listing(make())


@one_way
@pytest.mark.parametrize("items", ["$..items", "data.items[*]", "nothing.there"])
def test_a_path_that_is_not_one_list_is_said(vendor, make, items):
    two = {"data": {"items": [{"id": 1}, {"id": 2}]}, "other": {"items": []}}
    vendor.answer = lambda _: (200, {}, two)
    with pytest.raises(SourceError, match=r"without a list at|no list"):
        listing(make(items=items))


@one_way
def test_check_names_what_is_there(shop, make):
    assert "2 items on the first page, such as 1" in closing(make(), lambda one: one.check())
    shop.articles.clear()
    assert "is empty" in closing(make(), lambda one: one.check())


@one_way
def test_settings_of_this_machine_are_not_read(make, monkeypatch, tmp_path):
    monkeypatch.setenv("RUNTIME__HTTP_SHOW_ERROR_BODY", "nonsense")
    monkeypatch.chdir(tmp_path)
    assert listing(make())[-1].kind == "complete"
    assert list(tmp_path.iterdir()) == []


@one_way
@pytest.mark.parametrize("field", ["items", "key", "text", "paging_path"])
def test_what_is_no_jsonpath_is_a_config_error(make, field):
    with pytest.raises(ConfigError, match="no JSONPath"):
        make(**{field: "a[["})


@one_way
@pytest.mark.parametrize(
    "config",
    [{"url": "http://example.com"}, {"path": "https://example.com/x"}, {"path": "../x"},
     {"path": "a?b=c"}, {"auth": "none"}, {"secret": ""}, {"detail": "articles"},
     {"detail": "articles/{key}", "modified": ""}, {"since_param": "s", "modified": ""},
     {"paging": "guess"}],
)  # fmt: skip
def test_a_config_that_cannot_be_meant_is_refused(make, config):
    with pytest.raises(ValidationError) as caught:
        make(**config)
    assert SECRET not in json.dumps(str(caught.value))
