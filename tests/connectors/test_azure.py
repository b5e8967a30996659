"""The Azure connector against azurite, if installed, and against a store that misbehaves."""

import base64
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import pytest
from pydantic import ValidationError

from connectors import azure
from connectors.azure import AzureConfig, AzureConnector
from rag.errors import ConfigError, DocumentFailed, DocumentRejected, Forbidden, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change
from tests.connectors.cases import closing, fetched, listing
from tests.connectors.vendor import LOOPBACK, SIGN_IN, Asked, Reply, Vendor

AZURITE = shutil.which("azurite-blob")
ACCOUNT = "devstoreaccount1"
# The one that every azurite knows.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
WAITS: list[float] = []


async def waited(seconds: float) -> None:
    WAITS.append(seconds)


def at(url: str, **config: object) -> AzureConnector:
    chosen: dict[str, Any] = {
        "account": ACCOUNT,
        "container": "docs",
        "account_key": KEY,
        "endpoint_url": f"{url}/{ACCOUNT}",
        "networks": LOOPBACK,
    }
    return AzureConnector(AzureConfig(**{**chosen, **config}), waited)


# --- azurite ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def azurite() -> Iterator[str]:
    if AZURITE is None:
        pytest.skip("azurite is not installed (npm install -g azurite)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [AZURITE, "--silent", "--inMemoryPersistence", "--skipApiVersionCheck",
         "--disableTelemetry", "--blobHost", "127.0.0.1", "--blobPort", str(port)],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(300):
            if process.poll() is not None:
                pytest.fail("azurite ended")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@dataclass
class Container:
    url: str
    client: Any

    def put(self, name: str, data: bytes, **more: object) -> None:
        self.client.upload_blob(name, data, overwrite=True, **more)


@pytest.fixture
def container(azurite: str) -> Iterator[Container]:
    from azure.core.credentials import AzureNamedKeyCredential
    from azure.storage.blob import ContainerClient

    credential = AzureNamedKeyCredential(ACCOUNT, KEY)
    with ContainerClient(f"{azurite}/{ACCOUNT}", "docs", credential=credential) as client:
        client.create_container()
        made = Container(azurite, client)
        made.put("a.md", b"# alpha")
        made.put("sub/b.txt", b"beta")
        yield made
        client.delete_container()


class TestAzureContract(ConnectorContract):
    @pytest.fixture
    def source(self, container: Container) -> ConnectorSource:
        config: dict[str, object] = {}
        return ConnectorSource(
            make=lambda: at(container.url, **config),
            count=2,
            edit=lambda: container.put("a.md", b"# alpha 2"),
            remove=lambda: container.client.delete_blob("a.md"),
            broken=lambda: config.update(container="elsewhere"),
            expected=frozenset({b"# alpha", b"beta"}),
        )


def test_pages_prefix_globs_names_and_folders(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azure, "PAGE", 2)
    names = ["100%25.md", "ünï.md", "x y+z.md", "many/1.md"]
    for name in names:
        container.put(name, name.encode())
    container.put("folder/", b"")
    container.put("real", b"", metadata={"hdi_isfolder": "true"})
    changes = listing(at(container.url))
    assert [one.key for one in changes if one.kind == "skipped"] == ["folder/", "real/"]
    found = {raw.data for raw in fetched(at(container.url))}
    assert found == {b"# alpha", b"beta", *(name.encode() for name in names)}
    assert [one.key for one in listing(at(container.url, prefix="sub/"))] == ["sub/b.txt", ""]


def test_a_shared_access_signature_reads_and_a_wrong_key_does_not(container: Container) -> None:
    from azure.storage.blob import generate_container_sas

    sas = generate_container_sas(
        ACCOUNT, "docs", account_key=KEY, permission="rl", expiry="2099-01-01T00:00:00Z"
    )
    assert len(fetched(at(container.url, account_key=None, sas_token=f"?{sas}"))) == 2
    wrong = base64.b64encode(b"wrong").decode()
    for refused in ({"account_key": wrong}, {"account_key": None, "sas_token": sas[:-9]}):
        with pytest.raises(SourceError, match="auth_error") as caught:
            listing(at(container.url, **refused))
        assert "sig=" not in str(caught.value)


def test_what_goes_or_changes_between_listing_and_reading(container: Container) -> None:
    first, second, _ = listing(at(container.url))
    container.client.delete_blob("a.md")
    container.put("sub/b.txt", b"other")
    for change in (first, second):
        with pytest.raises(DocumentFailed) as caught:
            fetched(at(container.url), change)
        assert caught.value.reason in ("vanished", "changing")


# --- a store that misbehaves, by the blob service's published schema --------------------------

BLOBS = f"/{ACCOUNT}/docs"
CHANGE = Change(kind="upsert", key="a", uri="https://x/a", revision="0x1-1")


def page(*names: str, following: str = "") -> Reply:
    blobs = "".join(
        f"<Blob><Name>{escape(name)}</Name><Properties><Etag>0x1</Etag>"
        "<Last-Modified>Sat, 21 Nov 2026 10:00:00 GMT</Last-Modified>"
        "<Content-Length>1</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>"
        for name in names
    )
    body = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<EnumerationResults ServiceEndpoint="http://x/" ContainerName="docs"><Blobs>{blobs}'
        f"</Blobs><NextMarker>{following}</NextMarker></EnumerationResults>"
    )
    return 200, {"Content-Type": "application/xml"}, body.encode()


def error(status: int, code: str, **headers: str) -> Reply:
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
    said = {"Content-Type": "application/xml", "x-ms-error-code": code, **headers}
    return status, said, body.encode()


def blob(data: bytes) -> Reply:
    ranged = {"Content-Range": f"bytes 0-{len(data) - 1}/{len(data)}", "ETag": '"0x1"'}
    return 206, {**ranged, "Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT"}, data


