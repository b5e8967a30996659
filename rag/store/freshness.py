"""How soon what happens at a source takes effect in answers, counted per source."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from sqlalchemy import select

from rag.store.database import Database
from rag.store.models import FreshnessRow, SourceRow
from rag.types import Data, Freshness

BOUNDS = (1, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400, 604_800, 2_592_000)
"""Seconds: the upper bounds of what is counted together, a second to thirty days."""


class Measured(Data):
    """All that was measured of one kind at one source."""

    domain: str
    source: str
    kind: str
    counts: tuple[int, ...]
    """How many took up to each of the bounds but longer than the one before, then the rest."""
    total: float
    """Seconds in all."""
    last: float


class FreshnessTable:
    """Every method is one transaction. It outlives processes, whichever of them runs a sync."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, source_id: str, taken: Mapping[str, Sequence[float]]) -> None:
        """Count what one sync measured: for each kind, the seconds that each took."""
        with self.database.write() as session:
            for kind, seconds in taken.items():
                row = session.get(FreshnessRow, (source_id, kind))
                if row is None:
                    row = FreshnessRow(source_id=source_id, kind=kind, counts=[], total=0.0)
                    session.add(row)
                counts = list(row.counts) or [0] * (len(BOUNDS) + 1)
                for one in seconds:
                    counts[bisect_left(BOUNDS, one)] += 1
                row.counts = counts
                row.total += sum(seconds)
                row.last = seconds[-1]

    def of(self, source_id: str) -> dict[str, Freshness]:
        """What to tell about one source, by kind."""
        statement = select(FreshnessRow).where(FreshnessRow.source_id == source_id)
        with self.database.read() as session:
            return {
                row.kind: Freshness(
                    count=sum(row.counts), last=round(row.last, 3), p95=_p95(row.counts)
                )
                for row in session.scalars(statement)
            }

    def all(self) -> list[Measured]:
        """Everything measured at the sources that there are."""
        statement = (
            select(FreshnessRow, SourceRow.domain, SourceRow.name)
            .join(SourceRow, SourceRow.id == FreshnessRow.source_id)
            .where(SourceRow.removed_at.is_(None))
            .order_by(SourceRow.domain, SourceRow.name, FreshnessRow.kind)
        )
        with self.database.read() as session:
            return [
                Measured(
                    domain=domain,
                    source=source,
                    kind=row.kind,
                    counts=tuple(row.counts),
                    total=row.total,
                    last=row.last,
                )
                for row, domain, source in session.execute(statement)
            ]


def _p95(counts: Sequence[int]) -> float:
    """The bound under which 95 of 100 stayed; the last one where they did not."""
    left = sum(counts) * 0.95
    for bound, count in zip(BOUNDS, counts, strict=False):
        left -= count
        if left <= 0:
            return float(bound)
    return float(BOUNDS[-1])
