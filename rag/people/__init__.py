"""Who asks: the people of a domain and the groups they are in at this moment.

A domain's pack declares people and their groups; the table of groups overrules it member by
member. What the table does not mention is as the pack says. Where accounts are required, roles are
what the account says and nothing else.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from rag.domain import Pack
from rag.errors import InvalidInput, NotFound
from rag.store.groups import Groups
from rag.types import LOCAL, Group, Member, Principal, Role

LONGEST = 100
Carrier = Literal["machine", "operator", "session", "key"]


class Caller(NamedTuple):
    """Who makes a request and how they showed it."""

    user: str
    carrier: Carrier
    handle: str = ""
    """The id of the session or the key."""
    scopes: frozenset[Role] = frozenset(Role)
    """The roles that may be used, of those that the person has."""

    @property
    def may_act_for_others(self) -> bool:
        """Whoever owns the machine or the data folder may ask as anybody."""
        return self.carrier in ("machine", "operator")


def person(
    pack: Pack, table: Groups, user: str | None, account: Principal | None = None
) -> Principal:
    """Someone of the pack or in a group of the table, or this machine's single user, as of now.

    `account` is what is known of them from their account: they exist, whatever the pack says, and
    have its roles. Raises NotFound naming the nearest person.
    """
    if user is None or user == LOCAL:
        names = frozenset(group.name for group in groups(pack, table))
        return Principal(id=LOCAL, groups=names, roles=frozenset(Role))
    said = table.list(pack.name, user)
    added = {one.group for one in said if one.belongs}
    try:
        declared = pack.person(user).principal
    except NotFound:
        # To be put out of a group, which anyone can be, makes nobody known.
        if not added and account is None:
            raise
        declared = Principal(id=user)
    if account is not None:
        member_of = declared.groups | account.groups
        declared = declared.model_copy(update={"roles": account.roles, "groups": member_of})
    kept = declared.groups - {one.group for one in said}
    return declared.model_copy(update={"groups": kept | added})


def groups(pack: Pack, table: Groups) -> list[Group]:
    """Every group of a domain with who is in it now, by name."""
    found: dict[str, dict[str, Member]] = {}
    for declared in pack.people:
        for group in declared.groups:
            found.setdefault(group, {})[declared.id] = Member(user=declared.id)
    for said in table.list(pack.name):
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


def checked_name(name: str, what: str) -> str:
    """The name of a group or a person, if it can be one. Raises InvalidInput."""
    prefix, colon, bare = name.partition(":")
    if colon and prefix in ("user", "group"):
        raise InvalidInput(
            f"{name[:60]!r} is how readers are written, not the name of a {what}.",
            hint=f"Give the name alone: {bare[:60]!r}.",
        )
    if (
        not name.strip()
        or name != name.strip()
        or name in (".", "..")
        or "/" in name
        or not name.isprintable()
        or len(name) > LONGEST
    ):
        raise InvalidInput(
            f"{name[:60]!r} cannot name a {what}.",
            hint=f"A name has at most {LONGEST} characters, none of them invisible or a slash.",
        )
    return name
