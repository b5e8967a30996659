"""The S3 connector against moto's server on loopback."""

import asyncio
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pydantic import ValidationError

from connectors import objects
from connectors.objects import S3Config, S3Connector
from rag.errors import DocumentFailed, DocumentRejected, Forbidden, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change, Cursor
from tests.connectors.git_server import serving

LOOPBACK = ("127.0.0.0/8",)


@dataclass
class Bucket:
    url: str
    client: Any

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket="docs", Key=key, Body=data)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket="docs", Key=key)

    def connector(self, **config: object) -> S3Connector:
        chosen = {"bucket": "docs", "endpoint_url": self.url, "networks": LOOPBACK}
        keys = {"access_key": "me", "secret_key": "s3cret"}
        return S3Connector(S3Config(**{**chosen, **keys, **config}))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    yield "http://{}:{}".format(*running.get_host_and_port())
    running.stop()


@pytest.fixture
def bucket(server: str) -> Iterator[Bucket]:
    client = boto3.client(
        "s3", endpoint_url=server, region_name="us-east-1",
        aws_access_key_id="a", aws_secret_access_key="b",
    )  # fmt: skip
    client.create_bucket(Bucket="docs")
    made = Bucket(server, client)
    made.put("a.md", b"# alpha")
    made.put("sub/b.txt", b"beta")
    yield made
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="docs")
    for entry in [entry for page in pages for entry in page.get("Contents", [])]:
        made.delete(entry["Key"])
    client.delete_bucket(Bucket="docs")
    client.close()


def listing(reader: S3Connector) -> list[Change]:
    async def run() -> list[Change]:
        try:
            return [change async for change in reader.discover(Cursor())]
        finally:
            await reader.aclose()

    return asyncio.run(run())


def fetch(reader: S3Connector, change: Change):
    async def run():
        try:
            return await reader.fetch(change)
        finally:
            await reader.aclose()

    return asyncio.run(run())


class TestS3Contract(ConnectorContract):
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


def test_pages_prefix_and_globs(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "PAGE", 2)
    for number in range(5):
        bucket.put(f"many/{number}.md", b"x")
    assert [change.key for change in listing(bucket.connector())[:-1]] == [
        "a.md", *(f"many/{number}.md" for number in range(5)), "sub/b.txt"
    ]  # fmt: skip
    assert len(listing(bucket.connector(prefix="many/"))) == 6
    assert [c.key for c in listing(bucket.connector(include=("**/*.txt",)))[:-1]] == ["sub/b.txt"]
    assert len(listing(bucket.connector(exclude=("many/*",)))) == 3


def test_folder_markers_are_skipped_and_names_are_data(bucket: Bucket) -> None:
    names = ["100%25.md", "ünï.md", "a//b.md", "x y+z.md"]
    for name in names:
        bucket.put(name, name.encode())
    bucket.put("folder/", b"")
    changes = listing(bucket.connector())
    assert [c.key for c in changes if c.kind == "skipped"] == ["folder/"]
    found = {fetch(bucket.connector(), c).data for c in changes if c.kind == "upsert"}
    assert found == {b"# alpha", b"beta", *(name.encode() for name in names)}


def test_deleted_and_changed_between_listing_and_reading(bucket: Bucket) -> None:
    first, second, _ = listing(bucket.connector())
    bucket.delete("a.md")
    bucket.put("sub/b.txt", b"other")
    with pytest.raises(DocumentFailed) as gone:
        fetch(bucket.connector(), first)
    assert gone.value.reason == "vanished"
    with pytest.raises(DocumentFailed) as changed:
        fetch(bucket.connector(), second)
    assert changed.value.reason == "changing"


def test_large_objects_are_rejected(bucket: Bucket) -> None:
    change = listing(bucket.connector())[0]
    with pytest.raises(DocumentRejected) as caught:
        fetch(bucket.connector(max_bytes=3), change)
    assert caught.value.reason == "too_large"


def test_a_missing_bucket_breaks_the_listing(bucket: Bucket) -> None:
    with pytest.raises(SourceError, match="NoSuchBucket"):
        listing(bucket.connector(bucket="elsewhere"))


# --- a store that misbehaves -----------------------------------------------------------------

ENTRY = "<Contents><Key>{}</Key><Size>{}</Size><ETag>&quot;e&quot;</ETag></Contents>"


def store(answers: list[tuple[str, bytes]], headers: tuple[tuple[str, str], ...] = ()):
    """A store that gives these answers, the last one for ever."""
    asked: list[str] = []

    def app(environ, start):
        asked.append(environ["PATH_INFO"] + "?" + environ["QUERY_STRING"])
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        start(status, [("Content-Length", str(len(body))), *headers])
        return [body]

    return app, asked


