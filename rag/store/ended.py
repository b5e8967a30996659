"""What became of the runs of the last day, by whichever process they were done."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select

from rag.store.database import Database
from rag.store.models import RunRow
from rag.types import Data, SyncReport

SPAN = timedelta(days=1)
OUTCOMES = tuple(name for name in SyncReport.model_fields if name not in ("chunks", "seconds"))


class Ended(Data):
    """The runs of one kind at one source; a run of the whole domain has no source."""

    domain: str
    source: str
    kind: str
    states: Mapping[str, int]
    outcomes: Mapping[str, int]
    """Documents by what their syncs reported; empty for other kinds."""


def ended(database: Database, now: datetime) -> list[Ended]:
    """Every run that ended in the span before now, counted."""
    statement = (
        select(RunRow.domain, RunRow.source, RunRow.kind, RunRow.state, RunRow.report)
        .where(RunRow.ended_at > now - SPAN)
        .order_by(RunRow.domain, RunRow.source, RunRow.kind)
    )
    states: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    outcomes: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    with database.read() as session:
        for domain, source, kind, state, report in session.execute(statement):
            one = domain, source, kind
            states[one][state] += 1
            if kind == "sync":
                outcomes[one].update({name: int(report.get(name, 0)) for name in OUTCOMES})
    return [
        Ended(
            domain=domain,
            source=source,
            kind=kind,
            states=counts,
            outcomes=outcomes[domain, source, kind],
        )
        for (domain, source, kind), counts in states.items()
    ]
