"""The SharePoint connector against a Graph of our own, whose answers follow Microsoft's schema."""

import asyncio
import json
import socket
import threading
from contextlib import ExitStack

import pytest

from connectors.sharepoint import SharepointConfig, SharepointConnector
from rag import plugins
from rag.errors import ConfigError, DocumentFailed, DocumentRejected, Forbidden, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change, Cursor
from tests.connectors.vendor import LOOPBACK, SIGN_IN, Vendor

DRIVE, SECRET = "b!drive", "s3cret-of-the-app"
ANN = {"roles": ["read"], "grantedToV2": {"user": {"id": "1", "email": "Ann@contoso.com"}}}
BEN = {"roles": ["write"], "grantedToV2": {"user": {"id": "2", "email": "ben@contoso.com"}}}


class Graph(Vendor):
    """A drive of files and folders that remembers what changed; two items to a page."""

    def __init__(self, store):
        super().__init__(answer=self.reply)
        self.store = store
        self.items = {"root": {"id": "root", "name": "root", "folder": {}, "root": {}}}
        self.permissions = {}
        self.log = []
        self.oldest = 0
        self.token = "token-1"
        self.secret = SECRET
        store.answer = lambda asked: (200, {}, self.content[asked.path])
        self.content = {}

    def put(self, item_id, data, *, parent="root", permissions=(ANN,), **facets):
        before = self.items.get(item_id, {})
        tag = int(before.get("cTag", "0")) + 1
        self.items[item_id] = {
            "id": item_id, "name": item_id, "size": len(data), "cTag": str(tag),
            "webUrl": f"https://contoso.sharepoint.com/{item_id}",
            "lastModifiedDateTime": "2024-05-06T08:00:00Z", "file": {"mimeType": "text/plain"},
            "parentReference": {"driveId": DRIVE, "id": parent},
        } | facets  # fmt: skip
        self.content[f"/{item_id}"] = data
        self.permissions[item_id] = list(permissions)
        self.log.append(item_id)

    def folder(self, name, parent="root"):
        self.items[name] = {"id": name, "name": name, "folder": {},
                            "parentReference": {"driveId": DRIVE, "id": parent}}  # fmt: skip
        self.log.append(name)

    def delete(self, item_id):
        del self.items[item_id]
        self.log.append(item_id)

    def reply(self, asked):
        if asked.path == "/contoso/oauth2/v2.0/token":
            if asked.form["client_secret"] != self.secret:
                said = {"error": "invalid_client", "error_description": f"wrong: {asked.form}"}
                return 401, {}, said
            return 200, {}, {"access_token": self.token, "expires_in": 3600}
        if asked.headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {}, {"error": {"code": "InvalidAuthenticationToken"}}
        if asked.path == "/v1.0/$batch":
            return (
                200,
                {},
                {"responses": [self.part(one) for one in reversed(asked.json["requests"])]},
            )
        return self.single(asked.path.removeprefix("/v1.0/"), asked.query)

    def part(self, request):
        waiting = self.first.get(f"BATCH {request['url']}")
        status, headers, body = (
            waiting.pop(0) if waiting else self.single(request["url"].lstrip("/"), {})
        )
        return {"id": request["id"], "status": status, "headers": headers, "body": body}

    def single(self, path, query):
        if path == "sites/contoso.sharepoint.com:/sites/hr":
            return 200, {}, {"id": "contoso.sharepoint.com,1,2"}
        if path == "sites/contoso.sharepoint.com,1,2/drives":
            return 200, {}, {"value": [{"id": DRIVE}]}
        if path == "users/ann@contoso.com/drive":
            return 200, {}, {"id": DRIVE}
        if path == f"drives/{DRIVE}/root/delta":
            return self.delta(query)
        head, _, rest = path.partition(f"drives/{DRIVE}/items/")
        item, _, what = rest.partition("/")
        if head or item not in self.items:
            return 404, {}, {"error": {"code": "itemNotFound"}}
        if what == "children":
            below = [one for one in self.items.values()
                     if one.get("parentReference", {}).get("id") == item]  # fmt: skip
            return 200, {}, {"value": below}
        if what == "permissions":
            return 200, {}, {"value": self.permissions[item]}
        if what == "content":
            return 302, {"Location": f"{self.store.url}/{item}"}, b""
        return 200, {}, self.items[item]

    def delta(self, query):
        link = f"{self.url}/v1.0/drives/{DRIVE}/root/delta"
        if query.get("token") == "latest":
            return 200, {}, {"value": [], "@odata.deltaLink": f"{link}?token={len(self.log)}"}
        skip = int(query.get("skip", 0))
        if "token" in query:
            since = int(query["token"])
            if since < self.oldest:
                return 410, {"Location": link}, {"error": {"code": "resyncRequired"}}
            named = ["root", *self.log[since:]]
            found = [self.items.get(one, {"id": one, "deleted": {}}) for one in named]
        else:
            found = list(self.items.values())
        page = {"value": found[skip : skip + 2]}
        if skip + 2 < len(found):
            token = f"&token={query['token']}" if "token" in query else ""
            page["@odata.nextLink"] = f"{link}?skip={skip + 2}{token}"
        else:
            page["@odata.deltaLink"] = f"{link}?token={len(self.log)}"
        return 200, {}, page


