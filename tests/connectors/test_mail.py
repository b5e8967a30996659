"""The mail connector against a real IMAP conversation on loopback."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from connectors import mail
from connectors.mail import MailConfig, MailConnector
from rag.errors import DocumentFailed, DocumentRejected, Forbidden, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change, Cursor
from tests.connectors import certificates
from tests.connectors.imap_server import Folder, ImapServer

LOOPBACK = ("127.0.0.0/8",)
tls = certificates.tls


def message(text: str, message_id: str = "<1@example.org>") -> bytes:
    head = f"From: a@example.org\r\nSubject: {text}\r\nMessage-ID: {message_id}\r\n"
    return f"{head}\r\n{text}\r\n".encode()


@pytest.fixture
def server() -> Iterator[ImapServer]:
    inbox = Folder(validity=7, messages={3: message("alpha"), 5: message("beta!")})
    with ImapServer({"INBOX": inbox, "Entw&APw-rfe": Folder()}).running() as running:
        yield running


def connector(server: ImapServer, **config: object) -> MailConnector:
    chosen = {"security": "plain", "password": "s3cret", "networks": LOOPBACK, **config}
    return MailConnector(MailConfig(host="127.0.0.1", port=server.port, username="me", **chosen))


def listing(reader: MailConnector) -> list[Change]:
    async def run() -> list[Change]:
        try:
            return [change async for change in reader.discover(Cursor())]
        finally:
            await reader.aclose()

    return asyncio.run(run())


def fetch(reader: MailConnector, change: Change):
    async def run():
        try:
            return await reader.fetch(change)
        finally:
            await reader.aclose()

    return asyncio.run(run())


class TestMailContract(ConnectorContract):
    @pytest.fixture
    def source(self, server: ImapServer) -> ConnectorSource:
        messages = server.folders["INBOX"].messages
        return ConnectorSource(
            make=lambda: connector(server),
            count=2,
            edit=lambda: messages.update({3: message("alpha, edited")}),
            remove=lambda: messages.pop(3) and None,
            broken=server.folders.clear,
            expected=frozenset(messages.values()),
        )


def test_a_message_is_named_by_what_the_server_vouches_for(server: ImapServer) -> None:
    first, second, end = listing(connector(server))
    assert (first.key, second.key, end.kind) == ("INBOX/7/3", "INBOX/7/5", "complete")
    raw = fetch(connector(server), first)
    assert (raw.name, raw.media_type, raw.data) == ("3.eml", "message/rfc822", message("alpha"))
    assert raw.modified_at == datetime(2026, 11, 17, 0, 44, 25, tzinfo=UTC)
    assert raw.uri == "imap://127.0.0.1/INBOX;UIDVALIDITY=7/;UID=3"
    # Folders are only ever examined and bodies peeked at: nothing is marked as read.
    assert not any("SELECT" in line or "BODY[" in line for line in server.heard)


def test_the_same_message_id_twice_is_two_messages(server: ImapServer) -> None:
    server.folders["INBOX"].messages[9] = message("alpha")
    assert len({change.key for change in listing(connector(server))[:-1]}) == 3


def test_a_renumbered_folder_is_another_folder(server: ImapServer) -> None:
    before = listing(connector(server))[0]
    server.folders["INBOX"].validity = 8
    assert listing(connector(server))[0].key == "INBOX/8/3"
    with pytest.raises(DocumentFailed) as caught:
        fetch(connector(server), before)
    assert caught.value.reason == "vanished"


def test_folders_pages_and_days(server: ImapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "PAGE", 2)
    many = server.folders["Entw&APw-rfe"].messages
    many.update({uid: message(str(uid)) for uid in range(10, 15)})
    changes = listing(connector(server, folders=("INBOX", "Entwürfe"), since_days=3))
    assert [change.key for change in changes[:-1]] == [
        "INBOX/7/3", "INBOX/7/5", *(f"Entwürfe/1/{uid}" for uid in range(10, 15))
    ]  # fmt: skip
    assert any("UNDELETED SINCE" in line for line in server.heard)
    assert fetch(connector(server), changes[3]).data == message("11")


def test_a_folder_that_is_not_there_breaks_the_listing(server: ImapServer) -> None:
    with pytest.raises(SourceError, match="folder 'Lost'"):
        listing(connector(server, folders=("INBOX", "Lost")))


def test_large_and_vanished_messages(server: ImapServer) -> None:
    change = listing(connector(server))[0]
    with pytest.raises(DocumentRejected) as caught:
        fetch(connector(server, max_bytes=20), change)
    assert caught.value.reason == "too_large"
    del server.folders["INBOX"].messages[3]
    with pytest.raises(DocumentFailed) as gone:
        fetch(connector(server), change)
    assert gone.value.reason == "vanished"


def test_a_message_larger_than_it_was_said_to_be_is_not_read(server: ImapServer) -> None:
    server.folders["INBOX"].messages[3] = b"x" * 3_000_000
    server.lie_about_size = True
    change = listing(connector(server))[0]
    with pytest.raises(DocumentFailed, match="said to be smaller"):
        fetch(connector(server, max_bytes=1000), change)


def test_a_server_that_drops_mid_message_fails_the_message_and_is_asked_again(
    server: ImapServer,
) -> None:
    reader = connector(server)

    async def run() -> bytes:
        change, *_ = [change async for change in reader.discover(Cursor())]
        server.cut_messages = True
        with pytest.raises(DocumentFailed):
            await reader.fetch(change)
        server.cut_messages = False
        data = (await reader.fetch(change)).data
        await reader.aclose()
        return data

    assert asyncio.run(run()) == message("alpha")


def test_a_busy_server_is_not_an_empty_mailbox(server: ImapServer) -> None:
    server.busy = True
    with pytest.raises(SourceError, match="does not give out"):
        listing(connector(server))
    with pytest.raises(DocumentFailed):
        fetch(connector(server), Change(kind="upsert", key="INBOX/7/3", uri="x", revision="1"))


def test_a_server_that_says_nothing_is_given_up(server: ImapServer) -> None:
    server.silent = True
    with pytest.raises(SourceError):
        listing(connector(server, timeout_s=0.3))


def test_a_wrong_password_is_said_but_not_shown(server: ImapServer) -> None:
    reader = connector(server, password="wr0ng")
    assert "wr0ng" not in repr(reader.config)
    with pytest.raises(SourceError, match="auth_error") as caught:
        listing(reader)
    assert "wr0ng" not in str(caught.value)


# --- encryption ------------------------------------------------------------------------------


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_encrypted_mailboxes(tls: certificates.Tls, security: str) -> None:
    made = ImapServer({"INBOX": Folder(1, {1: message("alpha")})}, tls=tls.server)
    with made.running(implicit_tls=security == "tls") as server:
        change = listing(connector(server, security=security))[0]
        assert fetch(connector(server, security=security), change).data == message("alpha")


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_stranger_s_certificate_gets_no_password(tls: certificates.Tls, security: str) -> None:
    made = ImapServer({"INBOX": Folder()}, tls=tls.stranger)
    with made.running(implicit_tls=security == "tls") as server:
        with pytest.raises(SourceError, match="CERTIFICATE_VERIFY_FAILED"):
            listing(connector(server, security=security))
        assert not any("LOGIN" in line for line in server.heard)


def test_stripped_starttls_gets_no_password(server: ImapServer) -> None:
    server.offers_starttls = False
    with pytest.raises(SourceError, match="TLS not supported"):
        listing(connector(server, security="starttls"))
    assert not any("LOGIN" in line for line in server.heard)


def test_private_and_plain_servers_are_refused(
    server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Forbidden):
        listing(connector(server, networks=()))
    assert server.heard == []
    monkeypatch.setattr("rag.egress.resolve_now", lambda *_: "192.0.2.1")
    with pytest.raises(Forbidden, match="without encryption"):
        listing(connector(server))


@pytest.mark.parametrize("name", ["INBOX\r\nA1 DELETE x", "", "a\0b"])
def test_names_that_could_be_commands_are_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        MailConfig(host="h", username="u", password="p", folders=(name,))
