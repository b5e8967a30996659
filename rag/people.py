"""Who asks: the people of a domain and the groups they are in at this moment.

A domain's pack declares people and their groups; the table of groups overrules it member by
member. What the table does not mention is as the pack says.
"""

from __future__ import annotations

from datetime import datetime

from rag.domain import Pack
from rag.errors import NotFound
from rag.store.groups import Groups
from rag.types import Data, Principal, Role

LOCAL = "local"
"""This machine's single user, with every role and every group."""


class Member(Data):
    """One person in one group; nobody added them where the pack declares them."""

    user: str
    added_by: str = ""
    added_at: datetime | None = None


class Group(Data):
    """A group of one domain, which the same name in another domain has nothing to do with."""

    name: str
    members: tuple[Member, ...] = ()


class People:
    """Asks the table every time: adding or removing a member counts from the next question on."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    def person(self, pack: Pack, user: str | None) -> Principal:
        """Someone of the pack or of its groups, or this machine's single user.

        Raises NotFound naming the nearest person.
        """
        if user is None or user == LOCAL:
            groups = frozenset(group.name for group in self.groups(pack))
            return Principal(id=LOCAL, groups=groups, roles=frozenset(Role))
        said = self._groups.list(pack.name, user)
        try:
            declared = pack.person(user)
        except NotFound:
            if not said:
                raise
            groups, roles = frozenset[str](), frozenset({Role.USER})
        else:
            groups, roles = declared.groups, declared.roles
        overruled = {one.group for one in said}
        now = (groups - overruled) | {one.group for one in said if one.belongs}
        return Principal(id=user, groups=now, roles=roles)

    def groups(self, pack: Pack) -> list[Group]:
        """Every group of a domain with who is in it now, by name."""
        found: dict[str, dict[str, Member]] = {}
        for person in pack.people:
            for group in person.groups:
                found.setdefault(group, {})[person.id] = Member(user=person.id)
        for said in self._groups.list(pack.name):
            members = found.setdefault(said.group, {})
            members.pop(said.user, None)
            if said.belongs:
                members[said.user] = Member(
                    user=said.user, added_by=said.changed_by, added_at=said.changed_at
                )
        return [
            Group(name=name, members=tuple(members[user] for user in sorted(members)))
            for name, members in sorted(found.items())
        ]
