"""The Drive connector against an interface of our own, whose answers follow Google's schema."""

import asyncio
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

from connectors.drive import DriveConfig, DriveConnector
from rag import plugins
from rag.errors import ConfigError, DocumentFailed, DocumentRejected, Forbidden, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change, Cursor
from tests.connectors.vendor import LOOPBACK, SIGN_IN, Vendor

GOOGLE = "application/vnd.google-apps."
ANN = {"type": "user", "role": "reader", "emailAddress": "Ann@example.com"}
BEN = {"type": "user", "role": "writer", "emailAddress": "ben@example.com"}


@pytest.fixture(scope="module")
def key_file():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {"client_email": "reader@p.iam", "private_key": pem.decode(), "private_key_id": "k1"}


def error(status, reason):
    return status, {}, {"error": {"code": status, "errors": [{"reason": reason}]}}


class Drive(Vendor):
    """Files that remember what changed; two to a page."""

    def __init__(self):
        super().__init__(answer=self.reply)
        self.files = {}
        self.content = {}
        self.log = []
        self.oldest = 0
        self.shared_drive = {}
        self.claims = []
        self.revoked = False

    def put(self, name, data, *, permissions=(ANN,), **changed):
        self.files[name] = {
            "id": name, "name": name, "mimeType": "text/plain", "size": str(len(data)),
            "md5Checksum": data.hex(), "modifiedTime": "2024-05-06T08:00:00.000Z",
            "trashed": False, "webViewLink": f"https://drive.google.com/file/d/{name}/view",
            "permissions": list(permissions), "parents": ["root"],
        } | changed  # fmt: skip
        self.content[name] = data
        self.log.append(name)

    def document(self, name, kind, exports):
        self.put(name, b"", mimeType=f"{GOOGLE}{kind}")
        for field in ("md5Checksum", "size"):
            del self.files[name][field]
        self.content[name] = exports

    def delete(self, name):
        del self.files[name]
        self.log.append(name)

    def reply(self, asked):
        if asked.path == "/token":
            self.claims.append(jwt.decode(asked.form["assertion"], verify=False))
            if self.revoked:
                return 400, {}, {"error": "invalid_grant", "error_description": "no such account"}
            return 200, {}, {"access_token": "token", "expires_in": 3599}
        if asked.headers.get("Authorization") != "Bearer token":
            return error(401, "authError")
        path = asked.path.removeprefix("/drive/v3/")
        if path == "changes/startPageToken":
            return 200, {}, {"startPageToken": str(len(self.log))}
        if path == "changes":
            return self.changes(asked.query)
        if path == "files":
            return self.listed(asked.query)
        name, _, what = path.removeprefix("files/").partition("/")
        if name not in self.files:
            return error(404, "notFound")
        if what == "permissions":
            granted = self.shared_drive.get(name)
            return (200, {}, {"permissions": granted}) if granted else error(403, "forbidden")
        if what == "export":
            return self.content[name].get(
                asked.query["mimeType"], error(403, "exportSizeLimitExceeded")
            )
        if asked.query.get("alt") == "media":
            return 200, {}, self.content[name]
        return 200, {}, self.files[name]

    def listed(self, query):
        found = list(self.files.values())
        if query["q"] == "trashed = false":
            found = [one for one in found if not one["trashed"]]
        else:
            found = [one for one in found if query["q"] == f"'{one['parents'][0]}' in parents"]
        return self.page("files", found, query, {"incompleteSearch": False})

    def changes(self, query):
        token, _, skip = query["pageToken"].partition("-")
        if int(token) < self.oldest:
            return error(400, "invalid")
        found = [
            {"changeType": "file", "fileId": one, "removed": one not in self.files}
            | ({"file": self.files[one]} if one in self.files else {})
            for one in self.log[int(token) :]
        ]
        status, headers, page = self.page("changes", found, {"pageToken": skip}, {})
        if "nextPageToken" in page:
            page["nextPageToken"] = f"{token}-{page['nextPageToken']}"
        else:
            page["newStartPageToken"] = str(len(self.log))
        return status, headers, page

    @staticmethod
    def page(name, found, query, more):
        skip = int(query.get("pageToken") or 0)
        following = {"nextPageToken": str(skip + 2)} if skip + 2 < len(found) else {}
        return 200, {}, {name: found[skip : skip + 2]} | following | more