@pytest.fixture
def store() -> Iterator[Vendor]:
    WAITS.clear()
    with Vendor(lambda _: page("a")).up() as made:
        yield made


def test_pages_follow_their_marker(store: Vendor) -> None:
    def answer(asked: Asked) -> Reply:
        return page("b") if asked.query.get("marker") == "m2" else page("a", following="m2")

    store.answer = answer
    assert [one.key for one in listing(at(store.url))] == ["a", "b", ""]
    assert all(one.headers["Authorization"].startswith("SharedKey ") for one in store.asked)


def test_a_busy_store_is_waited_for_within_bounds(store: Vendor) -> None:
    busy = error(503, "ServerBusy")
    store.first[f"GET {BLOBS}"] = [error(429, "TooMany", **{"Retry-After": "7"}), busy]
    assert len(listing(at(store.url))) == 2
    assert WAITS == [7, 4]
    store.answer = lambda _: busy
    with pytest.raises(SourceError, match="ServerBusy"):
        listing(at(store.url))
    assert len(WAITS) == 6


def test_a_refused_marker_breaks_the_listing(store: Vendor) -> None:
    """The next listing begins anew: none is ever resumed."""
    store.first[f"GET {BLOBS}"] = [page("a", following="m"), error(400, "OutOfRangeInput")]
    with pytest.raises(SourceError, match="OutOfRangeInput"):
        listing(at(store.url))
    store.answer = lambda _: page("a", following="same")
    with pytest.raises(SourceError, match="does not get on"):
        listing(at(store.url))


@pytest.mark.parametrize("status", [401, 403])
def test_revoked_credentials(store: Vendor, status: int) -> None:
    store.first[f"GET {BLOBS}"] = [page("a", following="m")]
    store.answer = lambda _: error(status, "AuthenticationFailed")
    with pytest.raises(SourceError, match="auth_error") as caught:
        listing(at(store.url))
    assert KEY not in str(caught.value)
    with pytest.raises(DocumentFailed) as failed:
        fetched(at(store.url), CHANGE)
    assert failed.value.reason == "auth_error"


@pytest.mark.parametrize("said", [SIGN_IN, b"", {}, b"<EnumerationResults/>"])
def test_what_is_no_listing_never_completes(store: Vendor, said: object) -> None:
    for kind in ("application/xml", "text/html"):
        store.answer = lambda _, kind=kind: (200, {"Content-Type": kind}, said)
        with pytest.raises(SourceError):
            listing(at(store.url))


def test_a_login_page_is_no_blob(store: Vendor) -> None:
    store.answer = lambda _: (200, {}, SIGN_IN)
    with pytest.raises(DocumentFailed):
        fetched(at(store.url), CHANGE)


@pytest.mark.parametrize("name", ["a/../b", "./x", "/etc/passwd", "ä ö%2F+"])
def test_59_dots_in_a_name_stay_in_the_name(store: Vendor, name: str) -> None:
    store.answer = lambda asked: page(name) if asked.path == BLOBS else blob(b"x")
    (raw,) = fetched(at(store.url))
    assert "/" not in raw.name
    assert raw.data == b"x"


@pytest.mark.parametrize(
    ("said", "reason"),
    [(error(404, "BlobNotFound"), "vanished"), (error(412, "ConditionNotMet"), "changing")],
)
def test_a_blob_that_went_or_changed(store: Vendor, said: Reply, reason: str) -> None:
    store.answer = lambda _: said
    with pytest.raises(DocumentFailed) as caught:
        fetched(at(store.url), CHANGE)
    assert caught.value.reason == reason
    assert store.asked[-1].headers["If-Match"] == '"0x1"'


def test_a_blob_that_is_too_large_or_breaks_off(store: Vendor) -> None:
    store.answer = lambda _: blob(b"x" * 100)
    with pytest.raises(DocumentRejected) as large:
        fetched(at(store.url, max_bytes=50), CHANGE)
    assert large.value.reason == "too_large"
    with pytest.raises(DocumentFailed) as other:
        fetched(at(store.url), CHANGE)
    assert other.value.reason == "changing"


def test_redirects_are_not_followed(store: Vendor) -> None:
    with Vendor().up() as other:
        store.answer = lambda _: (302, {"Location": f"{other.url}/x"}, b"")
        with pytest.raises(SourceError):
            listing(at(store.url))
        assert other.asked == []


def test_readers_are_those_of_the_source(store: Vendor) -> None:
    assert listing(at(store.url, readers=("group:staff",)))[0].readers == {"group:staff"}


def test_a_private_store_is_not_contacted(store: Vendor) -> None:
    local = store.url.replace("127.0.0.1", "localhost")
    for url in (store.url, local):
        with pytest.raises(Forbidden):
            listing(at(url, networks=()))
        with pytest.raises(Forbidden):
            closing(at(url, networks=()), lambda source: source.check())
    assert store.asked == []


def test_the_machine_s_own_settings_are_not_used(
    store: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Vendor().up() as other:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, other.url)
        assert len(listing(at(store.url))) == 2
        assert other.asked == []


def test_the_form_refuses_what_is_wrong() -> None:
    for wrong in (
        {"container": "../x"},
        {"account": "evil.example"},
        {"account_key": "no base64"},
        {"sas_token": "both"},
        {"endpoint_url": "http://store.example"},
        {"endpoint_url": "https://u:p@host"},
    ):
        with pytest.raises(ValidationError):
            at("http://127.0.0.1", **wrong)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "azure.storage.blob", None)
    with pytest.raises(ConfigError) as caught:
        at("http://127.0.0.1")
    assert "ratchet-rag[azure]" in caught.value.hint
