"""Whom Google Drive says a file is shared with, as readers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from connectors._api import moment

FIELDS = "permissions(type,role,emailAddress,deleted,expirationTime,view)"


def readers_of(
    permissions: Iterable[dict[str, Any]], shared: Iterable[str], now: datetime
) -> frozenset[str]:
    """Users and groups by mail address; `shared` stands for a domain or anyone. Every role reads.

    What is not understood lets nobody in, so the set may be empty.
    """
    found: set[str] = set()
    for one in permissions:
        ends = moment(one.get("expirationTime"))
        if one.get("deleted") or one.get("view") or (ends and ends <= now):
            continue
        kind, mail = one.get("type"), str(one.get("emailAddress") or "").lower()
        if kind in ("user", "group") and mail:
            found.add(f"{kind}:{mail}")
        elif kind in ("domain", "anyone"):
            found.update(shared)
    return frozenset(found)