@pytest.fixture
def graph():
    with ExitStack() as stack:
        store = stack.enter_context(Vendor().up())
        running = stack.enter_context(Graph(store).up())
        running.put("a.txt", b"alpha")
        running.put("b.txt", b"beta")
        running.put("c.txt", b"gamma")
        yield running


def config(graph, **changed):
    basic = {
        "tenant": "contoso",
        "client_id": "app",
        "client_secret": SECRET,
        "sites": ("https://contoso.sharepoint.com/sites/hr",),
        "graph_url": graph.url,
        "login_url": graph.url,
        "networks": LOOPBACK,
    }
    return SharepointConfig(**(basic | changed))


def connector(graph, waits=None, **changed):
    async def sleep(seconds):
        if waits is not None:
            waits.append(seconds)

    return SharepointConnector(config(graph, **changed), sleep=sleep)


def run(source, work):
    async def closing():
        try:
            return await work(source)
        finally:
            await source.aclose()

    return asyncio.run(closing())


def listing(graph, cursor=None, waits=None, **changed):
    async def work(source):
        return [change async for change in source.discover(Cursor(value=cursor))]

    return run(connector(graph, waits, **changed), work)


def fetch(graph, name, **changed):
    change = Change(kind="upsert", key=f"{DRIVE}/{name}", uri=f"https://x/{name}", revision="1")
    return run(connector(graph, **changed), lambda source: source.fetch(change))


def named(changes):
    return [(one.kind, one.key.partition("/")[2]) for one in changes if one.kind != "complete"]


def readers(changes):
    return {one.key.partition("/")[2]: one.readers for one in changes if one.kind == "upsert"}


class TestSharepointContract(ConnectorContract):
    @pytest.fixture
    def source(self, graph):
        def broken():
            graph.secret = "another"

        return ConnectorSource(
            make=lambda: connector(graph),
            count=3,
            edit=lambda: graph.put("b.txt", b"beta 2"),
            remove=lambda: graph.delete("a.txt"),
            broken=broken,
            expected=frozenset({b"alpha", b"beta", b"gamma"}),
        )


def test_from_a_cursor_on_only_changes_are_listed(graph):
    cursor = listing(graph)[-1].cursor
    assert named(listing(graph, cursor)) == []
    graph.put("b.txt", b"beta 2")
    graph.delete("a.txt")
    graph.put("d.txt", b"delta")
    changes = listing(graph, cursor)
    assert sorted(named(changes)) == [("delete", "a.txt"), ("upsert", "b.txt"), ("upsert", "d.txt")]
    assert named(listing(graph, changes[-1].cursor)) == []


