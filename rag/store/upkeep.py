"""When what keeps a deployment well was done last: backups, reading them back, keeping house."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import func, not_, select, text

from rag.store.database import Database
from rag.store.models import RunRow, UpkeepRow
from rag.types import Data

Kind = Literal["backup", "verification", "housekeeping"]


class Done(Data):
    """What was done last of one kind."""

    at: datetime
    details: Mapping[str, Any]


class Underway(Data):
    """The runs of every domain that have not ended."""

    queued: int
    running: int
    waiting_since: datetime | None
    """the oldest one that waits"""
    beat_at: datetime | None
    """when a worker told last that it lives, while one has a run"""


class Upkeep:
    """Every method is one transaction."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def note(self, kind: Kind, **details: Any) -> None:
        """It was done just now; what was noted of the time before is forgotten."""
        with self.database.write(guarded=False) as session:
            session.merge(UpkeepRow(kind=kind, at=self.now(), details=details))

    def last(self) -> Mapping[str, Done]:
        """By kind; what was never done is not in it."""
        with self.database.read() as session:
            return {
                row.kind: Done(at=row.at, details=row.details)
                for row in session.scalars(select(UpkeepRow))
            }

    def runs(self) -> Underway:
        ended = RunRow.state.not_in(("queued", "running"))
        counts = select(RunRow.state, func.count()).where(not_(ended)).group_by(RunRow.state)
        waiting = select(func.min(RunRow.requested_at)).where(RunRow.state == "queued")
        beat = select(func.max(RunRow.heartbeat_at)).where(RunRow.state == "running")
        with self.database.read() as session:
            many = dict(session.execute(counts).tuples().all())
            return Underway(
                queued=many.get("queued", 0),
                running=many.get("running", 0),
                waiting_since=session.scalar(waiting),
                beat_at=session.scalar(beat),
            )

    def size(self, data: Path) -> int | None:
        """Bytes of the database; None for a file that does not lie in the data folder."""
        if self.database.sqlite:
            files = [data / f"ratchet.db{more}" for more in ("", "-wal", "-shm")]
            return sum(one.stat().st_size for one in files if one.is_file()) or None
        with self.database.read() as session:
            found = session.scalar(text("SELECT pg_database_size(current_database())"))
            return None if found is None else int(found)
