"""From feedback to a memory: what people found of passages, for the questions they asked.

Only accepted feedback of people who agreed to it, of passages as they are now; nobody counts twice,
or without end. Questions of held-out clusters are never remembered: they tell whether a memory does
harm where it knows nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.datasets import DatasetSpec, Split
from rag.learn.clicking import Clicked
from rag.learn.gathering import Said, agreed, found_relevant
from rag.learn.measuring import dcg
from rag.learn.splitting import drawn
from rag.retrieve.memory import NEAREST, MemoryKnobs, Note, boosts
from rag.store.candidates import Voted
from rag.store.events import Event
from rag.store.opinions import Opinion, Opinions
from rag.store.questions import unfolded

USUAL = MemoryKnobs(gate=0.8, strength=3.0)
"""Where too little was rated to tell: questions as near as those that count as one."""
GATES = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
STRENGTHS = (0.25, 0.5, 1.0, 2.0, 3.0)
"""In fused score, of which the best passage has two at most."""
ENOUGH = 30
"""Rated questions that were near an earlier one, below which nothing is fitted."""
MOST = 1_000
"""Questions that are fitted on, the latest."""
MISSED = 2.0
"""How much more it counts that somebody went and found a document that was missing."""
HELD_OUT = 0.1
"""The share of clusters that is not learned from, where no dataset has said which they are."""
SPEC = DatasetSpec(name="memory", tasks=("relevance",))
"""Which feedback is learned from: accepted, of everybody, through every signal."""


class Missed(NamedTuple):
    """A document that should have been used, of which no passage is known yet."""

    event: Event
    document_id: str


class Learned(NamedTuple):
    """What was found of one answer."""

    judged: tuple[tuple[Event, str, float], ...]
    missed: tuple[Missed, ...]


def learned(trace: Mapping[str, Any], events: Sequence[Event]) -> Learned:
    """What those who agreed to improve the search said of the passages of an answer."""
    said = Said(agreed("retrieval", trace, events), SPEC)
    judged = found_relevant(trace, said.votes, said.corrections, said.passages)
    missed = (
        Missed(one, one.target["document_id"])
        for one in said.missing
        if one.target["document_id"] and (one.value or 0) > 0
    )
    return Learned(tuple(judged), tuple(missed))


def held_out(cluster: str, splits: Mapping[str, Split]) -> bool:
    """Whether nothing may be learned from a cluster of questions."""
    split = splits.get(cluster) or drawn(cluster, test=HELD_OUT, validation=0)
    return split == "test"


class Remembering:
    """Adds up what was found, in a file of its own. One for each memory that is made."""

    def __init__(self, opinions: Opinions) -> None:
        self._opinions = opinions
        self._of: dict[str, tuple[str, str]] = {}
        self.rated: list[tuple[datetime, Rated]] = []
        """Every question with when it was asked, to fit the memory on."""
        self.counts: Counter[str] = Counter()

    def add(self, trace_id: str, digest: str, event: Event, chunk_id: str, value: float) -> None:
        """One person's word on a passage; the last on it counts."""
        key = f"{digest} {chunk_id}"
        self._of[key] = (trace_id, chunk_id)
        self._opinions.think(
            key, Opinion(event.actor, value, event.rater == "expert", event.id, str(event.at))
        )

    def unsaid(self, clicked: Sequence[Clicked]) -> list[Voted]:
        """What clicks say of passages that their people said nothing of."""
        found = [
            one.vote
            for one in clicked
            if not self._opinions.thought(f"{one.digest} {one.vote.chunk_id}", one.actor)
        ]
        self.counts["clicks"] = sum(one.value > 0 for one in found)
        return found

    def votes(self, per_rater: int) -> list[Voted]:
        """All that counts, once everything is added."""
        self.counts["capped"] = self._opinions.settle(per_rater)
        found = [
            Voted(event, *self._of[key], max(-MISSED, min(MISSED, value)))
            for key, event, value in self._opinions.weighed()
        ]
        self.counts["votes"] = len(found)
        return found


class Rated(NamedTuple):
    """A question that was rated: its vector as it was kept, what was shown with its fused scores,
    and what people found."""

    vector: bytes
    shown: Sequence[tuple[str, float]]
    notes: Sequence[Note]


def fitted(rated: Sequence[Rated]) -> tuple[MemoryKnobs, bool]:
    """How near questions have to be and how far passages move, and whether these told it.

    Each question is ordered by what was said of the ones before it, as it would have been, and
    measured by what was said of itself. How near related questions are differs from embedder to
    embedder, and how much they share from domain to domain. `rated` from old to new.
    """
    rated = rated[-MOST:]
    if len(rated) < ENOUGH:
        return USUAL, False
    matrix = np.stack([unfolded(one.vector) for one in rated])
    near = matrix @ matrix.T
    wanted = [_useful(one.notes) for one in rated]
    gains: dict[tuple[float, float], list[float]] = {
        (gate, strength): [] for gate in GATES for strength in STRENGTHS
    }
    for n, one in enumerate(rated):
        if not wanted[n] or not n or near[n, :n].max() < GATES[0]:
            continue
        before = _gain(one.shown, wanted[n])
        for gate in GATES:
            places = np.flatnonzero(near[n, :n] >= gate)
            places = places[np.argsort(-near[n, places])][:NEAREST]
            close = [(float(near[n, place]), rated[int(place)].notes) for place in places]
            moved = boosts(close, MemoryKnobs(gate=gate, strength=1.0))
            for strength in STRENGTHS:
                after = before
                if moved:
                    raised = [
                        (name, score + strength * (moved[name].boost if name in moved else 0.0))
                        for name, score in one.shown
                    ]
                    after = _gain(sorted(raised, key=lambda each: -each[1]), wanted[n])
                gains[gate, strength].append(after - before)
    if len(gains[GATES[0], STRENGTHS[0]]) < ENOUGH:
        return USUAL, False
    # The nearest that does as well as the best, as far as that is told: elsewhere less goes wrong.
    best = max(gains, key=lambda knobs: (_surely(gains[knobs]), knobs[0], -knobs[1]))
    gate, strength = max(
        (knobs for knobs in gains if _surely(np.subtract(gains[best], gains[knobs])) <= 0),
        key=lambda knobs: (knobs[0], _surely(gains[knobs]), -knobs[1]),
    )
    return MemoryKnobs(gate=gate, strength=strength), True


def _useful(notes: Sequence[Note]) -> dict[str, float]:
    found = {
        note.chunk_id: sum(vote.value for vote in note.votes) / len(note.votes) for note in notes
    }
    return {name: min(value, 1.0) for name, value in found.items() if value > 0}


def _gain(shown: Sequence[tuple[str, float]], wanted: Mapping[str, float]) -> float:
    return dcg([wanted.get(name, 0.0) for name, _ in shown]) / dcg(
        sorted(wanted.values(), reverse=True)
    )


def _surely(gains: Sequence[float] | NDArray[np.float64]) -> float:
    """The mean gain, less a standard error."""
    found = np.array(gains)
    return float(found.mean() - found.std() / np.sqrt(len(found)))