@pytest.fixture
def drive():
    with Drive().up() as running:
        running.put("a.txt", b"alpha")
        running.put("b.txt", b"beta")
        running.put("c.txt", b"gamma")
        yield running


@pytest.fixture
def reading(drive, key_file):
    """Makes a connector that reads the drive; `waits` collects how long it would have waited."""

    def make(waits=None, **changed):
        async def sleep(seconds):
            if waits is not None:
                waits.append(seconds)

        basic = {
            "service_account": json.dumps(key_file),
            "api_url": drive.url,
            "token_url": f"{drive.url}/token",
            "networks": LOOPBACK,
        }
        return DriveConnector(DriveConfig(**(basic | changed)), sleep=sleep)

    return make


def run(source, work):
    async def closing():
        try:
            return await work(source)
        finally:
            await source.aclose()

    return asyncio.run(closing())


def listing(source, cursor=None):
    async def work(source):
        return [change async for change in source.discover(Cursor(value=cursor))]

    return run(source, work)


def fetch(source, name):
    change = Change(kind="upsert", key=name, uri=f"https://x/{name}", revision="1")
    return run(source, lambda source: source.fetch(change))


def named(changes):
    return sorted((one.kind, one.key) for one in changes if one.kind != "complete")


def readers(changes):
    return {one.key: one.readers for one in changes if one.kind == "upsert"}


class TestDriveContract(ConnectorContract):
    @pytest.fixture
    def source(self, drive, reading):
        def broken():
            drive.revoked = True

        return ConnectorSource(
            make=reading,
            count=3,
            edit=lambda: drive.put("b.txt", b"beta 2"),
            remove=lambda: drive.delete("a.txt"),
            broken=broken,
            expected=frozenset({b"alpha", b"beta", b"gamma"}),
        )


def test_from_a_cursor_on_only_changes_are_listed(drive, reading):
    cursor = listing(reading())[-1].cursor
    assert named(listing(reading(), cursor)) == []
    drive.put("b.txt", b"beta 2")
    drive.delete("a.txt")
    drive.put("c.txt", b"gamma", trashed=True)
    drive.put("d.txt", b"delta")
    changes = listing(reading(), cursor)
    assert named(changes) == [
        ("delete", "a.txt"), ("delete", "c.txt"), ("upsert", "b.txt"), ("upsert", "d.txt"),
    ]  # fmt: skip
    assert named(listing(reading(), changes[-1].cursor)) == []


def test_what_changes_while_all_is_listed_is_listed_next(drive, reading):
    async def work(source):
        changes = []
        async for change in source.discover(Cursor()):
            if not changes:
                drive.put("c.txt", b"changed meanwhile")
            changes.append(change)
        return changes

    changes = run(reading(), work)
    assert named(listing(reading(), changes[-1].cursor)) == [("upsert", "c.txt")]


def test_a_cursor_that_expired_lists_all_and_leaves_the_next_listing_full(drive, reading):
    cursor = listing(reading())[-1].cursor
    drive.oldest = len(drive.log) + 1
    changes = listing(reading(), cursor)
    assert len(readers(changes)) == 3
    assert changes[-1].cursor is None


def test_a_drive_no_longer_configured_leaves_the_next_listing_full(drive, reading):
    cursor = listing(reading(drives=("one", "two")))[-1].cursor
    assert listing(reading(drives=("one",)), cursor)[-1].cursor is None
    assert drive.asked[-1].query["driveId"] == "one"


