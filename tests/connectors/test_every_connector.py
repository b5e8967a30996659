"""What holds for every registered connector, also for those that are still to come."""

import asyncio
import inspect
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connectors import _sdk, sql
from rag import plugins
from rag.errors import DocumentFailed, DocumentRejected, Forbidden, RagError
from rag.protocols import Connector
from rag.types import Change, Cursor
from tests.connectors.ssh_server import SshServer
from tests.connectors.vendor import SIGN_IN, Vendor

LOCAL = {"files", "uploads"}
"""They reach nothing over a network."""
UNCHECKED = {"llamahub"}
"""A reader of somebody else connects as it likes; its docs say so."""
LOOPBACK = ("127.0.0.0/8", "::1/128")


@dataclass
class Listener:
    """Somebody whom no connector may reach."""

    port: int
    answer: bytes = b""
    connections: list[object] = field(default_factory=list[object])
    reached: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening("127.0.0.1") as made:
        yield made


@pytest.fixture
def elsewhere() -> Iterator[Listener]:
    with listening("127.0.0.2") as made:
        yield made


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waits between attempts; all are loaded first, so that none keeps this for its default."""
    for name in CASES:
        plugins.load(plugins.CONNECTORS, name)
    monkeypatch.setattr(_sdk, "sleep", lambda _: None)
    monkeypatch.setattr(sql, "RETRY_AFTER_S", (0.0, 0.0))
    monkeypatch.setattr(asyncio, "sleep", _soon)


async def _soon(_: float, now: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    await now(0)


@contextmanager
def listening(host: str) -> Iterator[Listener]:
    with socket.create_server((host, 0)) as server:
        made, ended = Listener(server.getsockname()[1]), threading.Event()

        def accept() -> None:
            while True:
                connection, address = server.accept()
                with connection:
                    if ended.is_set():
                        return
                    made.connections.append(address)
                    made.reached.set()
                    if made.answer:
                        connection.settimeout(0.2)
                        with suppress(OSError):
                            connection.recv(65_536)
                            connection.sendall(made.answer)

        thread = threading.Thread(target=accept)
        thread.start()
        yield made
        ended.set()
        socket.create_connection((host, made.port)).close()
        thread.join()


def _key_file() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return json.dumps({"client_email": "r@p.iam", "private_key": pem.decode()})


Case = Callable[[str, int], dict[str, Any]]
"""The settings that send a connector to a host and port."""

CASES: dict[str, Case] = {
    "azure": lambda host, port: {
        "account": "docs", "container": "docs", "account_key": "bm9uZQ==",
        "endpoint_url": f"http://{host}:{port}",
    },
    "confluence": lambda host, port: {
        "url": f"http://{host}:{port}", "deployment": "server", "token": "t", "spaces": ["HR"],
    },
    "drive": lambda host, port: {
        "service_account": _key_file(), "api_url": f"http://{host}:{port}",
        "token_url": f"http://{host}:{port}/token",
    },
    "feeds": lambda host, port: {"urls": [f"http://{host}:{port}/feed"]},
    "gcs": lambda host, port: {
        "bucket": "docs", "service_account": _key_file(),
        "endpoint_url": f"http://{host}:{port}", "token_url": f"http://{host}:{port}/token",
    },
    "git": lambda host, port: {"url": f"http://{host}:{port}/r.git"},
    "github": lambda host, port: {
        "repositories": ["a/b"], "token": "t", "url": f"http://{host}:{port}",
    },
    "gitlab": lambda host, port: {
        "projects": ["a/b"], "token": "t", "url": f"http://{host}:{port}",
    },
    "jira": lambda host, port: {
        "url": f"http://{host}:{port}", "deployment": "server", "token": "t", "projects": ["A"],
    },
    "mail": lambda host, port: {
        "host": host, "port": port, "security": "plain", "username": "me", "password": "pw",
    },
    "notion": lambda host, port: {"token": "t", "api_url": f"http://{host}:{port}"},
    "rest": lambda host, port: {"url": f"http://{host}:{port}", "path": "articles"},
    "s3": lambda host, port: {"bucket": "docs", "endpoint_url": f"http://{host}:{port}"},
    "sftp": lambda host, port: {
        "host": host, "port": port,
        "ssh": {"username": "me", "password": "pw", "host_key": SshServer().host_key},
    },
    "sharepoint": lambda host, port: {
        "tenant": "t", "client_id": "c", "client_secret": "s", "drives": ["d"],
        "graph_url": f"http://{host}:{port}", "login_url": f"http://{host}:{port}",
    },
    "slack": lambda host, port: {
        "token": "t", "channels": ["C1"], "api_url": f"http://{host}:{port}",
    },
    "sql": lambda host, port: {
        "url": f"postgresql+psycopg://me:pw@{host}:{port}/db", "table": "t", "key": "id",
        "text": ["body"],
    },
    "web": lambda host, port: {"urls": [f"http://{host}:{port}/"]},
}  # fmt: skip


def made(name: str, host: str, port: int, networks: tuple[str, ...]) -> Any:
    """The connector, without the waits that it would take between its attempts."""
    config = plugins.settings(name, {**CASES[name](host, port), "networks": list(networks)})
    kind = plugins.load(plugins.CONNECTORS, name)
    waits = "sleep" in inspect.signature(kind).parameters
    return kind(config, sleep=_soon) if waits else kind(config)


async def listed(connector: Connector) -> tuple[set[str], str]:
    """The kinds of changes it lists, and what it says where it breaks off."""
    kinds: set[str] = set()
    try:
        async for change in connector.discover(Cursor()):
            kinds.add(change.kind)
    except RagError as error:
        return kinds, str(error)
    return kinds, ""


def test_every_connector_with_a_network_has_a_case() -> None:
    registered = set(plugins.names(plugins.CONNECTORS))
    assert registered - LOCAL - UNCHECKED == CASES.keys()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("name", CASES)
def test_no_connector_reaches_a_private_address(name: str, host: str, listener: Listener) -> None:
    async def scenario() -> None:
        connector = made(name, host, listener.port, ())
        with pytest.raises(Forbidden):
            await connector.check()
        kinds, said = await listed(connector)
        assert "upsert" not in kinds
        assert "complete" not in kinds or "failed" in kinds
        assert not said or "not a public address" in said
        url = f"http://{host}:{listener.port}/a"
        with pytest.raises((Forbidden, DocumentFailed, DocumentRejected)):
            await connector.fetch(Change(kind="upsert", key=url, uri=url, revision="7-1"))
        await connector.aclose()

    asyncio.run(scenario())
    assert listener.connections == []


@pytest.mark.parametrize("name", CASES)
def test_the_same_connector_reaches_it_once_allowed(
    name: str, listener: Listener, hurried: None
) -> None:
    """Or the test above would prove nothing."""

    async def scenario() -> None:
        connector = made(name, "127.0.0.1", listener.port, LOOPBACK)
        checking = asyncio.ensure_future(connector.check())
        reached = asyncio.ensure_future(asyncio.to_thread(listener.reached.wait, 20))
        await asyncio.wait((checking, reached), return_when=asyncio.FIRST_COMPLETED)
        checking.cancel()
        await asyncio.gather(checking, return_exceptions=True)
        listener.reached.set()
        await reached
        await connector.aclose()

    asyncio.run(scenario())
    assert listener.connections


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"mail", "sftp", "sql"}))
def test_no_connector_follows_a_redirect_to_a_private_address(
    name: str, elsewhere: Listener, hurried: None
) -> None:
    async def scenario(port: int) -> None:
        connector = made(name, "127.0.0.1", port, ("127.0.0.1/32",))
        with pytest.raises(RagError):
            await connector.check()
        kinds, _ = await listed(connector)
        assert "upsert" not in kinds
        await connector.aclose()

    there = {"Location": f"http://127.0.0.2:{elsewhere.port}/"}
    with Vendor(lambda _: (302, there, b"")).up() as vendor:
        asyncio.run(scenario(int(vendor.url.rpartition(":")[2])))
        assert vendor.asked
    assert elsewhere.connections == []


BROKEN: dict[str, bytes] = {
    "hangs up": b"",
    "talks nonsense": b"* nonsense\r\n\r\n",
    "fails": b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
    "is empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "breaks off": b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{",
    "asks to sign in": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: "
    + f"{len(SIGN_IN)}\r\n\r\n{SIGN_IN}".encode(),
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("name", CASES)
def test_a_source_that_is_none_breaks_the_listing(
    name: str, how: str, listener: Listener, hurried: None
) -> None:
    """In words of ours, whatever the library says, and never as a listing that is complete."""
    listener.answer = BROKEN[how]

    async def scenario() -> tuple[set[str], str]:
        connector = made(name, "127.0.0.1", listener.port, LOOPBACK)
        try:
            return await listed(connector)
        finally:
            await connector.aclose()

    kinds, said = asyncio.run(scenario())
    assert said, kinds
    assert "complete" not in kinds
    assert "upsert" not in kinds


# --- the gallery -----------------------------------------------------------------------------


def test_every_connector_of_ours_says_what_it_is_and_was_verified_against() -> None:
    for one in plugins.connectors():
        assert one.problem == ""
        assert one.about.endswith(".")
        assert one.verified, one.name


def test_one_that_says_nothing_is_unverified(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("plain", f"{__name__}:Plain", plugins.CONNECTORS)
    monkeypatch.setattr(plugins, "_installed", lambda group: [point])
    (found,) = plugins.connectors()
    assert (found.name, found.verified, found.problem) == ("plain", "", "")


class Plain:
    Config = plugins.load(plugins.CONNECTORS, "files").Config
