"""Feedback memory: what people found useful for a question like this one moves up.

It only orders passages that the person may read now, in versions that answer now; it never repeats
an answer, and a question that nothing like it was asked before is answered as if there were none.
A near question may mean the opposite of this one, so it is never more than an order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import NamedTuple

from pydantic import Field, TypeAdapter

from rag.protocols import Index
from rag.types import Data

NEAREST = 32
"""Remembered questions that are looked at."""
Z = 1.0
"""Deviations below the mean at which votes count: one of six times it is lower still."""


class Vote(NamedTuple):
    """What one person found of a passage; `event` is the feedback that says so."""

    rater: str
    value: float
    """From -1 to 1, with whatever the person counts more or less."""
    event: str


class Note(Data):
    """What people found of one passage, for one question."""

    chunk_id: str
    votes: tuple[Vote, ...]


NOTES = TypeAdapter(tuple[Note, ...])


class MemoryKnobs(Data):
    """How near a question has to be, and how far a passage moves."""

    gate: float = Field(ge=-1, lt=1)
    """The cosine below which a remembered question says nothing."""
    strength: float = Field(ge=0)
    """What a passage gains that everybody found useful for the very question, in fused score."""


class Moved(NamedTuple):
    """Why a passage moves."""

    boost: float
    similarity: float
    """Of the nearest question that speaks of it."""
    people: int
    useful: int
    """How many of them found it useful, or opened it."""
    events: tuple[str, ...]

    @property
    def why(self) -> str:
        return (
            f"{self.useful} of {self.people} found it useful, or opened it, for a question as near "
            f"as {self.similarity:.2f}: +{self.boost:.3f}"
        )


class Memory:
    """One snapshot, kept in the vector store: a point for each question that was rated."""

    def __init__(self, id: str, index: Index, knobs: MemoryKnobs) -> None:
        self.id = id
        self._index = index
        self._knobs = knobs

    async def recall(self, vector: Sequence[float]) -> dict[str, Moved]:
        """What moves for a question, by chunk id; whether it may be read is not checked here."""
        near = await self._index.nearest(self.id, vector, above=self._knobs.gate, limit=NEAREST)
        return boosts(
            [(score, NOTES.validate_json(payload.text)) for score, payload in near], self._knobs
        )


def boosts(near: Iterable[tuple[float, Sequence[Note]]], knobs: MemoryKnobs) -> dict[str, Moved]:
    """What moves by how much: votes of near questions together, one for each person and passage,
    each by how near its question is. Nothing moves down.

    Whoever finds several passages of a question useful shares one vote among them: who praises all
    of them says nothing of their order.
    """
    said: dict[str, dict[str, tuple[float, Vote]]] = defaultdict(dict)
    for similarity, notes in near:
        praised = Counter(vote.rater for note in notes for vote in note.votes if vote.value > 0)
        for note in notes:
            people = said[note.chunk_id]
            for vote in note.votes:
                before = people.get(vote.rater)
                if before is None or (similarity, vote.event) > (before[0], before[1].event):
                    if vote.value > 0:
                        vote = vote._replace(value=vote.value / praised[vote.rater])
                    people[vote.rater] = (similarity, vote)
    moved = {chunk_id: _moved(people, knobs) for chunk_id, people in said.items()}
    return {chunk_id: one for chunk_id, one in moved.items() if one.boost > 0}


def _moved(people: Mapping[str, tuple[float, Vote]], knobs: MemoryKnobs) -> Moved:
    useful = against = 0.0
    nearest = -1.0
    for similarity, vote in people.values():
        weight = (similarity - knobs.gate) / (1 - knobs.gate)
        useful += weight * max(vote.value, 0.0)
        against += weight * max(-vote.value, 0.0)
        nearest = max(nearest, similarity)
    return Moved(
        boost=knobs.strength * lower_bound(useful, against),
        similarity=nearest,
        people=len(people),
        useful=sum(vote.value > 0 for _, vote in people.values()),
        events=tuple(sorted(vote.event for _, vote in people.values())),
    )


def lower_bound(useful: float, against: float) -> float:
    """The share that finds it useful, as low as it may well be (Wilson, 1927)."""
    count = useful + against
    if count <= 0:
        return 0.0
    z2 = Z * Z
    spread = Z * sqrt(useful * against / count + z2 / 4)
    return max(0.0, (useful + z2 / 2 - spread) / (count + z2))
