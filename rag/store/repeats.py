"""Requests that were sent with an idempotency key, and what came of each.

What is kept is what the first one made, by its id, and never an answer: whoever sends it again gets
the object as it is then, with what was deleted, erased or revoked since left out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, update
from sqlalchemy.dialects import postgresql, sqlite

from rag.errors import Conflict, TooSoon
from rag.store.database import Database
from rag.store.models import RepeatRow

KEPT = timedelta(days=1)
LOST_AFTER = timedelta(minutes=10)
"""What was begun before and is not done is being done no more: no answer may take so long."""


class Repeats:
    """Every method is one transaction. Keys of two people have nothing to do with each other."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def begin(self, who: str, key: str, digest: str) -> str | None:
        """What the first request with this key made; None for the first, which is to be done now.

        `digest` tells requests apart. Raises Conflict for a key that came with another request,
        TooSoon while the first one is being done.
        """
        now = self.now()
        theirs = (RepeatRow.principal_id == who, RepeatRow.key == key)
        insert = sqlite.insert if self.database.sqlite else postgresql.insert
        new = insert(RepeatRow).values(principal_id=who, key=key, digest=digest, made=None, at=now)
        with self.database.write() as session:
            session.execute(delete(RepeatRow).where(*theirs, RepeatRow.at < now - KEPT))
            first = new.on_conflict_do_nothing().returning(RepeatRow.key)
            if session.scalar(first) is not None:
                return None
            row = session.get_one(RepeatRow, (who, key))
            if row.digest != digest:
                raise Conflict(
                    "This idempotency key came with another request before.",
                    hint="Use a new key for every request.",
                )
            if row.made is not None:
                return row.made
            lost = (*theirs, RepeatRow.made.is_(None), RepeatRow.at < now - LOST_AFTER)
            taken = update(RepeatRow).where(*lost).values(at=now).returning(RepeatRow.key)
            if session.scalar(taken) is not None:
                return None
        raise TooSoon("The request with this key is being done.", hint="Ask again in a moment.")

    def end(self, who: str, key: str, made: str | None) -> None:
        """What it made; None where it failed, so that it may be sent again."""
        theirs = (RepeatRow.principal_id == who, RepeatRow.key == key, RepeatRow.made.is_(None))
        done = delete(RepeatRow) if made is None else update(RepeatRow).values(made=made)
        with self.database.write() as session:
            session.execute(done.where(*theirs))

    def forget(self) -> int:
        """Delete what is too old to be sent again. Returns how many."""
        with self.database.write() as session:
            old = delete(RepeatRow).where(RepeatRow.at < self.now() - KEPT)
            return cast("CursorResult[Any]", session.execute(old)).rowcount