def test_what_changes_while_all_is_listed_is_listed_next(graph):
    async def work(source):
        changes = []
        async for change in source.discover(Cursor()):
            if not changes:
                graph.put("a.txt", b"changed meanwhile")
            changes.append(change)
        return changes

    changes = run(connector(graph), work)
    assert len({change.key for change in changes}) == len(changes)
    assert named(listing(graph, changes[-1].cursor)) == [("upsert", "a.txt")]


def test_an_item_named_twice_counts_as_last_named(graph):
    cursor = listing(graph)[-1].cursor
    graph.put("a.txt", b"again")
    graph.put("b.txt", b"again")
    graph.delete("a.txt")
    assert sorted(named(listing(graph, cursor))) == [("delete", "a.txt"), ("upsert", "b.txt")]


def test_a_cursor_that_expired_lists_all_and_leaves_the_next_listing_full(graph):
    cursor = listing(graph)[-1].cursor
    graph.oldest = len(graph.log) + 1
    changes = listing(graph, cursor)
    assert len(readers(changes)) == 3
    assert changes[-1].cursor is None
    graph.oldest = 0
    assert listing(graph)[-1].cursor


def test_a_drive_that_is_gone_leaves_the_next_listing_full(graph):
    cursor = json.dumps(json.loads(listing(graph)[-1].cursor) | {"b!other": "x"})
    assert listing(graph, cursor)[-1].cursor is None


def test_a_revoked_permission_is_listed_though_the_file_is_the_same(graph):
    graph.put("a.txt", b"alpha", permissions=(ANN, BEN))
    first = listing(graph)
    assert readers(first)["a.txt"] == {"user:ann@contoso.com", "user:ben@contoso.com"}
    graph.permissions["a.txt"] = [ANN]
    graph.log.append("a.txt")
    (change, _) = listing(graph, first[-1].cursor)
    assert change.readers == {"user:ann@contoso.com"}
    assert change.revision == next(one.revision for one in first if one.key == change.key)


def test_the_files_of_a_folder_shared_otherwise_are_listed(graph):
    graph.folder("folder")
    graph.folder("below", "folder")
    graph.put("deep.txt", b"deep", parent="below")
    cursor = listing(graph)[-1].cursor
    graph.permissions["deep.txt"] = [BEN]
    graph.log.append("folder")
    assert readers(listing(graph, cursor)) == {"deep.txt": {"user:ben@contoso.com"}}


@pytest.mark.parametrize(
    ("permission", "expected"),
    [
        ({"roles": ["read"], "grantedToV2": {"group": {"id": "g-1", "email": "HR@contoso.com"}}},
         {"group:g-1", "group:hr@contoso.com"}),
        ({"roles": ["write"], "grantedToV2": {"siteGroup": {"id": "5", "displayName": "Staff"}}},
         {"group:Staff"}),
        ({"roles": ["read"], "link": {"scope": "users", "type": "view"},
          "grantedToIdentitiesV2": [{"user": {"email": "Cy@x.y"}}]}, {"user:cy@x.y"}),
        ({"roles": ["read"], "grantedToV2":
          {"siteUser": {"loginName": "i:0#.f|membership|dee@x.y"}}}, {"user:dee@x.y"}),
        ({"roles": ["read"], "grantedToV2": {"siteUser": {"loginName": "c:0t.c|tenant|g-2"}}},
         {"group:g-2"}),
        # only a group's owners, whom nothing here can name
        ({"roles": ["owner"], "grantedToV2": {"siteUser": {"loginName":
          "c:0o.c|federateddirectoryclaimprovider|g-2_o"}}}, set()),
        ({"roles": ["read"], "link": {"scope": "organization", "type": "view"}}, {"group:staff"}),
        ({"roles": ["read"], "link": {"scope": "anonymous", "type": "view"}}, {"group:staff"}),
        ({"roles": ["read"], "grantedToV2": {"siteUser": {"loginName": "c:0(.s|true"}}},
         {"group:staff"}),
        ({"roles": ["read"], "link": {"scope": "existingAccess", "type": "view"}}, set()),
        ({"roles": ["sp.limited access"], "grantedToV2": {"user": {"email": "eve@x.y"}}}, set()),
        ({"roles": [], "grantedToV2": {"user": {"email": "eve@x.y"}}}, set()),
        ({"roles": ["read"], "expirationDateTime": "2020-01-01T00:00:00Z",
          "grantedToV2": {"user": {"email": "eve@x.y"}}}, set()),
        ({"roles": ["read"], "grantedTo": {"user": {"email": "old@x.y"}}}, {"user:old@x.y"}),
    ],
)  # fmt: skip
def test_permissions_become_readers(graph, permission, expected):
    graph.put("a.txt", b"alpha", permissions=(permission,))
    assert readers(listing(graph, shared_readers=("group:staff",)))["a.txt"] == expected