def test_a_revoked_permission_is_listed_though_the_file_is_the_same(drive, reading):
    drive.put("a.txt", b"alpha", permissions=(ANN, BEN))
    first = listing(reading())
    assert readers(first)["a.txt"] == {"user:ann@example.com", "user:ben@example.com"}
    drive.put("a.txt", b"alpha", permissions=(ANN,))
    (change, _) = listing(reading(), first[-1].cursor)
    assert change.readers == {"user:ann@example.com"}
    assert change.revision == next(one.revision for one in first if one.key == change.key)


def test_the_files_of_a_folder_that_changed_are_listed(drive, reading):
    drive.put("folder", b"", mimeType=f"{GOOGLE}folder")
    drive.put("below", b"", mimeType=f"{GOOGLE}folder", parents=["folder"])
    drive.put("deep.txt", b"deep", parents=["below"])
    cursor = listing(reading())[-1].cursor
    drive.files["deep.txt"]["permissions"] = [BEN]
    drive.log.append("folder")
    assert readers(listing(reading(), cursor)) == {"deep.txt": {"user:ben@example.com"}}
    drive.files["deep.txt"]["trashed"] = True
    assert named(listing(reading(), cursor)) == [("delete", "deep.txt")]


@pytest.mark.parametrize(
    ("permission", "expected"),
    [
        ({"type": "group", "role": "reader", "emailAddress": "HR@x.y"}, {"group:hr@x.y"}),
        ({"type": "domain", "role": "reader", "domain": "x.y"}, {"group:staff"}),
        ({"type": "anyone", "role": "reader"}, {"group:staff"}),
        ({"type": "user", "role": "reader", "emailAddress": "e@x.y", "deleted": True}, set()),
        ({"type": "user", "role": "reader", "emailAddress": "e@x.y",
          "expirationTime": "2020-01-01T00:00:00Z"}, set()),
        ({"type": "user", "role": "reader", "emailAddress": "e@x.y", "view": "published"}, set()),
        ({"type": "robot", "role": "reader", "emailAddress": "e@x.y"}, set()),
    ],
)  # fmt: skip
def test_permissions_become_readers(drive, reading, permission, expected):
    drive.put("a.txt", b"alpha", permissions=(permission,))
    assert readers(listing(reading(shared_readers=("group:staff",))))["a.txt"] == expected


def test_what_is_shared_with_all_is_nobodys_unless_the_admin_says_whose(drive, reading):
    drive.put("a.txt", b"alpha", permissions=({"type": "anyone", "role": "reader"},))
    assert readers(listing(reading()))["a.txt"] == frozenset()


def test_permissions_in_a_shared_drive_are_asked_for_file_by_file(drive, reading):
    for name in ("a.txt", "b.txt"):
        del drive.files[name]["permissions"]
    drive.shared_drive["a.txt"] = [BEN]
    changes = listing(reading())
    assert readers(changes)["a.txt"] == {"user:ben@example.com"}
    assert [one.key for one in changes if one.kind == "failed"] == ["b.txt"]
    assert changes[-1].kind == "complete"
    fixed = listing(reading(readers=("group:hr",)))
    assert set(readers(fixed).values()) == {frozenset({"group:hr"})}


@pytest.mark.parametrize("busy", [(429, {"Retry-After": "3"}, {}), error(403, "rateLimitExceeded")])
def test_a_busy_drive_is_waited_for_within_bounds(drive, reading, busy):
    waits = []
    drive.first["GET /drive/v3/files"] = [busy, (503, {"Retry-After": "999999"}, {})]
    assert len(readers(listing(reading(waits)))) == 3
    assert waits == [3 if busy[0] == 429 else 2, 120]
    drive.first["GET /drive/v3/files"] = [busy] * 5
    with pytest.raises(SourceError, match="too busy"):
        listing(reading())


def test_the_account_signs_what_it_asks_for(drive, reading):
    listing(reading(subject="ann@example.com"))
    (claims,) = drive.claims
    assert (claims["iss"], claims["sub"]) == ("reader@p.iam", "ann@example.com")
    assert claims["scope"].endswith("/drive.readonly")
    assert claims["aud"] == f"{drive.url}/token"


