"""How far people agree with each other: on the whole, month by month, each rater, each answer.

What several people can judge is a unit (see rag.store.units). Of a person the last verdict on it
counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Text, cast, select

from rag.store.database import Database
from rag.store.models import FeedbackRow, table_of
from rag.store.opinions import EXPERT, PRIOR, alpha
from rag.types import Data

MOST = 100_000
"""Verdicts that are compared, the last of a time: with more it would be worth nobody's wait."""
_F = table_of(FeedbackRow)
Said = tuple[str, str, str, str, float | None, str]
"""When, what, by whom, of which answer, how good, and as what they said it."""


class Period(Data):
    """A month as people agreed in it."""

    month: str
    opinions: int
    units: int
    """Of which several people had an opinion."""
    alpha: float | None


class Rater(Data):
    """Somebody who judges, by a few letters of their pseudonym."""

    by: str
    place: str
    """Where they stand in the list."""
    expert: bool
    opinions: int
    compared: int
    """Of these, on what others judged too."""
    agreed: int
    """Of these, as most others did."""
    weight: float
    """What an opinion of theirs counts in a dataset; 1 is usual."""


class Disputed(Data):
    """An answer or passage of which some think well and others badly."""

    unit: str
    trace_id: str
    """The newest answer that was judged so."""
    up: int
    down: int
    place: str


class Agreement(Data):
    opinions: int
    people: int
    units: int
    """Of which several people had an opinion."""
    cut: bool
    """There were more verdicts than are compared; these are the last ones."""
    alpha: float | None
    """Krippendorff's; None where nobody judged the same."""
    periods: tuple[Period, ...]
    raters: tuple[Rater, ...]
    """Those with most opinions first."""
    disputed: tuple[Disputed, ...]
    """What is disputed most first."""


class Vote(NamedTuple):
    """The last that somebody said of a unit."""

    good: bool
    expert: bool
    trace_id: str
    at: str


Units = dict[str, dict[str, Vote]]


class Agreements:
    """Reads; one snapshot."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def of(self, domain: str, since: datetime | None, until: datetime | None) -> Agreement:
        """What was said in a time, up to `until`, as it is in effect now."""
        said = self._said(domain, since, until)
        units = _last(said)
        months = {month: _last(some) for month, some in groupby(said, key=lambda row: row[0][:7])}
        return Agreement(
            cut=len(said) == MOST,
            opinions=sum(map(len, units.values())),
            people=len({actor for votes in units.values() for actor in votes}),
            units=_shared(units),
            alpha=alpha(_sides(votes) for votes in units.values()),
            periods=tuple(
                Period(
                    month=month,
                    opinions=sum(map(len, some.values())),
                    units=_shared(some),
                    alpha=alpha(_sides(votes) for votes in some.values()),
                )
                for month, some in sorted(months.items(), reverse=True)
            ),
            raters=tuple(_raters(units)),
            disputed=tuple(_disputed(units)),
        )

    def _said(self, domain: str, since: datetime | None, until: datetime | None) -> Sequence[Said]:
        """Everything, the oldest first: what was replaced and what was taken back too."""
        statement = (
            select(
                # A time as it is written: to make each a moment would take most of the time.
                cast(_F.c.at, Text),
                *(_F.c.unit, _F.c.actor_pseudonym, _F.c.trace_id, _F.c.value, _F.c.rater),
            )
            .where(_F.c.domain == domain, _F.c.unit.is_not(None))
            .order_by(_F.c.at.desc())
            .limit(MOST)
        )
        if since is not None:
            statement = statement.where(_F.c.at >= since)
        if until is not None:
            statement = statement.where(_F.c.at < until)
        with self.database.read() as session:
            return session.execute(statement).tuples().all()[::-1]


def _last(said: Iterable[Said]) -> Units:
    """What is in effect: of one answer the last, and of equal answers that of the last."""
    each: dict[str, dict[str, dict[str, Vote]]] = {}
    for at, unit, actor, trace_id, value, rater in said:
        mine = each.setdefault(unit, {}).setdefault(actor, {})
        mine.pop(trace_id, None)
        if value:
            mine[trace_id] = Vote(value > 0, rater == "expert", trace_id, at)
    return {
        unit: {actor: next(reversed(mine.values())) for actor, mine in people.items() if mine}
        for unit, people in each.items()
    }


def weight(agreed: int, against: int, *, expert: bool) -> float:
    """What an opinion counts in a dataset, of somebody who judged so, with and against others."""
    return round((agreed + PRIOR) / (agreed + against + PRIOR) * (EXPERT if expert else 1.0), 3)


def _sides(votes: Mapping[str, Vote]) -> tuple[int, int]:
    up = sum(vote.good for vote in votes.values())
    return up, len(votes) - up


def _shared(units: Units) -> int:
    return sum(len(votes) > 1 for votes in units.values())


def _raters(units: Units) -> list[Rater]:
    opinions: dict[str, int] = defaultdict(int)
    compared: dict[str, int] = defaultdict(int)
    agreed: dict[str, int] = defaultdict(int)
    against: dict[str, int] = defaultdict(int)
    experts: set[str] = set()
    for votes in units.values():
        up, down = _sides(votes)
        for actor, vote in votes.items():
            opinions[actor] += 1
            if vote.expert:
                experts.add(actor)
            if len(votes) > 1:
                compared[actor] += 1
                mine = 1 if vote.good else -1
                others = (up - down - mine) * mine
                agreed[actor] += others > 0
                against[actor] += others < 0
    return [
        Rater(
            by=actor[:8],
            place=f"{count}-{actor}",
            expert=actor in experts,
            opinions=count,
            compared=compared[actor],
            agreed=agreed[actor],
            weight=weight(agreed[actor], against[actor], expert=actor in experts),
        )
        for actor, count in sorted(opinions.items(), key=lambda one: (-one[1], one[0]))
    ]


def _disputed(units: Units) -> list[Disputed]:
    """By how many are of the smaller opinion, then by how many there are."""
    found: list[tuple[int, int, str, Disputed]] = []
    for unit, votes in units.items():
        up, down = _sides(votes)
        if up and down:
            newest = max(votes.values(), key=lambda vote: (vote.at, vote.trace_id))
            place = f"{min(up, down)}-{up + down}-{newest.trace_id}"
            one = Disputed(unit=unit, trace_id=newest.trace_id, up=up, down=down, place=place)
            found.append((-min(up, down), -up - down, newest.trace_id, one))
    return [one for *_, one in sorted(found, key=lambda each: each[:3])]
