"""Who signs in, with what, and what admins do about them. Every act of theirs is logged."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from rag.app.parts import Parts
from rag.config import Settings
from rag.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from rag.people import Caller, checked_name
from rag.people.passwords import Throttle, checked_password, hashed, matches
from rag.store.accounts import Account
from rag.store.audit import Entry, Wanted
from rag.store.forgetting import PREFIX
from rag.store.signins import KEY_PREFIX, ApiKey, SignedIn
from rag.store.spending import NOBODY
from rag.store.vault import OPERATOR_PREFIX
from rag.types import EVERYONE, LOCAL, Principal, Role

OPERATOR = "operator"
RESERVED = frozenset({LOCAL, EVERYONE, OPERATOR, NOBODY, "anonymous", "system"})
LONGEST_AGENT = 200
HASHED_AT_ONCE = 2
_SAFE_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")


class Entered(NamedTuple):
    """A session that was just begun; the token goes into the browser's cookie and nowhere else."""

    account: Account
    token: str


class Accounts:
    """Accounts, sessions and API keys; without accounts everybody is this machine's single user."""

    def __init__(self, parts: Parts) -> None:
        self._settings: Settings = parts.settings
        self._parts = parts
        self._throttle = Throttle()
        # Each takes 64 MB and a core: a flood of sign-ins must not take all there is.
        self._hashing = asyncio.Semaphore(HASHED_AT_ONCE)

    @property
    def required(self) -> bool:
        return self._settings.accounts.required

    # --- who asks ---

    async def caller(self, bearer: str = "", cookie: str = "") -> Caller:
        """Read at each request, so whatever ends counts at once. Raises Unauthenticated."""
        if bearer.startswith(KEY_PREFIX) or (self.required and bearer):
            return await asyncio.to_thread(self._bearer, bearer)
        if not self.required:
            return Caller(LOCAL, "machine")
        if cookie:
            return await asyncio.to_thread(self._cookie, cookie)
        raise Unauthenticated("Nobody is signed in.", hint="Sign in, or send an API key.")

    def known(self, user: str | None) -> Principal | None:
        """What an account says of somebody; None where there is none. Raises Forbidden."""
        if not self.required or user is None or user == LOCAL:
            return None
        found = self._parts.accounts.find(user)
        if found is None:
            return None
        _require_active(found)
        return Principal(id=found.id, groups=found.groups, roles=found.roles)

    def _bearer(self, token: str) -> Caller:
        if token.startswith(OPERATOR_PREFIX):
            if self._parts.vault.is_operator(token):
                return Caller(LOCAL, "operator")
        elif (found := self._parts.keys.find(token)) is not None:
            key, account = found
            _require_active(account)
            return Caller(account.id, "key", key.id, key.scopes)
        raise Unauthenticated(
            "This key is not valid.", hint="It may have expired or been removed: make another."
        )

    def _cookie(self, token: str) -> Caller:
        accounts = self._settings.accounts
        found = self._parts.sessions.find(
            token, timedelta(hours=accounts.idle_hours), timedelta(hours=accounts.absolute_hours)
        )
        if found is None:
            raise Unauthenticated("The session has ended.", hint="Sign in again.")
        session, account = found
        _require_active(account)
        return Caller(account.id, "session", session.id)

    # --- signing in and out ---

    async def first_link(self) -> str | None:
        """A link to make the first admin, while there is no account; the one before ends."""
        if not self.required or await asyncio.to_thread(self._parts.accounts.any):
            return None
        token = await asyncio.to_thread(
            self._parts.accounts.invite, None, frozenset(Role), by=OPERATOR, lifetime=self._lifetime
        )
        return self._link(token)

    async def invite(self, principal: Principal, name: str, roles: Iterable[Role]) -> str:
        """The link by which somebody chooses a password, for the first time or again."""
        self._require()
        name, granted = checked_account_name(name), frozenset(roles) or frozenset({Role.USER})
        token = await asyncio.to_thread(
            self._parts.accounts.invite,
            name,
            granted,
            by=principal.id,
            lifetime=self._lifetime,
        )
        await self.wrote(principal, "invite", name, roles=sorted(granted))
        return self._link(token)

    async def invited(self, token: str) -> str | None:
        """Whom a link is for; None lets its bearer choose a name. Raises NotFound."""
        self._require()
        return await asyncio.to_thread(self._parts.accounts.invited, token)

    async def join(self, token: str, name: str | None, password: str, agent: str = "") -> Entered:
        """Follow a link: choose a password (and, as the first, a name) and be signed in.

        The first admin takes over what the single user had asked before.
        """
        invited = await self.invited(token)
        chosen = checked_account_name(invited or name or "")
        checked_password(password, chosen, self._settings.accounts.min_password)
        kept = await self._hashed(password)
        account, first = await asyncio.to_thread(self._parts.accounts.accept, token, chosen, kept)
        _require_active(account)
        if first:
            after = Principal(id=account.id)
            await asyncio.to_thread(self._parts.traces.hand_over, LOCAL, after)
        await self.wrote(Principal(id=account.id), "join", account.id, first=first)
        return await self._enter(account, agent)

    async def sign_in(self, name: str, password: str, agent: str = "") -> Entered:
        """Raises Unauthenticated, the same for nobody as for a wrong password; RateLimited."""
        self._require()
        name = name.strip().lower()
        self._throttle.require(name)
        known = await asyncio.to_thread(self._parts.accounts.password, name)
        if not await self._matches(password, known):
            self._throttle.failed(name)
            await asyncio.to_thread(
                self._parts.audit.write, "anonymous", "sign in refused", name[:100]
            )
            raise Unauthenticated("Name or password are wrong.")
        self._throttle.succeeded(name)
        account = await asyncio.to_thread(self._parts.accounts.get, name)
        _require_active(account)
        await asyncio.to_thread(self._parts.accounts.signed_in, name)
        await self.wrote(Principal(id=name), "sign in", name)
        return await self._enter(account, agent)

    async def vouched(
        self, issuer: str, subject: str, name: str, claims: Iterable[str], agent: str = ""
    ) -> Entered:
        """Sign in somebody whom the identity provider vouches for, with the groups it named."""
        self._require()
        oidc, groups = self._settings.oidc, frozenset(claims)
        roles: frozenset[Role] | None = None
        if oidc.admin_groups or oidc.data_groups:
            by_group = {Role.ADMIN: oidc.admin_groups, Role.DATA: oidc.data_groups}
            given = (role for role, named in by_group.items() if not groups.isdisjoint(named))
            roles = frozenset({Role.USER, *given})
        account = await asyncio.to_thread(
            self._parts.accounts.recognise,
            issuer,
            subject,
            checked_account_name(name),
            roles,
            groups,
        )
        await self.wrote(Principal(id=account.id), "sign in", account.id, provider=issuer)
        return await self._enter(account, agent)

    async def sign_out(self, caller: Caller) -> None:
        if caller.carrier == "session":
            await asyncio.to_thread(self._parts.sessions.close, caller.user, caller.handle)

    async def change_password(self, caller: Caller, before: str, after: str) -> None:
        """Of one's own; every session ends, this one too."""
        _require_person(caller)
        self._throttle.require(caller.user)
        known = await asyncio.to_thread(self._parts.accounts.password, caller.user)
        if not await self._matches(before, known):
            self._throttle.failed(caller.user)
            raise Forbidden("The password is wrong.")
        checked_password(after, caller.user, self._settings.accounts.min_password)
        kept = await self._hashed(after)
        await asyncio.to_thread(self._parts.accounts.set_password, caller.user, kept)
        await self.wrote(Principal(id=caller.user), "change password", caller.user)

    # --- one's own sessions and keys ---

    async def sessions(self, caller: Caller) -> list[SignedIn]:
        return await asyncio.to_thread(self._parts.sessions.list, caller.user)

    async def end_session(self, caller: Caller, session_id: str | None = None) -> int:
        """One of one's own, or all. Raises NotFound for another's."""
        ended = await asyncio.to_thread(self._parts.sessions.close, caller.user, session_id)
        if session_id is not None and not ended:
            raise NotFound("There is no such session.")
        return ended

    async def keys(
        self, caller: Caller, limit: int | None = None, after: str | None = None
    ) -> list[ApiKey]:
        """One's own; all of them for the operator; those after the key with that id."""
        owner = None if caller.carrier == "operator" else caller.user
        return await asyncio.to_thread(self._parts.keys.list, owner, limit, after)

    async def add_key(
        self, caller: Caller, name: str, scopes: Iterable[Role], days: float, owner: str = ""
    ) -> tuple[ApiKey, str]:
        """A key of one's own, shown this once; the operator makes one for an `owner`.

        A key makes no keys: whoever finds one could go on for ever.
        """
        self._require()
        _require_person(caller)
        user = owner if caller.carrier == "operator" else caller.user
        account = await asyncio.to_thread(self._parts.accounts.get, user)
        wanted = frozenset(scopes) or frozenset({Role.USER})
        if missing := wanted - account.roles:
            raise Forbidden(f"'{user}' has no role {', '.join(sorted(missing))} to give to a key.")
        made = await asyncio.to_thread(
            self._parts.keys.add, user, checked_name(name, "key"), wanted, timedelta(days=days)
        )
        await self.wrote(
            Principal(id=caller.user), "add key", user, key=made[0].id, scopes=sorted(wanted)
        )
        return made

    async def remove_key(self, caller: Caller, key_id: str) -> ApiKey:
        """One of one's own, from the next request on; the operator may remove anybody's."""
        owner = None if caller.carrier == "operator" else caller.user
        removed = await asyncio.to_thread(self._parts.keys.remove, key_id, owner)
        await self.wrote(Principal(id=caller.user), "remove key", removed.account, key=key_id)
        return removed

    # --- what admins do ---

    async def list(
        self,
        principal: Principal,
        limit: int | None = None,
        after: str | None = None,
        search: str = "",
    ) -> list[Account]:
        """By name, those `after` one of that name, with `search` in it."""
        return await asyncio.to_thread(self._parts.accounts.list, limit, after, search)

    async def change(
        self,
        principal: Principal,
        name: str,
        *,
        roles: Iterable[Role] | None = None,
        suspended: bool | None = None,
    ) -> Account:
        """Roles or suspension, from the next request on. Raises Conflict for the only admin."""
        given = None if roles is None else frozenset(roles)
        account = await asyncio.to_thread(
            self._parts.accounts.change, name, roles=given, suspended=suspended
        )
        if suspended:
            await asyncio.to_thread(self._parts.sessions.close, name)
        said = {"roles": None if given is None else sorted(given), "suspended": suspended}
        said = {key: value for key, value in said.items() if value is not None}
        await self.wrote(principal, "change account", name, **said)
        return account

    async def audit(
        self,
        principal: Principal,
        limit: int,
        before: int | None,
        wanted: Wanted | None = None,
    ) -> list[Entry]:
        """The latest acts, newest first, or those before the one with the id `before`."""
        return await asyncio.to_thread(self._parts.audit.list, limit, before, wanted)

    async def _hashed(self, password: str) -> str:
        async with self._hashing:
            return await asyncio.to_thread(hashed, password)

    async def _matches(self, password: str, known: str) -> bool:
        async with self._hashing:
            return await asyncio.to_thread(matches, password, known)

    async def _enter(self, account: Account, agent: str) -> Entered:
        shown = "".join(sign for sign in agent[:LONGEST_AGENT] if sign.isprintable())
        token = await asyncio.to_thread(self._parts.sessions.open, account.id, shown)
        return Entered(account, token)

    async def wrote(self, principal: Principal, act: str, object: str, **details: object) -> None:
        """Keep in the audit log what somebody did; `details` never hold a secret."""
        await asyncio.to_thread(
            lambda: self._parts.audit.write(principal.id, act, object, **details)
        )

    def _require(self) -> None:
        if not self.required:
            raise Conflict(
                "There are no accounts: whoever reaches this server is its single user.",
                hint="Set accounts.required = true in rag.toml and start again.",
            )

    @property
    def _lifetime(self) -> timedelta:
        return timedelta(hours=self._settings.accounts.link_hours)

    def _link(self, token: str) -> str:
        # After the #, so that no server on the way and no log ever sees it.
        return f"{self._settings.server.url}/join#{token}"


def checked_account_name(name: str) -> str:
    """The name of an account in small letters, if it can be one: `Ada` and `ada` are the same."""
    name = name.strip().lower()
    if not _SAFE_NAME.fullmatch(name):
        raise InvalidInput(
            f"{name[:60]!r} cannot name an account.",
            hint="Use up to 100 letters, digits and . _ @ + -, beginning with a letter or digit.",
        )
    if name in RESERVED or name.startswith(PREFIX):
        raise InvalidInput(f"'{name}' is nobody's name.", hint="Choose another.")
    return name


def _require_active(account: Account) -> None:
    if account.suspended:
        raise Forbidden(f"'{account.id}' is suspended.", hint="Ask an admin.")


def _require_person(caller: Caller) -> None:
    if caller.carrier not in ("session", "operator"):
        raise Forbidden("This takes a person who is signed in, not a key.")
