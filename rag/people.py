"""Who asks: the people of a domain and the groups they are in at this moment.

A domain's pack declares people and their groups; the table of groups overrules it member by
member. What the table does not mention is as the pack says.
"""

from __future__ import annotations

from rag.domain import Pack
from rag.errors import InvalidInput, NotFound
from rag.store.groups import Groups
from rag.types import LOCAL, Group, Member, Principal, Role

LONGEST = 100


def person(pack: Pack, table: Groups, user: str | None) -> Principal:
    """Someone of the pack or in a group of the table, or this machine's single user, as of now.

    Raises NotFound naming the nearest person.
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
        if not added:
            raise
        declared = Principal(id=user)
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
