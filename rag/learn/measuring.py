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


class Wanted(NamedTuple):
    """What a question's hits are to be: passages by id, and documents of which any passage will do,
    each with how useful it is, from 0 to 1."""

    passages: Mapping[str, float]
    documents: Mapping[str, float] = {}

    @property
    def any(self) -> bool:
        return any(value > 0 for value in (*self.passages.values(), *self.documents.values()))


def ndcg(hits: Sequence[Hit], wanted: Wanted) -> float:
    """nDCG@10 with linear gains; a document counts once, at its first passage."""
    return worth([(hit.payload.chunk_id, hit.payload.document_id) for hit in hits], wanted)


def worth(found: Iterable[tuple[str, str]], wanted: Wanted) -> float:
    """The same of passages and the documents that they are of."""
    left = dict(wanted.documents)
    gains = [
        max(
            wanted.passages.get(chunk_id, 0.0),
            left.pop(document_id, 0.0),
        )
        for chunk_id, document_id in found
    ]
    best = dcg(sorted((*wanted.passages.values(), *wanted.documents.values()), reverse=True))
    return dcg(gains) / best if best else 0.0


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