def test_what_is_shared_with_all_is_nobodys_unless_the_admin_says_whose(graph):
    link = {"roles": ["read"], "link": {"scope": "organization", "type": "view"}}
    graph.put("a.txt", b"alpha", permissions=(link,))
    assert readers(listing(graph))["a.txt"] == frozenset()


def test_readers_of_the_source_ask_for_no_permissions(graph):
    assert set(readers(listing(graph, readers=("group:hr",))).values()) == {frozenset({"group:hr"})}
    assert graph.count("/v1.0/$batch") == 0


def test_permissions_that_stay_unreadable_fail_the_file_and_not_the_listing(graph):
    busy = f"BATCH /drives/{DRIVE}/items/a.txt/permissions"
    graph.first[busy] = [(429, {"Retry-After": "7"}, {})]
    waits = []
    assert len(readers(listing(graph, waits=waits))) == 3
    assert waits == [7]
    graph.first[busy] = [(429, {}, {})] * 5
    graph.first[f"BATCH /drives/{DRIVE}/items/b.txt/permissions"] = [(403, {}, {})]
    changes = listing(graph)
    assert {one.key for one in changes if one.kind == "failed"} == {
        f"{DRIVE}/a.txt",
        f"{DRIVE}/b.txt",
    }
    assert changes[-1].kind == "complete"


def test_a_busy_graph_is_waited_for_within_bounds(graph):
    waits = []
    path = f"GET /v1.0/drives/{DRIVE}/root/delta"
    graph.first[path] = [(429, {"Retry-After": "3"}, {}), (503, {"Retry-After": "999999"}, {})]
    assert len(readers(listing(graph, waits=waits))) == 3
    assert waits == [3, 120]
    graph.first[path] = [(429, {}, {})] * 5
    with pytest.raises(SourceError, match="too busy"):
        listing(graph)


def test_a_token_that_is_refused_is_asked_for_anew_once(graph):
    async def work(source):
        await source.check()
        graph.token = "token-2"
        return await source.check()

    assert "1 drives" in run(connector(graph), work)
    assert graph.count("/contoso/oauth2/v2.0/token") == 2


def test_refused_credentials_are_an_auth_error_without_the_secret(graph):
    graph.secret = "changed"
    with pytest.raises(SourceError, match=r"invalid_client \(auth_error\)") as caught:
        listing(graph)
    assert SECRET not in str(caught.value)
    with pytest.raises(DocumentFailed) as failed:
        fetch(graph, "a.txt")
    assert failed.value.reason == "auth_error"
    assert SECRET not in repr(connector(graph).config)


@pytest.mark.parametrize("body", [SIGN_IN, b"", b"[]", {"value": "all"}])
def test_what_is_no_listing_ends_it(graph, body):
    graph.first[f"GET /v1.0/drives/{DRIVE}/root/delta"] = [(200, {}, body)]
    with pytest.raises(SourceError):
        listing(graph)


