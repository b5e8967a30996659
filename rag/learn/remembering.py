"""From feedback to a memory: what people found of passages, for the questions they asked.

Only accepted feedback of people who agreed to it, of passages as they are now; nobody counts twice,
or without end. Questions of held-out clusters are never remembered: they tell whether a memory does
harm where it knows nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rag.datasets import DatasetSpec, Split
from rag.learn.gathering import Said, agreed, found_relevant
from rag.learn.splitting import drawn
from rag.retrieve.memory import MemoryKnobs
from rag.store.candidates import Voted
from rag.store.events import Event
from rag.store.opinions import Opinion, Opinions
from rag.store.questions import unfolded

STRENGTH = 3.0
"""In fused score, of which the best passage has two at most; chosen on SciFact's training half."""
GATE = 0.6
"""Where too little is known of the embedder on these questions; measured with MiniLM."""
GATES = tuple(round(0.4 + 0.05 * step, 2) for step in range(12))
ENOUGH = 30
"""Pairs of questions near a gate, below which it is not fitted."""
MOST = 3_000
"""Questions that a gate is fitted on, the latest."""
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
        self.counts: Counter[str] = Counter()

    def add(self, trace_id: str, digest: str, event: Event, chunk_id: str, value: float) -> None:
        """One person's word on a passage; the last on it counts."""
        key = f"{digest} {chunk_id}"
        self._of[key] = (trace_id, chunk_id)
        self._opinions.think(
            key, Opinion(event.actor, value, event.rater == "expert", event.id, str(event.at))
        )

    def votes(self, per_rater: int) -> list[Voted]:
        """All that counts, once everything is added."""
        self.counts["capped"] = self._opinions.settle(per_rater)
        found = [
            Voted(event, *self._of[key], max(-MISSED, min(MISSED, value)))
            for key, event, value in self._opinions.weighed()
        ]
        self.counts["votes"] = len(found)
        return found


def fitted(
    vectors: Sequence[bytes], useful: Sequence[frozenset[str]], strength: float = STRENGTH
) -> tuple[MemoryKnobs, bool]:
    """How near questions have to be for at least half of such pairs to want the same passage, and
    whether that was told by these: questions as they were kept, each with what was useful for it.

    How near related questions are differs from embedder to embedder and from domain to domain.
    """
    wanted = [n for n, one in enumerate(useful) if one][-MOST:]
    if len(wanted) < 2:
        return MemoryKnobs(gate=GATE, strength=strength), False
    matrix = np.stack([unfolded(vectors[n]) for n in wanted])
    of: dict[str, list[int]] = {}
    for place, n in enumerate(wanted):
        for chunk_id in useful[n]:
            of.setdefault(chunk_id, []).append(place)
    sharing = np.zeros((len(wanted), len(wanted)), dtype=bool)
    for places in of.values():
        sharing[np.ix_(places, places)] = True
    upper = np.triu_indices(len(wanted), 1)
    near, same = (matrix @ matrix.T)[upper], sharing[upper]
    gate: float | None = None
    for low in reversed(GATES):
        within = (near >= low) & (near < low + 0.05)
        pairs = int(within.sum())
        if pairs >= ENOUGH and same[within].mean() < 0.5:
            break
        if pairs >= ENOUGH:
            gate = low
    if gate is None:
        return MemoryKnobs(gate=GATE, strength=strength), False
    return MemoryKnobs(gate=gate, strength=strength), True


def useful_of(votes: Iterable[Voted], trace_of: Callable[[Voted], str]) -> dict[str, set[str]]:
    """Which passages were useful for each question, by whatever names it."""
    found: dict[str, set[str]] = {}
    for one in votes:
        if one.value > 0:
            found.setdefault(trace_of(one), set()).add(one.chunk_id)
    return found
