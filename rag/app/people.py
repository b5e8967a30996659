"""Who asks in which domain, and the verbs of groups."""

from __future__ import annotations

import asyncio

import structlog

from rag import people
from rag.app.accounts import Accounts
from rag.app.domains import Domains
from rag.app.parts import Parts
from rag.errors import ConfigError, NotFound
from rag.types import LOCAL, Group, Principal, Role

log = structlog.get_logger(__name__)


class People:
    """The people of each domain; nothing is remembered from one question to the next."""

    def __init__(self, parts: Parts, domains: Domains, accounts: Accounts) -> None:
        self._accounts = accounts
        self._table = parts.ledger.groups
        self._domains = domains

    def person(self, user: str | None, domain: str | None) -> Principal:
        """Raises NotFound for whoever the domain does not know, Forbidden for the suspended."""
        account = self._accounts.known(user)
        found = people.person(self._domains.get(domain).pack, self._table, user, account)
        if self._accounts.required and account is None and found.id != LOCAL:
            # Someone of the pack, as whom the operator asks: a pack gives nobody a role here.
            return found.model_copy(update={"roles": frozenset({Role.USER})})
        return found

    async def within(self, principal: Principal, domain: str | None) -> Principal:
        return await asyncio.to_thread(self.now, principal, domain)

    def now(self, principal: Principal, domain: str | None) -> Principal:
        """The same person with the groups and roles that they have in a domain now.

        Whatever was said of them before, or in another domain, grants nothing here.
        """
        found = self.person(principal.id, domain)
        if not self._accounts.required:
            return found
        # A key may use no more roles here than it could where it was looked at.
        roles = found.roles & principal.roles
        return found.model_copy(update={"roles": roles, "key": principal.key})

    async def domains(self, principal: Principal) -> list[str]:
        """Where the principal is known now, the default domain first."""
        known: list[str] = []
        for name in self._domains.names():
            try:
                await self.within(principal, name)
            except NotFound:
                continue
            except ConfigError as error:
                # One broken pack silences no other; asked itself, it says what is wrong.
                log.warning("domain left out", domain=name, reason=error.message)
                continue
            known.append(name)
        return known

    async def groups(self, domain: str | None) -> list[Group]:
        pack = self._domains.get(domain).pack
        return await asyncio.to_thread(people.groups, pack, self._table)

    async def change(
        self, principal: Principal, group: str, user: str, belongs: bool, domain: str | None
    ) -> Group:
        """Let a person into a group, or put them out. Returns the group as it is now."""
        pack = self._domains.get(domain).pack
        people.checked_name(group, "group")
        people.checked_name(user, "person")
        await asyncio.to_thread(
            self._table.set, pack.name, group, user, belongs=belongs, by=principal.id
        )
        return next(one for one in await self.groups(domain) if one.name == group)
