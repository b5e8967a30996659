"""The people who can sign in, and the links by which they choose their password."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from rag.errors import Conflict, Forbidden, NotFound
from rag.store.database import Database, says
from rag.store.models import AccountRow, InvitationRow, SessionRow
from rag.types import Data, Role, Roles

TOKEN_BYTES = 32


class Account(Data):
    """Someone who can sign in; `id` is the principal's."""

    id: str
    roles: Roles
    groups: frozenset[str] = frozenset()
    """As the identity provider said at the last sign-in."""
    provider: str = ""
    """The issuer that signs this person in; empty for a password of ours."""
    suspended: bool = False
    created_at: datetime
    created_by: str
    signed_in_at: datetime | None = None


class Invitation(Data):
    """A link that was given to somebody and not used yet; the link itself is not kept."""

    name: str
    roles: Roles
    again: bool
    """They have an account already, and choose another password."""
    created_at: datetime
    created_by: str
    expires_at: datetime


class Accounts:
    """Every method is one transaction. No password is here in the clear, and no token at all."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def any(self) -> bool:
        with self.database.read() as session:
            return bool(session.scalar(select(func.count()).select_from(AccountRow)))

    def list(
        self, limit: int | None = None, after: str | None = None, search: str = ""
    ) -> list[Account]:
        """By name, those `after` one of that name, with `search` in it."""
        statement = _ordered().limit(limit)
        if after is not None:
            statement = statement.where(AccountRow.id > after)
        if search:
            statement = statement.where(says(AccountRow.id, search))
        with self.database.read() as session:
            return [as_account(row) for row in session.scalars(statement)]

    def find(self, name: str) -> Account | None:
        with self.database.read() as session:
            row = session.get(AccountRow, name)
            return None if row is None else as_account(row)

    def get(self, name: str) -> Account:
        found = self.find(name)
        if found is None:
            raise NotFound(f"There is no account '{name}'.")
        return found

    def password(self, name: str) -> str:
        """The hash to verify against; empty for whoever has none."""
        with self.database.read() as session:
            row = session.get(AccountRow, name)
            return "" if row is None else row.password

    def invite(
        self, name: str | None, roles: Iterable[Role], *, by: str, lifetime: timedelta
    ) -> str:
        """A token that lets `name` choose a password, once; the one given before ends.

        Without a name, whoever has the token chooses it: only before there is any account.
        """
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self.now()
        with self.database.write() as session:
            if name is None:
                _refuse_second_first(session)
                held = InvitationRow.account_id.is_(None)
            else:
                held = InvitationRow.account_id == name
                known = session.get(AccountRow, name)
                if known is not None and known.issuer is not None:
                    raise Conflict(f"'{name}' signs in at {known.issuer}, without a password.")
            session.execute(delete(InvitationRow).where(held))
            session.add(
                InvitationRow(
                    digest=digest(token),
                    account_id=name,
                    roles=sorted(roles),
                    created_by=by,
                    created_at=now,
                    expires_at=now + lifetime,
                )
            )
        return token

    def invited(self, token: str) -> str | None:
        """Whom a token is for; None lets its bearer choose. Raises NotFound for one that ended."""
        with self.database.read() as session:
            return _invitation(session, token, self.now()).account_id

    def invitations(self) -> Sequence[Invitation]:
        """The links that were not used yet, also those that are too old by now, newest first."""
        statement = (
            select(InvitationRow, AccountRow.id)
            .outerjoin(AccountRow, AccountRow.id == InvitationRow.account_id)
            .where(InvitationRow.account_id.is_not(None))
            .order_by(InvitationRow.created_at.desc(), InvitationRow.account_id)
        )
        with self.database.read() as session:
            return [
                Invitation(
                    name=row.account_id or "",
                    roles=frozenset(Role(role) for role in row.roles),
                    again=known is not None,
                    created_at=row.created_at,
                    created_by=row.created_by,
                    expires_at=row.expires_at,
                )
                for row, known in session.execute(statement)
            ]

    def withdraw(self, name: str) -> None:
        """End the link that somebody was given. Raises NotFound."""
        held = delete(InvitationRow).where(InvitationRow.account_id == name)
        with self.database.write() as session:
            if not session.scalars(held.returning(InvitationRow.digest)).all():
                raise NotFound(f"No link waits for '{name}'.")

    def accept(self, token: str, name: str, password: str) -> tuple[Account, bool]:
        """Make the account, or give it this password (a hash) and end its sessions.

        Says too whether it is the first. Raises NotFound for a token that ended or is another's.
        """
        now = self.now()
        with self.database.write() as session:
            invitation = _invitation(session, token, now, locked=True)
            if invitation.account_id not in (None, name):
                raise NotFound(ENDED)
            first = invitation.account_id is None
            if first:
                _refuse_second_first(session)
            row = session.get(AccountRow, name)
            if row is None:
                row = _row(name, invitation.roles, now, invitation.created_by)
                session.add(row)
            row.password, row.signed_in_at = password, now
            session.execute(delete(SessionRow).where(SessionRow.account_id == name))
            session.delete(invitation)
            session.flush()
            return as_account(row), first

    def set_password(self, name: str, password: str) -> None:
        """A new hash; every session ends."""
        with self.database.write() as session:
            session.get_one(AccountRow, name).password = password
            session.execute(delete(SessionRow).where(SessionRow.account_id == name))

    def change(
        self, name: str, *, roles: Iterable[Role] | None = None, suspended: bool | None = None
    ) -> Account:
        """Counts from the next request on. Raises Conflict where no admin would be left."""
        with self.database.write() as session:
            # All of them, locked: two admins who demote each other must not both succeed.
            rows = {row.id: row for row in session.scalars(_ordered().with_for_update())}
            row = rows.get(name)
            if row is None:
                raise NotFound(f"There is no account '{name}'.")
            if roles is not None:
                row.roles = sorted(roles)
            if suspended is not None:
                row.suspended = suspended
            if not any(Role.ADMIN in one.roles and not one.suspended for one in rows.values()):
                raise Conflict(
                    f"'{name}' is the only admin.", hint="Make someone else an admin first."
                )
            return as_account(row)

    def signed_in(self, name: str) -> None:
        with self.database.write() as session:
            session.get_one(AccountRow, name).signed_in_at = self.now()

    def recognise(
        self,
        issuer: str,
        subject: str,
        name: str,
        roles: Iterable[Role] | None,
        groups: Iterable[str],
    ) -> Account:
        """The account of somebody whom an identity provider vouches for, made at the first time.

        `roles` None leaves those there are. Raises Conflict where the name is another's.
        """
        now = self.now()
        with self.database.write() as session:
            row = session.scalar(
                select(AccountRow).where(AccountRow.issuer == issuer, AccountRow.subject == subject)
            )
            if row is None:
                # A name alone proves nothing: the provider's ada need not be our ada.
                if session.get(AccountRow, name) is not None:
                    raise Conflict(
                        f"There is an account '{name}' already that does not sign in there.",
                        hint="Ask an admin.",
                    )
                row = _row(name, [Role.USER], now, issuer)
                row.issuer, row.subject = issuer, subject
                session.add(row)
            if roles is not None:
                row.roles = sorted(roles)
            row.groups, row.signed_in_at = sorted(groups), now
            if row.suspended:
                raise Forbidden(f"'{row.id}' is suspended.", hint="Ask an admin.")
            try:
                session.flush()
            except IntegrityError as error:
                raise Conflict("This person is signing in elsewhere right now.") from error
            return as_account(row)


ENDED = "This link was used, or is too old, or was replaced by a newer one."


def digest(token: str) -> str:
    """What is kept of a token. It is random and long, so a plain hash gives nothing away."""
    return hashlib.sha256(token.encode()).hexdigest()


def as_account(row: AccountRow) -> Account:
    return Account(
        id=row.id,
        roles=frozenset(Role(role) for role in row.roles),
        groups=frozenset(row.groups),
        provider=row.issuer or "",
        suspended=row.suspended,
        created_at=row.created_at,
        created_by=row.created_by,
        signed_in_at=row.signed_in_at,
    )


def _ordered() -> Select[tuple[AccountRow]]:
    return select(AccountRow).order_by(AccountRow.id)


def _row(name: str, roles: Iterable[str], now: datetime, by: str) -> AccountRow:
    return AccountRow(
        id=name,
        password="",
        issuer=None,
        subject=None,
        roles=sorted(roles),
        groups=[],
        suspended=False,
        created_at=now,
        created_by=by,
        signed_in_at=None,
    )


def _refuse_second_first(session: Session) -> None:
    if session.scalar(select(func.count()).select_from(AccountRow)):
        raise NotFound(ENDED)


def _invitation(
    session: Session, token: str, now: datetime, *, locked: bool = False
) -> InvitationRow:
    statement = select(InvitationRow).where(InvitationRow.digest == digest(token))
    row = session.scalar(statement.with_for_update() if locked else statement)
    if row is None or row.expires_at <= now:
        raise NotFound(ENDED, hint="Ask an admin for a new one.")
    return row
