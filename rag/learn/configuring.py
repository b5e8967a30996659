"""Which settings join the two lists best, of some that make a difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rag.domain import RetrievalKnobs
from rag.errors import InvalidInput
from rag.learn.measuring import DEEP, Wanted, worth
from rag.retrieve.fuse import fuse, merge
from rag.types import Candidates

ENOUGH = 30
"""Questions below which nothing is searched for."""
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""What the words count for beside the meaning, which is 1."""
CHOICES: tuple[Mapping[str, Any], ...] = tuple(
    {"fusion": fusion, "dense_weight": 1.0, "sparse_weight": share, **more}
    for fusion, more in (
        *(("dbsf", {}), ("convex", {})),
        *(("rrf", {"rrf_k": 10}), ("rrf", {"rrf_k": 60})),
    )
    for share in SHARES
)


DEPTHS = (1, 2, 4)
"""Each list whole, or as if only a half or a quarter of it were asked for."""


class Listed(NamedTuple):
    """What was found for one question: the lists of each of its queries, the document of each
    passage in them, and what is wanted."""

    found: Sequence[Candidates]
    documents: Mapping[str, str]
    wanted: Wanted


class Best(NamedTuple):
    """The settings that do best."""

    knobs: Mapping[str, Any]
    before: float
    """Mean nDCG@10 of the settings that are in use, on what was searched on."""
    after: float


def searched(questions: Sequence[Listed], in_use: RetrievalKnobs) -> Best:
    """The choice with the highest gain that is surely one, less a standard error, on these.

    Raises InvalidInput where none is surely better than what is in use. The gain is of what it was
    chosen on, so it promises nothing: the gate measures it on other questions.
    """
    before = _each(questions, in_use)
    tried = choices(in_use)
    gains = [_each(questions, in_use.model_copy(update=dict(choice))) - before for choice in tried]
    surely = [float(gain.mean() - gain.std() / np.sqrt(len(gain))) for gain in gains]
    best = int(np.argmax(surely))
    if surely[best] <= 0:
        raise InvalidInput(
            f"None of {len(tried)} settings is surely better than those in use "
            f"on {len(questions)} questions.",
            hint="Nothing is to be done: what is in use does well.",
        )
    return Best(tried[best], float(before.mean()), float(before.mean() + gains[best].mean()))


def choices(in_use: RetrievalKnobs) -> Sequence[Mapping[str, Any]]:
    """Every way to join the lists, of each depth; the deepest first."""
    whole = in_use.candidates
    depths = dict.fromkeys(
        max(whole // part, min(whole, max(in_use.limit, DEEP))) for part in DEPTHS
    )
    return [{**choice, "candidates": depth} for depth in depths for choice in CHOICES]


def _each(questions: Sequence[Listed], knobs: RetrievalKnobs) -> Any:
    return np.array([_worth(one, knobs) for one in questions])


def _worth(question: Listed, knobs: RetrievalKnobs) -> float:
    depth = max(knobs.candidates, knobs.limit)
    lists = [
        Candidates.model_construct(dense=found.dense[:depth], sparse=found.sparse[:depth])
        for found in question.found
    ]
    ranked = merge([fuse(found, knobs) for found in lists])[:DEEP]
    known = [one.chunk_id for one in ranked if one.chunk_id in question.documents]
    return worth([(name, question.documents[name]) for name in known], question.wanted)
