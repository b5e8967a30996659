"""What a signed-in browser and a program carry: sessions and API keys, kept as digests only."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import and_, bindparam, delete, or_, select

from rag.errors import InvalidInput, NotFound
from rag.store.accounts import TOKEN_BYTES, Account, as_account, digest
from rag.store.database import Database
from rag.store.models import AccountRow, KeyRow, SessionRow
from rag.types import Data, Role, Roles

KEY_PREFIX = "rk_"
"""What every API key begins with, so that scanners for leaked secrets can know it."""
SEEN_EVERY = timedelta(minutes=1)
"""A session's last sight is written no more often."""
# Looked up with each request, so they are put together once.
_SESSION = (
    select(SessionRow, AccountRow)
    .join(AccountRow, AccountRow.id == SessionRow.account_id)
    .where(SessionRow.digest == bindparam("digest"))
)
_KEY = (
    select(KeyRow, AccountRow)
    .join(AccountRow, AccountRow.id == KeyRow.account_id)
    .where(KeyRow.digest == bindparam("digest"), KeyRow.expires_at > bindparam("now"))
)


class SignedIn(Data):
    """A session of one's own, to be recognised and ended."""

    id: str
    agent: str
    """What the browser calls itself."""
    created_at: datetime
    seen_at: datetime


class ApiKey(Data):
    """An API key as it is shown; the key itself is shown once, when it is made."""

    id: str
    account: str
    name: str
    scopes: Roles
    """The roles that it may use, of those that its owner has at that moment."""
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


class Sessions:
    """Server-side sessions: ended here, they are ended everywhere, from the next request on."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def open(self, account: str, agent: str) -> str:
        """The token for the browser's cookie."""
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self.now()
        with self.database.write() as session:
            session.add(
                SessionRow(
                    id=str(uuid4()),
                    digest=digest(token),
                    account_id=account,
                    agent=agent,
                    created_at=now,
                    seen_at=now,
                )
            )
        return token

    def find(
        self, token: str, idle: timedelta, absolute: timedelta
    ) -> tuple[SignedIn, Account] | None:
        """Whose session it is, unless it was ended, or unused for `idle`, or `absolute` old."""
        now = self.now()
        with self.database.read() as session:
            found = session.execute(_SESSION, {"digest": digest(token)}).one_or_none()
        if found is None:
            return None
        row, account = found
        if now - row.seen_at >= idle or now - row.created_at >= absolute:
            self.close(row.account_id, row.id)
            return None
        if now - row.seen_at >= SEEN_EVERY:
            self._seen(row.id, now)
        return _signed_in(row), as_account(account)

    def list(self, account: str) -> list[SignedIn]:
        statement = select(SessionRow).where(SessionRow.account_id == account)
        with self.database.read() as session:
            rows = session.scalars(statement.order_by(SessionRow.seen_at.desc()))
            return [_signed_in(row) for row in rows]

    def close(self, account: str, session_id: str | None = None) -> int:
        """End one session of somebody, or all. Returns how many there were."""
        statement = delete(SessionRow).where(SessionRow.account_id == account)
        if session_id is not None:
            statement = statement.where(SessionRow.id == session_id)
        with self.database.write() as session:
            return len(session.scalars(statement.returning(SessionRow.id)).all())

    def _seen(self, session_id: str, now: datetime) -> None:
        with self.database.write() as session:
            row = session.get(SessionRow, session_id)
            if row is not None:
                row.seen_at = now


class Keys:
    """API keys. One that expired or was removed, or whose owner was, is as if it had never been."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def add(
        self, account: str, name: str, scopes: Iterable[Role], lifetime: timedelta
    ) -> tuple[ApiKey, str]:
        """The key as it will be shown, and the key itself, which nobody can show again."""
        token, now = KEY_PREFIX + secrets.token_urlsafe(TOKEN_BYTES), self.now()
        row = KeyRow(
            id=str(uuid4()),
            digest=digest(token),
            account_id=account,
            name=name,
            scopes=sorted(scopes),
            created_at=now,
            expires_at=now + lifetime,
            used_at=None,
        )
        with self.database.write() as session:
            session.add(row)
        return _key(row), token

    def find(self, token: str) -> tuple[ApiKey, Account] | None:
        now = self.now()
        with self.database.read() as session:
            found = session.execute(_KEY, {"digest": digest(token), "now": now}).one_or_none()
        if found is None:
            return None
        row, account = found
        if row.used_at is None or now - row.used_at >= SEEN_EVERY:
            self._used(row.id, now)
        return _key(row), as_account(account)

    def list(
        self, account: str | None = None, limit: int | None = None, after: str | None = None
    ) -> list[ApiKey]:
        """The keys of one person, or of all, newest first; those after the one with that id.

        Raises InvalidInput where that one is none of theirs, or was removed.
        """
        statement = select(KeyRow).order_by(KeyRow.created_at.desc(), KeyRow.id).limit(limit)
        if account is not None:
            statement = statement.where(KeyRow.account_id == account)
        with self.database.read() as session:
            if after is not None:
                last = session.get(KeyRow, after)
                if last is None or account not in (None, last.account_id):
                    raise InvalidInput(f"The list has no key '{after}' to go on after.")
                same = and_(KeyRow.created_at == last.created_at, KeyRow.id > last.id)
                statement = statement.where(or_(KeyRow.created_at < last.created_at, same))
            return [_key(row) for row in session.scalars(statement)]

    def remove(self, key_id: str, account: str | None = None) -> ApiKey:
        """Raises NotFound, also where it is another's than `account`'s."""
        with self.database.write() as session:
            row = session.get(KeyRow, key_id)
            if row is None or account not in (None, row.account_id):
                raise NotFound("There is no such key.")
            session.delete(row)
            return _key(row)

    def _used(self, key_id: str, now: datetime) -> None:
        with self.database.write() as session:
            row = session.get(KeyRow, key_id)
            if row is not None:
                row.used_at = now


def _signed_in(row: SessionRow) -> SignedIn:
    return SignedIn(id=row.id, agent=row.agent, created_at=row.created_at, seen_at=row.seen_at)


def _key(row: KeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        account=row.account_id,
        name=row.name,
        scopes=frozenset(Role(scope) for scope in row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )
