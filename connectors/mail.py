"""Messages of an IMAP mailbox, as they were sent.

The key is folder/UIDVALIDITY/UID: the one name that the server vouches for. A Message-ID is written
by the sender, so two messages may share it and a stranger could replace one by another. The price:
where a server renumbers a folder (a new UIDVALIDITY), all of it is listed as new and the old as
gone, which a large folder turns into a hold.
"""

from __future__ import annotations

import asyncio
import imaplib
import ipaddress
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal, ParamSpec, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from rag import egress
from rag.errors import (
    ConfigError,
    DocumentFailed,
    DocumentRejected,
    Forbidden,
    RagError,
    SourceError,
)
from rag.readers import Reader
from rag.types import EVERYONE, Change, Cursor, RawDocument, utc_now

PAGE = 500
_PORTS = {"tls": 993, "starttls": 143, "plain": 143}
_P = ParamSpec("_P")
_T = TypeVar("_T")


class MailConfig(BaseModel):
    """Which mailbox and which folders of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1, description="The IMAP server, e.g. imap.example.org.")
    port: int = Field(0, ge=0, le=65535, description="Its port; 0 means 993, or 143 for starttls.")
    security: Literal["tls", "starttls", "plain"] = Field(
        "tls", description="How to encrypt. 'plain' is accepted only on this machine."
    )
    username: str = Field(min_length=1, description="User name of the mailbox.")
    password: SecretStr = Field(description="Password, or the app password of the provider.")
    folders: tuple[str, ...] = Field(("INBOX",), min_length=1, description="Folders to read.")
    since_days: int | None = Field(
        None, ge=1, description="Only mail received in the last days; older mail is dropped again."
    )
    max_bytes: int = Field(50_000_000, ge=1, description="Larger mail is rejected(too_large).")
    timeout_s: float = Field(120, gt=0, description="Longest time for one answer of the server.")
    readers: tuple[Reader, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read: user:NAME, group:NAME or everyone."
    )
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )

    @field_validator("username", "folders")
    @classmethod
    def _printable(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        names = (value,) if isinstance(value, str) else value
        if not all(name and name.isprintable() for name in names):
            raise ValueError("names must not be empty or hold control characters")
        return value


class MailConnector:
    """Lists messages that are not marked as deleted. Opens folders read-only: nothing is marked."""

    Config: ClassVar[type[BaseModel]] = MailConfig
    verified: ClassVar[str] = "an IMAP server of our own"

    def __init__(self, config: MailConfig) -> None:
        self.config = config
        self._port = config.port or _PORTS[config.security]
        self._mailbox: Any = None
        self._folder: tuple[str, str] | None = None
        self._lock = asyncio.Lock()
        try:
            import imap_tools  # noqa: F401  # pyright: ignore[reportUnusedImport]
        except ImportError as error:
            raise ConfigError(
                "Mail sources need the package imap-tools.",
                hint="Install it: pip install 'ratchet-rag[mail]'",
            ) from error

    async def check(self) -> str:
        counts = [
            f"{len((await self._call(self._uids, name))[1]):,} in {name}"
            for name in self.config.folders
        ]
        return f"Messages on {self.config.host}: {', '.join(counts)}."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        """A full listing each time: sizes and dates of all messages, but no message."""
        for folder in self.config.folders:
            validity, uids = await self._call(self._uids, folder)
            for start in range(0, len(uids), PAGE):
                page = uids[start : start + PAGE]
                for change in await self._call(self._page, folder, validity, page):
                    yield change
        yield Change(kind="complete")

    async def fetch(self, change: Change) -> RawDocument:
        try:
            data, received = await self._call(self._message, change)
        except SourceError as error:
            raise DocumentFailed("unreadable", error.message, hint=error.hint) from error
        return RawDocument(
            key=change.key,
            uri=change.uri,
            name=f"{change.key.rpartition('/')[2]}.eml",
            data=data,
            media_type="message/rfc822",
            modified_at=received,
            readers=change.readers,
        )

    async def aclose(self) -> None:
        async with self._lock:
            await asyncio.to_thread(self._log_out)

    async def _call(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Runs blocking work on the one connection; when it fails or hangs, that is given up."""
        async with self._lock:
            try:
                async with asyncio.timeout(self.config.timeout_s):
                    return await asyncio.to_thread(work, *args, **kwargs)
            except RagError:
                raise
            except BaseException as error:
                self._drop()
                if isinstance(error, TimeoutError):
                    said = f"no answer within {self.config.timeout_s:g} s"
                elif isinstance(error, Exception):
                    said = f"{type(error).__name__}: {error}"
                else:
                    raise
                raise SourceError(
                    f"The mailbox on {self.config.host} cannot be read: {said}.",
                ) from error

    # --- everything below blocks and runs in threads, one call at a time ---

    def _uids(self, folder: str) -> tuple[str, list[str]]:
        validity = self._select(folder)
        criteria = "UNDELETED"
        if self.config.since_days is not None:
            day = utc_now() - timedelta(days=self.config.since_days)
            criteria += f" SINCE {day.day}-{_MONTHS[day.month - 1]}-{day.year}"
        uids: list[str] = self._mailbox.uids(criteria, charset=None)
        return validity, sorted({uid for uid in uids if uid.isdecimal()}, key=int)

    def _page(self, folder: str, validity: str, uids: list[str]) -> list[Change]:
        self._select(folder, validity)
        found = self._facts(",".join(uids))
        where = f"imap://{self.config.host}/{quote(folder, safe='')};UIDVALIDITY={validity}"
        readers = frozenset(self.config.readers)
        # What vanished since the search is simply not answered.
        return [
            Change(
                kind="upsert",
                key=f"{folder}/{validity}/{uid}",
                uri=f"{where}/;UID={uid}",
                revision=f"{found[uid][0]}-{found[uid][1]}",
                readers=readers,
            )
            for uid in uids
            if uid in found
        ]

    def _facts(self, uids: str) -> dict[str, tuple[int, str]]:
        """Size and date of reception of each message that is there."""
        lines = self._answer(uids, "(UID RFC822.SIZE INTERNALDATE)")
        found: dict[str, tuple[int, str]] = {}
        for line in lines:
            text = (line if isinstance(line, bytes) else b"").decode("ascii", "replace")
            uid, size = re.search(r"\bUID (\d+)", text), re.search(r"\bRFC822\.SIZE (\d+)", text)
            date = re.search(r'\bINTERNALDATE "([^"]*)"', text)
            if uid and size:
                found[uid[1]] = int(size[1]), date[1].strip() if date else ""
        return found

    def _answer(self, uids: str, parts: str) -> list[Any]:
        status, lines = self._mailbox.client.uid("FETCH", uids, parts)
        if status != "OK":  # a server that is busy must not pass for one whose mail is gone
            raise SourceError(
                f"{self.config.host} does not give out messages: {lines!r:.200}.",
            )
        return lines

    def _message(self, change: Change) -> tuple[bytes, datetime | None]:
        folder, validity, uid = change.key.rsplit("/", 2)
        self._select(folder, validity)
        facts = self._facts(uid).get(uid)
        if facts is None:
            raise DocumentFailed("vanished", f"{change.uri} vanished after it was listed.")
        size, date = facts
        if size > self.config.max_bytes:
            raise DocumentRejected(
                "too_large",
                f"{change.uri} has {size:,} bytes; the limit is {self.config.max_bytes:,}.",
                hint="Raise max_bytes of the source.",
            )
        self._mailbox.client.limit = self.config.max_bytes
        for part in self._answer(uid, "(UID BODY.PEEK[])"):
            # A literal comes as a pair: what it is, and its bytes.
            if not isinstance(part, bytes) and part and b"BODY[]" in part[0]:
                return bytes(part[1]), _received(date)
        raise DocumentFailed("vanished", f"{change.uri} vanished while it was read.")

    def _select(self, folder: str, validity: str = "") -> str:
        """Opens the folder read-only and returns its UIDVALIDITY, which must be the one given."""
        if self._mailbox is None:
            self._mailbox, self._folder = self._connect(), None
        if self._folder is None or self._folder[0] != folder or not validity:
            from imap_tools.errors import MailboxFolderSelectError

            self._folder = None
            try:
                self._mailbox.folder.set(folder, readonly=True)
            except MailboxFolderSelectError as error:
                raise SourceError(
                    f"The folder '{folder}' on {self.config.host} cannot be opened.",
                    hint="Check its name and permissions.",
                ) from error
            said = self._mailbox.client.response("UIDVALIDITY")[1][0]
            if not said:
                raise SourceError(f"The server gives the folder '{folder}' no UIDVALIDITY.")
            self._folder = folder, said.decode("ascii", "replace")
        if validity and self._folder[1] != validity:
            raise DocumentFailed("vanished", f"The folder '{folder}' was renumbered.")
        return self._folder[1]

    def _connect(self) -> Any:
        from imap_tools import BaseMailBox
        from imap_tools.errors import MailboxLoginError

        config, port = self.config, self._port
        address = egress.resolve_now(config.host, port, config.networks)
        if config.security == "plain" and not ipaddress.ip_address(address).is_loopback:
            raise Forbidden(
                f"Not logging in to {config.host} without encryption.",
                hint="Use security = 'tls' or 'starttls'.",
            )

        class Client(_Client):
            def _create_socket(self, timeout: float | None) -> socket.socket:
                plain = socket.create_connection((address, port), timeout)
                if config.security != "tls":
                    return plain
                return ssl.create_default_context().wrap_socket(plain, server_hostname=config.host)

        class Mailbox(BaseMailBox):
            def _get_mailbox_client(self) -> imaplib.IMAP4:
                client = Client(config.host, port, timeout=min(30, config.timeout_s))
                if config.security == "starttls":
                    try:
                        client.starttls(ssl.create_default_context())
                    except BaseException:
                        with suppress(OSError):
                            client.shutdown()  # nothing was said that a listener may not hear
                        raise
                return client

        mailbox = Mailbox()
        try:
            mailbox.login(config.username, config.password.get_secret_value(), None)
        except MailboxLoginError:
            mailbox.client.shutdown()
            raise SourceError(
                f"{config.host} refuses the login of '{config.username}' (auth_error).",
                hint="Check user name and password.",
            ) from None
        except BaseException:
            mailbox.client.shutdown()
            raise
        return mailbox

    def _log_out(self) -> None:
        if self._mailbox is not None:
            with suppress(imaplib.IMAP4.error, OSError):
                self._mailbox.client.logout()
            self._drop()

    def _drop(self) -> None:
        """Cuts the connection, which also ends a thread that still waits on it."""
        mailbox, self._mailbox, self._folder = self._mailbox, None, None
        if mailbox is not None:
            with suppress(OSError):
                mailbox.client.sock.shutdown(socket.SHUT_RDWR)
            with suppress(OSError, ValueError):
                mailbox.client.shutdown()


class _Client(imaplib.IMAP4):
    """imaplib with a limit on what one answer may hold."""

    limit = 0

    def read(self, size: int) -> bytes:
        if size > max(self.limit, 1_000_000):
            raise self.abort(f"a message of {size:,} bytes, which was said to be smaller")
        return super().read(size)


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _received(date: str) -> datetime | None:
    """An INTERNALDATE, whose month names do not depend on this machine's language."""
    found = re.fullmatch(r"(\d{1,2})-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)", date)
    if not found or found[2] not in _MONTHS:
        return None
    day, hour, minute, second = (int(found[n]) for n in (1, 4, 5, 6))
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    try:
        local = datetime(
            int(found[3]), _MONTHS.index(found[2]) + 1, day, hour, minute, second, tzinfo=UTC
        )
        return local - offset if found[7] == "+" else local + offset
    except (ValueError, OverflowError):
        return None