def page(*entries: tuple[str, int], more: bool = False) -> tuple[str, bytes]:
    listed = "".join(ENTRY.format(*entry) for entry in entries)
    truncated = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
    return "200 OK", f"<ListBucketResult>{truncated}{listed}</ListBucketResult>".encode()


def error(status: str, code: str) -> tuple[str, bytes]:
    return status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


def at(running: Any, **config: object) -> S3Connector:
    return Bucket(f"http://127.0.0.1:{running.server_port}", None).connector(**config)


def test_revoked_credentials_mid_listing_break_it() -> None:
    app, _ = store([page(("a", 1), more=True), error("403 Forbidden", "AccessDenied")])
    with serving(app) as running, pytest.raises(SourceError, match="auth_error") as caught:
        listing(at(running))
    assert "s3cret" not in str(caught.value)


def test_slow_down_is_waited_for_and_pages_go_on_behind_the_last_key() -> None:
    slow = error("503 Slow Down", "SlowDown")
    app, asked = store([page(("a", 1), more=True), slow, page(("b", 1))])
    with serving(app) as running:
        assert [change.key for change in listing(at(running))] == ["a", "b", ""]
    assert "start-after=a" in asked[1]
    assert "start-after=a" in asked[2]


@pytest.mark.parametrize("body", [b"<html><body>Log in</body></html>", b""])
def test_a_login_page_is_no_listing(body: bytes) -> None:
    app, _ = store([("200 OK", body)])
    with serving(app) as running, pytest.raises(SourceError):
        listing(at(running))


def test_a_listing_that_turns_in_circles_is_broken_off() -> None:
    app, _ = store([page(("a", 1), more=True)])
    with serving(app) as running, pytest.raises(SourceError, match="does not get on"):
        listing(at(running))


def test_the_same_etag_with_another_size_is_another_revision() -> None:
    revisions = []
    for size in (1, 2):
        app, _ = store([page(("a", size))])
        with serving(app) as running:
            revisions.append(listing(at(running))[0].revision)
    assert revisions[0] != revisions[1]


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/../b", "./x", "/etc/passwd"])
def test_dots_in_a_key_stay_in_the_key(name: str) -> None:
    app, asked = store([page((name, 1)), ("200 OK", b"x")])
    with serving(app) as running:
        change = listing(at(running))[0]
        raw = fetch(at(running), change)
    assert change.key == name
    assert asked[-1].startswith(f"/docs/{name}?")
    assert "/" not in raw.name


def test_a_body_that_breaks_off_fails_for_now() -> None:
    change = Change(kind="upsert", key="a", uri="s3://docs/a", revision="e-9")

    def app(_environ, start):
        start("200 OK", [("Content-Length", "900"), ("ETag", '"e"')])
        return [b"too short"]

    with serving(app) as running, pytest.raises(DocumentFailed):
        fetch(at(running), change)


def test_revoked_credentials_between_listing_and_reading() -> None:
    change = Change(kind="upsert", key="a", uri="s3://docs/a", revision="e-9")
    app, _ = store([error("403 Forbidden", "ExpiredToken")])
    with serving(app) as running, pytest.raises(DocumentFailed) as caught:
        fetch(at(running), change)
    assert caught.value.reason == "auth_error"


# --- the network -----------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_private_store_is_not_contacted(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        url = f"http://{host}:{listener.getsockname()[1]}"
        with pytest.raises(Forbidden):
            listing(Bucket(url, None).connector(networks=()))
        with pytest.raises(TimeoutError):
            listener.accept()


def test_the_machine_s_own_settings_are_not_used(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        elsewhere = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for name in ("HTTP_PROXY", "http_proxy", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
            monkeypatch.setenv(name, elsewhere)
        monkeypatch.setenv("AWS_PROFILE", "none-such")
        monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
        assert len(listing(bucket.connector())) == 3
        with pytest.raises(TimeoutError):
            listener.accept()


def test_configuration_is_checked() -> None:
    for wrong in (
        {"bucket": "../x"},
        {"bucket": "docs", "endpoint_url": "file:///etc"},
        {"bucket": "docs", "endpoint_url": "https://u:p@host"},
        {"bucket": "docs", "access_key": "me"},
        {"bucket": "docs", "region": "us-east-1.evil.example"},
    ):
        with pytest.raises(ValidationError):
            S3Config(**wrong)
