"""The table of groups: who was made a member of which group of a domain, or put out of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from rag.store.database import Database, fetched_all
from rag.store.models import MemberRow, table_of
from rag.types import Data

_MEMBERS = table_of(MemberRow)
_SAID = (
    select(
        _MEMBERS.c.name.label("group"),
        _MEMBERS.c.member.label("user"),
        _MEMBERS.c.belongs,
        _MEMBERS.c.changed_by,
        _MEMBERS.c.changed_at,
    )
    .where(_MEMBERS.c.domain == bindparam("domain"))
    .order_by(_MEMBERS.c.name, _MEMBERS.c.member)
)
_SAID_OF = _SAID.where(_MEMBERS.c.member == bindparam("member"))
"""Made once: each request looks up who asks."""


class Membership(Data):
    """What an admin said last of one person and one group."""

    group: str
    user: str
    belongs: bool
    changed_by: str
    changed_at: datetime


class Groups:
    """Every method is one transaction. Groups of two domains share nothing but, maybe, a name."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def set(self, domain: str, group: str, user: str, *, belongs: bool, by: str) -> None:
        """Counts from the next question on; the row stays, so that it says who did it and when."""
        key = {"domain": domain, "name": group, "member": user}
        values: dict[str, Any] = {"belongs": belongs, "changed_by": by, "changed_at": self.now()}
        # One statement: two admins at once leave the word of one of them, never an error.
        insert = sqlite.insert if self.database.sqlite else postgresql.insert
        with self.database.write() as session:
            session.execute(
                insert(MemberRow)
                .values(**key, **values)
                .on_conflict_do_update(index_elements=list(key), set_=values)
            )

    def list(self, domain: str, user: str | None = None) -> list[Membership]:
        """All that was said in a domain, or of one person, by group and person."""
        statement = _SAID if user is None else _SAID_OF
        of = {"domain": domain} if user is None else {"domain": domain, "member": user}
        with self.database.read() as session:
            return [Membership.model_validate(one) for one in fetched_all(session, statement, **of)]