def test_a_next_page_elsewhere_is_not_asked_for(graph):
    page = {"value": [], "@odata.nextLink": f"{graph.store.url}/more"}
    latest = graph.delta({"token": "latest"})
    graph.first[f"GET /v1.0/drives/{DRIVE}/root/delta"] = [latest, (200, {}, page)]
    with pytest.raises(SourceError, match="elsewhere"):
        listing(graph)
    assert graph.store.asked == []


def test_a_document_is_fetched_with_what_graph_knows_and_its_store_sees_no_token(graph):
    raw = fetch(graph, "a.txt")
    assert (raw.data, raw.name, raw.media_type) == (b"alpha", "a.txt", "text/plain")
    assert raw.modified_at.isoformat() == "2024-05-06T08:00:00+00:00"
    assert "Authorization" not in graph.store.asked[0].headers


def test_what_cannot_be_fetched_says_why(graph):
    graph.put("big.txt", b"x" * 100)
    graph.put("bad.txt", b"x", malware={"description": "?"})
    graph.put("page.txt", b"x")
    graph.store.answer = lambda asked: (200, {"Content-Type": "text/html"}, SIGN_IN)
    for name, kind, reason in [
        ("gone.txt", DocumentFailed, "vanished"),
        ("big.txt", DocumentRejected, "too_large"),
        ("bad.txt", DocumentRejected, "malware"),
        ("page.txt", DocumentFailed, "auth_error"),
    ]:
        with pytest.raises(kind) as caught:
            fetch(graph, name, max_bytes=99)
        assert caught.value.reason == reason


def test_only_files_of_wanted_names_are_listed(graph):
    graph.put("notes", b"", package={"type": "oneNote"})
    for include in (("a*", "b*"), ("**/a*", "**/b*")):
        changes = listing(graph, include=include, exclude=("**/b*",))
        assert named(changes) == [("upsert", "a.txt"), ("skipped", "notes")]


def test_a_onedrive_is_a_drive(graph):
    assert len(readers(listing(graph, sites=(), users=("ann@contoso.com",)))) == 3
    with pytest.raises(SourceError, match="nobody@"):
        listing(graph, sites=(), users=("nobody@contoso.com",))


def test_addresses_that_are_not_allowed_are_not_contacted(graph):
    with pytest.raises(Forbidden):
        listing(graph, networks=())
    with pytest.raises(DocumentRejected) as caught:
        fetch(graph, "a.txt", networks=())
    assert caught.value.reason == "blocked_address"
    assert graph.asked == []


def test_the_form_refuses_what_would_send_secrets_in_the_open():
    basic = {"tenant": "t", "client_id": "c", "client_secret": "x", "drives": ["d"]}
    with pytest.raises(ConfigError, match="https"):
        plugins.connector("sharepoint", basic | {"graph_url": "http://graph.example.org"})
    with pytest.raises(ConfigError, match="at least one"):
        plugins.connector("sharepoint", basic | {"drives": []})
    assert isinstance(plugins.connector("sharepoint", basic), SharepointConnector)


def test_a_graph_that_does_not_answer_is_given_up_soon(graph):
    waits = []
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with pytest.raises(SourceError, match="cannot be read"):
            listing(graph, waits=waits, graph_url=url, login_url=url)
    assert waits == [2, 4]


def test_a_token_refused_late_does_not_cost_the_new_one(graph):
    renewed = threading.Event()
    refused = []

    def late(asked):
        said = asked.headers.get("Authorization")
        if said == "Bearer token-2":
            renewed.set()
        elif said and graph.token == "token-2":
            refused.append(asked)
            if len(refused) > 1:
                renewed.wait(5)
        return graph.reply(asked)

    async def work(source):
        await source.check()
        graph.token, graph.answer = "token-2", late
        return await asyncio.gather(source.check(), source.check())

    assert len(run(connector(graph), work)) == 2
    assert len(refused) == 2
    assert graph.count("/contoso/oauth2/v2.0/token") == 2
