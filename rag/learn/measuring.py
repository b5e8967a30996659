"""What a question's hits are worth by what people found of passages, and how new a question is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log2
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.candidates import Stratum
from rag.store.questions import unfolded
from rag.types import Hit

DEEP = 10
NEAR = 0.7
"""The cosine above which a learned question is a near-duplicate."""


class Place(NamedTuple):
    """Where a passage stands."""

    document_id: str
    version: int
    start: int
    end: int


class Wanted(NamedTuple):
    """What a question's hits are to be: passages by id, and documents of which any passage will do,
    each with how useful it is, from 0 to 1."""

    passages: Mapping[str, float]
    documents: Mapping[str, float] = {}
    cut: str = ""
    """How these passages are cut: elsewhere their ids are of other passages."""
    places: Mapping[str, Place] = {}

    @property
    def any(self) -> bool:
        return any(value > 0 for value in (*self.passages.values(), *self.documents.values()))


def ndcg(hits: Sequence[Hit], wanted: Wanted, cut: str) -> float:
    """nDCG@10 with linear gains, of hits that are cut in some way; a document counts once, at its
    first passage."""
    return _share(gains(hits, wanted, cut), wanted)


def gains(hits: Sequence[Hit], wanted: Wanted, cut: str) -> list[float]:
    """What each hit is worth: by its id where it is cut as what was rated, else by what it holds
    of that."""
    payloads = [hit.payload for hit in hits]
    if not wanted.passages or wanted.cut == cut:
        return _gains([(one.chunk_id, one.document_id) for one in payloads], wanted)
    return held(
        [Place(one.document_id, one.version, one.start, one.end) for one in payloads], wanted
    )


def worth(found: Iterable[tuple[str, str]], wanted: Wanted) -> float:
    """nDCG@10 of passages and the documents that they are of, by ids."""
    return _share(_gains(found, wanted), wanted)


def held(found: Iterable[Place], wanted: Wanted) -> list[float]:
    """What each of some passages is worth that are cut otherwise than what was rated: the share of
    a rated passage that it is the first to hold, and in all no more than one whole passage.

    No order of any cut is worth more than the rated passages themselves. One that splits a rated
    passage, or holds two, is worth less, so this is strict to the cut that was not rated, as
    labels are to whatever was not shown: what people would have said of it nobody knows.
    """
    left = dict(wanted.documents)
    rated = sorted(
        ((value, name) for name, value in wanted.passages.items() if name in wanted.places),
        key=lambda one: (-one[0], one[1]),
    )
    missing = {name: [(one.start, one.end)] for name, one in wanted.places.items()}
    found_gains: list[float] = []
    for at in found:
        room, gain = 1.0, 0.0
        for value, name in rated:
            place = wanted.places[name]
            if (place.document_id, place.version) != (at.document_id, at.version):
                continue
            before = length(missing[name])
            missing[name] = without(missing[name], at)
            share = (before - length(missing[name])) / max(1, place.end - place.start)
            gain += value * min(share, room)
            room -= min(share, room)
        found_gains.append(max(gain, left.pop(at.document_id, 0.0)))
    return found_gains


def without(parts: Iterable[tuple[int, int]], at: Place) -> list[tuple[int, int]]:
    """What is left of some parts of a version where a passage of it is taken out."""
    return [
        part
        for start, end in parts
        for part in ((start, min(end, at.start)), (max(start, at.end), end))
        if part[0] < part[1]
    ]


def length(parts: Iterable[tuple[int, int]]) -> int:
    """In characters."""
    return sum(end - start for start, end in parts)


def _gains(found: Iterable[tuple[str, str]], wanted: Wanted) -> list[float]:
    left = dict(wanted.documents)
    return [
        max(wanted.passages.get(chunk_id, 0.0), left.pop(document_id, 0.0))
        for chunk_id, document_id in found
    ]


def _share(gained: Sequence[float], wanted: Wanted) -> float:
    best = dcg(sorted((*wanted.passages.values(), *wanted.documents.values()), reverse=True))
    return dcg(gained) / best if best else 0.0


def dcg(gains: Sequence[float]) -> float:
    """What the first ten are worth, less the later they come; below 0 is nothing."""
    return sum(max(one, 0.0) / log2(rank + 1) for rank, one in enumerate(gains[:DEEP], 1))


class Learnt:
    """The questions that a candidate learned from."""

    def __init__(self, questions: Iterable[tuple[str, bytes, Iterable[str]]]) -> None:
        """`questions`: the digest of each one's words, its vector, what was useful for it."""
        found = list(questions)
        self._digests = {digest for digest, _, _ in found}
        self._useful = {chunk_id for _, _, useful in found for chunk_id in useful}
        self._matrix: NDArray[np.float32] | None = (
            np.stack([unfolded(vector) for _, vector, _ in found]) if found else None
        )

    def stratum(self, digest: str, vector: Sequence[float], useful: Iterable[str]) -> Stratum:
        """Learned itself; near one that was, or wanting a passage that one wanted; or neither."""
        if digest in self._digests:
            return "repeat"
        if self._matrix is None:
            return "novel"
        nearest = float((self._matrix @ np.asarray(vector, dtype=np.float32)).max())
        shared = not self._useful.isdisjoint(useful)
        return "near_duplicate" if nearest > NEAR or shared else "novel"
