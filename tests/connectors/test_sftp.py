"""The SFTP connector against a real SSH server on loopback."""

import asyncio
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from connectors.sftp import SftpConfig, SftpConnector
from rag.errors import ConfigError, DocumentFailed, DocumentRejected, Forbidden, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change, Cursor
from tests.connectors.ssh_server import USER_KEY, SshServer

LOOPBACK = ("127.0.0.0/8",)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    root = tmp_path / "root"
    (root / "docs" / "sub").mkdir(parents=True)
    (root / "docs" / "a.txt").write_bytes(b"alpha")
    (root / "docs" / "sub" / "b.md").write_bytes(b"# beta")
    with SshServer(root).running() as running:
        yield running


def connector(
    server: SshServer, login: dict[str, object] | None = None, **config: object
) -> SftpConnector:
    ssh = {"username": "me", "password": "s3cret", "host_key": server.host_key, **(login or {})}
    chosen = {"path": "/docs", "networks": LOOPBACK, **config}
    return SftpConnector(SftpConfig(host="127.0.0.1", port=server.port, ssh=ssh, **chosen))


def listing(reader: SftpConnector) -> list[Change]:
    async def run() -> list[Change]:
        try:
            return [change async for change in reader.discover(Cursor())]
        finally:
            await reader.aclose()

    return asyncio.run(run())


def fetch(reader: SftpConnector, change: Change):
    async def run():
        try:
            return await reader.fetch(change)
        finally:
            await reader.aclose()

    return asyncio.run(run())


class TestSftpContract(ConnectorContract):
    @pytest.fixture
    def source(self, server: SshServer) -> ConnectorSource:
        docs = server.root / "docs"
        return ConnectorSource(
            make=lambda: connector(server),
            count=2,
            edit=lambda: (docs / "a.txt").write_bytes(b"alpha, edited") and None,
            remove=(docs / "a.txt").unlink,
            broken=lambda: docs.rename(server.root / "gone") and None,
            expected=frozenset({b"alpha", b"# beta"}),
        )


def test_links_are_skipped_and_never_followed(server: SshServer, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    docs = server.root / "docs"
    (docs / "leak").symlink_to(tmp_path / "outside")
    (docs / "loop").symlink_to(docs)
    changes = listing(connector(server))
    assert [change.key for change in changes if change.kind == "skipped"] == ["leak", "loop"]
    assert [change.key for change in changes if change.kind == "upsert"] == ["a.txt", "sub/b.md"]
    (docs / "a.txt").unlink()
    (docs / "a.txt").symlink_to(tmp_path / "outside")
    with pytest.raises(DocumentFailed) as caught:
        fetch(connector(server), changes[0])
    assert caught.value.reason == "not_a_file"


def test_an_unreadable_folder_keeps_the_listing_from_completing(server: SshServer) -> None:
    server.refused.add("/docs/sub")
    assert [(c.kind, c.key) for c in listing(connector(server))] == [
        ("upsert", "a.txt"),
        ("failed", "sub/"),
    ]
    server.refused.add("/docs")
    with pytest.raises(SourceError):
        listing(connector(server))


def test_large_and_vanished_files(server: SshServer) -> None:
    change = listing(connector(server))[0]
    with pytest.raises(DocumentRejected) as large:
        fetch(connector(server, max_bytes=3), change)
    assert large.value.reason == "too_large"
    (server.root / "docs" / "a.txt").unlink()
    with pytest.raises(DocumentFailed) as gone:
        fetch(connector(server), change)
    assert gone.value.reason == "vanished"


def test_names_and_sizes_of_all_kinds(server: SshServer) -> None:
    names = ["new\nline.txt", "ünï 100%.txt", "%41.txt", "empty.txt", "big.bin"]
    for name in names:
        (server.root / "docs" / name).write_bytes(b"")
    (server.root / "docs" / "big.bin").write_bytes(b"0123456789" * 100_000)
    changes = [c for c in listing(connector(server)) if c.kind == "upsert"]
    found = {raw.name: len(raw.data) for raw in (fetch(connector(server), c) for c in changes)}
    assert found == {"a.txt": 5, "b.md": 6, **dict.fromkeys(names, 0), "big.bin": 1_000_000}


# --- the login -------------------------------------------------------------------------------


def test_another_host_key_gets_no_login(server: SshServer) -> None:
    wrong = {"host_key": SshServer().host_key}
    with pytest.raises(SourceError, match="another host key"):
        listing(connector(server, wrong))
    assert server.logins == []


def test_login_by_key_and_wrong_passwords(server: SshServer) -> None:
    pem = StringIO()
    USER_KEY.write_private_key(pem)
    by_key = connector(server, {"password": None, "private_key": pem.getvalue()})
    assert len(listing(by_key)) == 3
    assert "BEGIN" not in repr(by_key.config)
    with pytest.raises(SourceError, match="auth_error") as caught:
        listing(connector(server, {"password": "wr0ng"}))
    assert "wr0ng" not in str(caught.value)
    with pytest.raises(ConfigError, match="password or a private_key"):
        listing(connector(server, {"password": None}))


def test_a_private_server_is_not_contacted(server: SshServer) -> None:
    with pytest.raises(Forbidden):
        listing(connector(server, networks=()))
    assert server.logins == []
