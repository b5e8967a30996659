"""The GCS connector against gcp-storage-emulator, and against a store that misbehaves."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from gcp_storage_emulator.server import create_server
from google.auth import jwt
from pydantic import ValidationError

from connectors.gcs import GcsConfig, GcsConnector
from rag.errors import ConfigError, DocumentFailed, DocumentRejected, Forbidden, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change
from tests.connectors.cases import closing, fetched, listing
from tests.connectors.vendor import LOOPBACK, SIGN_IN, Asked, Reply, Vendor

OBJECTS = "/storage/v1/b/docs/o"


@pytest.fixture(scope="module")
def key() -> dict[str, str]:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = made.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {"client_email": "r@p.iam", "private_key": pem.decode(), "public": public.decode()}


@pytest.fixture(scope="module")
def tokens() -> Iterator[Vendor]:
    with Vendor(lambda _: (200, {}, {"access_token": "t0ken", "expires_in": 3600})).up() as made:
        yield made


@dataclass
class Bucket:
    url: str
    key: dict[str, str]
    tokens: Vendor

    def put(self, name: str, data: bytes) -> None:
        url = f"{self.url}/upload{OBJECTS}?uploadType=media&name={quote(name, safe='')}"
        httpx.post(url, content=data).raise_for_status()

    def delete(self, name: str) -> None:
        httpx.delete(f"{self.url}{OBJECTS}/{quote(name, safe='')}").raise_for_status()

    def connector(self, **config: object) -> GcsConnector:
        chosen: dict[str, Any] = {
            "bucket": "docs",
            "service_account": json.dumps(self.key),
            "endpoint_url": self.url,
            "token_url": f"{self.tokens.url}/token",
            "networks": LOOPBACK,
        }
        return GcsConnector(GcsConfig(**{**chosen, **config}), waited)


async def waited(seconds: float) -> None:
    WAITS.append(seconds)


WAITS: list[float] = []


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = create_server("127.0.0.1", port, in_memory=True)
    running.start()
    yield f"http://127.0.0.1:{port}"
    running.stop()


@pytest.fixture
def bucket(emulator: str, key: dict[str, str], tokens: Vendor) -> Iterator[Bucket]:
    httpx.post(f"{emulator}/storage/v1/b", json={"name": "docs"}).raise_for_status()
    made = Bucket(emulator, key, tokens)
    made.put("a.md", b"# alpha")
    made.put("sub/b.txt", b"beta")
    yield made
    httpx.get(f"{emulator}/wipe")


class TestGcsContract(ConnectorContract):
    @pytest.fixture
    def source(self, bucket: Bucket) -> ConnectorSource:
        config: dict[str, object] = {}
        return ConnectorSource(
            make=lambda: bucket.connector(**config),
            count=2,
            edit=lambda: bucket.put("a.md", b"# alpha 2"),
            remove=lambda: bucket.delete("a.md"),
            broken=lambda: config.update(bucket="elsewhere"),
            expected=frozenset({b"# alpha", b"beta"}),
        )


def test_prefix_globs_and_names(bucket: Bucket) -> None:
    names = ["100%25.md", "ünï.md", "a//b.md", "x y+z.md"]
    for name in names:
        bucket.put(name, name.encode())
    found = {raw.data for raw in fetched(bucket.connector())}
    assert found == {b"# alpha", b"beta", *(name.encode() for name in names)}
    assert [one.key for one in listing(bucket.connector(prefix="sub/"))] == ["sub/b.txt", ""]
    assert len(listing(bucket.connector(exclude=("**/*.txt", "*.md")))) == 1


def test_what_goes_between_listing_and_reading_is_tried_later(bucket: Bucket) -> None:
    change = listing(bucket.connector())[0]
    bucket.delete("a.md")
    with pytest.raises(DocumentFailed) as caught:
        fetched(bucket.connector(), change)
    assert caught.value.reason == "vanished"


# --- a store that misbehaves -----------------------------------------------------------------


def page(*names: str, following: str = "", **more: object) -> Reply:
    items = [{"name": name, "size": "1", "generation": "7", **more} for name in names]
    body: dict[str, object] = {"kind": "storage#objects", "items": items}
    return 200, {}, body | ({"nextPageToken": following} if following else {})


def error(status: int, message: str, reason: str = "") -> Reply:
    return status, {}, {"error": {"message": message, "errors": [{"reason": reason}]}}


@pytest.fixture
def store(key: dict[str, str], tokens: Vendor) -> Iterator[tuple[Vendor, Bucket]]:
    WAITS.clear()
    with Vendor(lambda _: page("a")).up() as vendor:
        yield vendor, Bucket(vendor.url, key, tokens)


CHANGE = Change(kind="upsert", key="a", uri="https://x/a", revision="7-1")


def test_pages_follow_their_token_and_the_account_signs(store: tuple[Vendor, Bucket]) -> None:
    vendor, bucket = store

    def answer(asked: Asked) -> Reply:
        return page("b") if asked.query["pageToken"] == "t2" else page("a", following="t2")

    vendor.answer = answer
    assert [one.key for one in listing(bucket.connector())] == ["a", "b", ""]
    assert {one.headers["Authorization"] for one in vendor.asked} == {"Bearer t0ken"}
    claims = jwt.decode(bucket.tokens.asked[-1].form["assertion"], bucket.key["public"],
                        audience=f"{bucket.tokens.url}/token")  # fmt: skip
    assert claims["iss"] == "r@p.iam"
    assert claims["scope"].endswith("devstorage.read_only")


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/../b", "./x", "/etc/passwd"])
def test_59_dots_in_a_name_stay_in_the_name(store: tuple[Vendor, Bucket], name: str) -> None:
    vendor, bucket = store
    vendor.answer = lambda asked: page(name) if asked.path == OBJECTS else (200, {}, b"x")
    (raw,) = fetched(bucket.connector())
    assert raw.key == name
    assert "/" not in raw.name
    assert vendor.asked[-1].path == f"{OBJECTS}/{quote(name, safe='')}"


def test_a_busy_store_is_waited_for_within_bounds(store: tuple[Vendor, Bucket]) -> None:
    vendor, bucket = store
    vendor.first[f"GET {OBJECTS}"] = [
        (429, {"Retry-After": "7"}, {}), error(403, "slow", "rateLimitExceeded")
    ]  # fmt: skip
    assert len(listing(bucket.connector())) == 2
    assert WAITS == [7, 4]
    vendor.first[f"GET {OBJECTS}"] = [(503, {"Retry-After": "9999"}, {})] * 5
    with pytest.raises(SourceError, match="too busy"):
        listing(bucket.connector())


def test_a_refused_page_token_breaks_the_listing(store: tuple[Vendor, Bucket]) -> None:
    """The next listing begins anew: none is ever resumed."""
    vendor, bucket = store
    vendor.first[f"GET {OBJECTS}"] = [page("a", following="t"), error(400, "Invalid page token")]
    with pytest.raises(SourceError, match="Invalid page token"):
        listing(bucket.connector())
    vendor.answer = lambda _: page("a", following="same")
    with pytest.raises(SourceError, match="does not get on"):
        listing(bucket.connector())


@pytest.mark.parametrize("status", [401, 403])
def test_revoked_credentials(store: tuple[Vendor, Bucket], status: int) -> None:
    vendor, bucket = store
    vendor.first[f"GET {OBJECTS}"] = [page("a", following="t")]
    vendor.answer = lambda _: error(status, "no access")
    with pytest.raises(SourceError, match="auth_error") as caught:
        listing(bucket.connector())
    assert "PRIVATE" not in str(caught.value)
    assert "t0ken" not in str(caught.value)
    with pytest.raises(DocumentFailed) as failed:
        fetched(bucket.connector(), CHANGE)
    assert failed.value.reason == "auth_error"


def test_a_refused_account_is_an_auth_error(store: tuple[Vendor, Bucket]) -> None:
    vendor, bucket = store
    with Vendor(lambda _: (400, {}, {"error": "invalid_grant"})).up() as refusing:
        bucket = Bucket(vendor.url, bucket.key, refusing)
        with pytest.raises(SourceError, match=r"invalid_grant \(auth_error\)"):
            listing(bucket.connector())
        with pytest.raises(DocumentFailed) as failed:
            fetched(bucket.connector(), CHANGE)
    assert failed.value.reason == "auth_error"
    assert vendor.asked == []


@pytest.mark.parametrize("said", [SIGN_IN, {}, {"kind": "storage#object"}, [], b""])
def test_what_is_no_listing_never_completes(store: tuple[Vendor, Bucket], said: object) -> None:
    vendor, bucket = store
    vendor.answer = lambda _: (200, {}, said)
    with pytest.raises(SourceError):
        listing(bucket.connector())


def test_a_login_page_is_no_object(store: tuple[Vendor, Bucket]) -> None:
    vendor, bucket = store
    vendor.answer = lambda _: (200, {}, SIGN_IN)
    with pytest.raises(DocumentFailed):
        fetched(bucket.connector(), CHANGE)


def test_an_object_of_another_generation_or_that_is_too_large(
    store: tuple[Vendor, Bucket],
) -> None:
    vendor, bucket = store
    vendor.answer = lambda _: error(412, "conditionNotMet")
    with pytest.raises(DocumentFailed) as changed:
        fetched(bucket.connector(), CHANGE)
    assert changed.value.reason == "changing"
    assert vendor.asked[-1].query["ifGenerationMatch"] == "7"
    vendor.answer = lambda _: (200, {}, b"x" * 100)
    with pytest.raises(DocumentRejected) as large:
        fetched(bucket.connector(max_bytes=50), CHANGE)
    assert large.value.reason == "too_large"
    listed = CHANGE.model_copy(update={"revision": "7-51"})
    with pytest.raises(DocumentRejected):
        fetched(bucket.connector(max_bytes=50), listed)


def test_folders_are_no_documents(store: tuple[Vendor, Bucket]) -> None:
    vendor, bucket = store
    vendor.answer = lambda _: page("folder/", size="0")
    assert [one.kind for one in listing(bucket.connector())] == ["skipped", "complete"]


def test_readers_and_revision(store: tuple[Vendor, Bucket]) -> None:
    vendor, bucket = store
    first = listing(bucket.connector(readers=("group:staff",)))[0]
    assert first.readers == {"group:staff"}
    vendor.answer = lambda _: page("a", generation="8")
    assert listing(bucket.connector())[0].revision != first.revision


def test_a_private_store_is_not_contacted(store: tuple[Vendor, Bucket]) -> None:
    vendor, bucket = store
    before = len(bucket.tokens.asked)
    with pytest.raises(Forbidden):
        listing(bucket.connector(networks=()))
    with pytest.raises(Forbidden):
        closing(bucket.connector(networks=()), lambda source: source.check())
    assert vendor.asked == []
    assert len(bucket.tokens.asked) == before


def test_the_form_refuses_what_is_wrong(store: tuple[Vendor, Bucket]) -> None:
    _, bucket = store
    for wrong in (
        {"bucket": "../x"},
        {"service_account": "{}"},
        {"service_account": "no JSON"},
        {"endpoint_url": "http://store.example"},
        {"token_url": "https://u:p@host"},
    ):
        with pytest.raises(ValidationError):
            bucket.connector(**wrong)
    broken = json.dumps(bucket.key | {"private_key": "PRIVATE stuff"})
    with pytest.raises(ConfigError, match="private key") as caught:
        bucket.connector(service_account=broken)
    assert "stuff" not in str(caught.value)


def test_a_missing_extra_is_named(
    store: tuple[Vendor, Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "google.auth.jwt", None)
    with pytest.raises(ConfigError) as caught:
        store[1].connector()
    assert "ratchet-rag[gcs]" in caught.value.hint
