"""From clicks to votes: what people opened of what an answer cited, with its place put right.

What stands further down is looked at less, so that a click there says more and none says less. Only
whoever opened something of an answer is known to have looked at its sources at all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rag.store.candidates import Voted
from rag.store.events import Event

CLICK = 0.5
"""What a click counts beside somebody's word that a passage is useful."""
USUAL = 1.0
"""A passage at place n is looked at with a chance of n to the power of minus this, where too little
was opened to tell."""
ENOUGH = 100
"""Clicks on passages that people had at different places, below which it is not told."""
_STEEPNESS = np.linspace(0.0, 2.0, 81)


class Look(NamedTuple):
    """One passage as one person had it before them, for a question."""

    digest: str
    """Of the question's words."""
    actor: str
    trace_id: str
    chunk_id: str
    place: int
    """Counts from 1 what the answer cited."""
    opened: bool
    event: str
    """The click on it; where there is none, another of the same person on the same answer."""


class Clicked(NamedTuple):
    """A vote that a click gave, and whose it is."""

    digest: str
    actor: str
    vote: Voted


def looks(trace: Mapping[str, Any], digest: str, clicks: Iterable[Event]) -> list[Look]:
    """What everybody who opened something of an answer had before them. A passage that is not cited
    was seen by those who opened it only."""
    shown = [*dict.fromkeys(one["chunk_id"] for one in trace["citations"])]
    ranks = {hit["chunk_id"]: hit["rank_shown"] for hit in trace["hits"]}
    opened: dict[str, dict[str, str]] = defaultdict(dict)
    for one in clicks:
        opened[one.actor][one.target["chunk_id"]] = one.id
    found: list[Look] = []
    for actor, events in opened.items():
        last = max(events.values())
        places = dict(zip(shown, range(1, len(shown) + 1), strict=True))
        places |= {name: ranks[name] for name in events if name in ranks and name not in places}
        found += [
            Look(digest, actor, trace["id"], name, place, name in events, events.get(name, last))
            for name, place in places.items()
        ]
    return found


class Clicks:
    """Adds up what was opened; of each person the last answer to a question counts."""

    def __init__(self, per_rater: int) -> None:
        """`per_rater`: how many questions count of each person."""
        self._per_rater = per_rater
        self._of: dict[tuple[str, str], list[Look]] = {}
        self._asked: Counter[str] = Counter()

    def add(self, found: Iterable[Look]) -> None:
        """What people had before them with one answer; later answers after earlier ones."""
        mine: dict[tuple[str, str], list[Look]] = defaultdict(list)
        for one in found:
            mine[one.digest, one.actor].append(one)
        for key, some in mine.items():
            if key not in self._of:
                self._asked[key[1]] += 1
            if self._asked[key[1]] <= self._per_rater:
                self._of[key] = some

    def votes(self) -> list[Clicked]:
        """What they say of each passage. For those who opened it; against it as many as will have
        looked at it and did not, shared out among those who opened something else."""
        together: dict[tuple[str, str], list[Look]] = defaultdict(list)
        for some in self._of.values():
            for one in some:
                together[one.digest, one.chunk_id].append(one)
        steep = steepness([*together.values()])
        return [
            Clicked(one.digest, one.actor, Voted(one.event, one.trace_id, one.chunk_id, value))
            for some in together.values()
            for one, value in _valued(some, steep)
            if value
        ]


def _valued(some: Sequence[Look], steep: float) -> Iterable[tuple[Look, float]]:
    opened = sum(one.opened for one in some)
    looked = sum(one.place**-steep for one in some)
    passed = max(0.0, looked - opened) / max(len(some) - opened, 1)
    return ((one, CLICK if one.opened else -CLICK * passed) for one in some)


def steepness(groups: Iterable[Sequence[Look]]) -> float:
    """How fast people look at less from place to place, as the clicks on passages tell that stood
    at different places for the same question; USUAL where these are too few.

    The likelihood of where a passage was opened, given that it was: how useful it is cancels out
    (Joachims et al., 2017, harvest the same from interventions).
    """
    varied = [some for some in groups if len({one.place for one in some}) > 1]
    if sum(one.opened for some in varied for one in some) < ENOUGH:
        return USUAL
    told = np.zeros(len(_STEEPNESS))
    for some in varied:
        places = np.log([one.place for one in some])
        opened = np.array([one.opened for one in some])
        chances = -_STEEPNESS[:, None] * places
        total = np.log(np.exp(chances).sum(axis=1))
        told += chances[:, opened].sum(axis=1) - opened.sum() * total
    return float(_STEEPNESS[int(told.argmax())])
