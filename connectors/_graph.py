"""Whom Microsoft Graph says a file is shared with, as readers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from connectors._api import moment

# Other roles, such as SharePoint's limited access, do not let anybody read.
_READING = {"read", "write", "owner", "sp.full control", "sp.owner", "sp.member"}
_FOR_ALL = {"anonymous", "organization"}


def readers_of(
    permissions: Iterable[dict[str, Any]], shared: Iterable[str], now: datetime
) -> frozenset[str]:
    """Users by mail address or login, groups by id and mail address, a site's own groups by name.

    `shared` stands for everybody, whether by link or by claim. What is not understood lets nobody
    in, so the set may be empty.
    """
    found: set[str] = set()
    for one in permissions:
        ends = moment(one.get("expirationDateTime"))
        roles = {str(role).lower() for role in one.get("roles") or ()}
        if not roles & _READING or (ends and ends <= now):
            continue
        link: dict[str, Any] = one.get("link") or {}
        if link.get("scope") in _FOR_ALL:
            found.update(shared)
        named: list[dict[str, Any]] = [one.get("grantedToV2") or one.get("grantedTo") or {}]
        named += one.get("grantedToIdentitiesV2") or one.get("grantedToIdentities") or []
        for identity in named:
            for kind, who in identity.items():
                found.update(_names(kind, who or {}, shared))
    return frozenset(found)


def _names(kind: str, who: dict[str, Any], shared: Iterable[str]) -> Iterator[str]:
    mail, login = str(who.get("email") or ""), str(who.get("loginName") or "")
    if kind == "user":
        for name in {mail, str(who.get("userPrincipalName") or "")}:
            if "@" in name:
                yield f"user:{name.lower()}"
    elif kind == "group":
        for name in {mail.lower(), str(who.get("id") or "")}:
            if name:
                yield f"group:{name}"
    elif kind == "siteGroup" and who.get("displayName"):
        yield f"group:{who['displayName']}"
    elif kind == "siteUser":
        yield from _claim(login, shared)


def _claim(login: str, shared: Iterable[str]) -> Iterator[str]:
    """SharePoint's name for somebody: a provider and a value, e.g. i:0#.f|membership|a@b.c."""
    name = login.rpartition("|")[2]
    if login == "c:0(.s|true" or "|spo-grid-all-users/" in login:
        yield from shared
    elif login.startswith("i:0#.f|membership|") and "@" in name:
        yield f"user:{name.lower()}"
    # A name that ends in _o is a group's owners alone.
    elif login.startswith(("c:0t.c|tenant|", "c:0o.c|")) and name and not name.endswith("_o"):
        yield f"group:{name}"