def test_refused_credentials_are_an_auth_error_without_the_key(drive, reading, key_file):
    drive.revoked = True
    with pytest.raises(SourceError, match=r"invalid_grant \(auth_error\)") as caught:
        listing(reading())
    assert "PRIVATE" not in str(caught.value)
    with pytest.raises(DocumentFailed) as failed:
        fetch(reading(), "a.txt")
    assert failed.value.reason == "auth_error"
    assert "PRIVATE" not in repr(reading().config)
    with pytest.raises(ConfigError) as wrong:
        reading(service_account=json.dumps(key_file | {"private_key": "PRIVATE stuff"}))
    assert "PRIVATE" not in str(wrong.value)


def test_an_account_without_access_is_an_auth_error(drive, reading):
    drive.first["GET /drive/v3/files"] = [error(403, "accessNotConfigured")]
    with pytest.raises(SourceError, match=r"accessNotConfigured \(auth_error\)"):
        listing(reading())


@pytest.mark.parametrize(
    "body", [SIGN_IN, b"", {"files": None}, {"files": [], "incompleteSearch": True}]
)
def test_what_is_no_whole_listing_ends_it(drive, reading, body):
    drive.first["GET /drive/v3/files"] = [(200, {}, body)]
    with pytest.raises(SourceError):
        listing(reading())


def test_googles_formats_are_exported(drive, reading):
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    drive.document("Plan", "document", {word: (200, {}, b"docx")})
    drive.document("Long", "document", {"text/plain": (200, {}, b"plain")})
    drive.document("Vast", "spreadsheet", {})
    drive.document("Poll", "form", {})
    changes = listing(reading())
    assert [one.reason for one in changes if one.kind == "skipped"] == ["a Google form"]
    plan, long = fetch(reading(), "Plan"), fetch(reading(), "Long")
    assert (plan.name, plan.media_type, plan.data) == ("Plan.docx", word, b"docx")
    assert (long.name, long.media_type, long.data) == ("Long.txt", "text/plain", b"plain")
    with pytest.raises(DocumentRejected) as caught:
        fetch(reading(), "Vast")
    assert caught.value.reason == "too_large"


def test_what_cannot_be_fetched_says_why(drive, reading):
    drive.put("big.txt", b"x" * 100)
    drive.put("page.txt", b"x")
    drive.content["page.txt"] = SIGN_IN
    for name, kind, reason in [
        ("gone.txt", DocumentFailed, "vanished"),
        ("big.txt", DocumentRejected, "too_large"),
        ("page.txt", DocumentFailed, "auth_error"),
    ]:
        with pytest.raises(kind) as caught:
            fetch(reading(max_bytes=99), name)
        assert caught.value.reason == reason
    about = (200, {}, drive.files["a.txt"])
    drive.first["GET /drive/v3/files/a.txt"] = [about, error(403, "cannotDownloadAbusiveFile")]
    with pytest.raises(DocumentRejected) as caught:
        fetch(reading(), "a.txt")
    assert caught.value.reason == "malware"


def test_addresses_that_are_not_allowed_are_not_contacted(drive, reading):
    with pytest.raises(Forbidden):
        listing(reading(networks=()))
    with pytest.raises(DocumentRejected) as caught:
        fetch(reading(networks=()), "a.txt")
    assert caught.value.reason == "blocked_address"
    assert drive.asked == []


def test_the_form_refuses_what_is_no_key_file(key_file):
    with pytest.raises(ConfigError, match="key file"):
        plugins.connector("drive", {"service_account": '{"client_email": "x"}'})
    whole = {"service_account": json.dumps(key_file)}
    with pytest.raises(ConfigError, match="https"):
        plugins.connector("drive", whole | {"api_url": "http://drive.example.org"})
    assert isinstance(plugins.connector("drive", whole), DriveConnector)


def test_a_missing_extra_is_named(reading, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "google.auth.crypt", None)
    with pytest.raises(ConfigError, match=r"ratchet-rag\[drive\]"):
        reading()
