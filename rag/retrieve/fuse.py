"""Joins the dense and the sparse list into one, the same way on every engine and every day.

The engines' own fusion breaks ties at random; here equal scores are ordered by chunk id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Literal, NamedTuple

from rag.domain import RetrievalKnobs
from rag.retrieve.memory import Moved
from rag.types import Candidates, Hit, Payload, Score, Scored

# An absent candidate counts as the weakest of the list, three deviations below its mean.
SIGMAS = 3.0


Stage = Literal["dense", "bm25"]


class Step(NamedTuple):
    """What one list made of a chunk: its rank and score there, and that as a share of the whole."""

    stage: Stage
    rank: int
    score: float
    value: float


class Ranked(NamedTuple):
    """A chunk with its score and how that came about, before anything of it is read."""

    chunk_id: str
    score: float
    rank: int
    steps: tuple[Step, ...]
    fusion: str
    moved: Moved | None = None
    """What people found of it, where that is in its score."""

    def hit(self, rank: int, payload: Payload) -> Hit:
        """The chunk as a hit at a rank, with its story told for people."""
        story = [
            Score.model_construct(
                stage=step.stage,
                rank=step.rank,
                score=step.score,
                why=f"{self.fusion} {step.value:.3f}",
            )
            for step in self.steps
        ]
        fused = self.score - (self.moved.boost if self.moved else 0.0)
        story.append(
            Score.model_construct(stage="fusion", rank=self.rank, score=fused, why=self.fusion)
        )
        if self.moved is not None:
            story.append(
                Score.model_construct(
                    stage="memory", rank=rank, score=self.score, why=self.moved.why
                )
            )
        return Hit.model_construct(
            rank=rank,
            score=self.score,
            payload=payload,
            scores=tuple(story),
            context="",
            context_start=0,
            pages=(),
        )


def fuse(candidates: Candidates, knobs: RetrievalKnobs) -> list[Ranked]:
    """Ordered by (-score, chunk id), each telling its rank and score in either list."""
    steps: dict[str, tuple[Step, ...]] = {}
    total: dict[str, float] = {}
    lists: tuple[tuple[Stage, Sequence[Scored], float], ...] = (
        ("dense", candidates.dense, knobs.dense_weight),
        ("bm25", candidates.sparse, knobs.sparse_weight),
    )
    for stage, scored, weight in lists:
        values = _normalised(scored, knobs)
        for rank, (one, value) in enumerate(zip(scored, values, strict=True), 1):
            key = one.chunk_id
            total[key] = total.get(key, 0.0) + weight * value
            steps[key] = (*steps.get(key, ()), Step(stage, rank, one.score, value))
    ranked = sorted(total, key=lambda key: (-total[key], key))
    return [
        Ranked(key, total[key], rank, steps[key], knobs.fusion)
        for rank, key in enumerate(ranked, 1)
    ]


def merge(lists: Sequence[Sequence[Ranked]]) -> list[Ranked]:
    """Several queries' lists as one: each chunk keeps its best score and that score's story."""
    if len(lists) == 1:
        return list(lists[0])
    best: dict[str, Ranked] = {}
    for ranked in lists:
        for one in ranked:
            known = best.get(one.chunk_id)
            if known is None or one.score > known.score:
                best[one.chunk_id] = one
    return sorted(best.values(), key=lambda one: (-one.score, one.chunk_id))


def remembered(
    ranked: Sequence[Ranked], moved: Mapping[str, Moved], *, found_only: bool
) -> list[Ranked]:
    """The list with what people found of passages in their scores; each keeps its rank of before.

    Passages that were not found join it at its end first, unless only found ones may be in it.
    """
    if not moved:
        return list(ranked)
    listed = {one.chunk_id for one in ranked}
    fusion = ranked[0].fusion if ranked else ""
    joining = [] if found_only else sorted(moved.keys() - listed)
    after = [
        *ranked,
        *(
            Ranked(one, 0.0, place, (), fusion)
            for place, one in enumerate(joining, len(ranked) + 1)
        ),
    ]
    after = [
        one._replace(score=one.score + moved[one.chunk_id].boost, moved=moved[one.chunk_id])
        if one.chunk_id in moved
        else one
        for one in after
    ]
    return sorted(after, key=lambda one: (-one.score, one.chunk_id))


def renumbered(hits: Sequence[Hit]) -> list[Hit]:
    return [
        hit if hit.rank == rank else hit.model_copy(update={"rank": rank})
        for rank, hit in enumerate(hits, 1)
    ]


def _normalised(scored: Sequence[Scored], knobs: RetrievalKnobs) -> list[float]:
    scores = [one.score for one in scored]
    match knobs.fusion:
        case "rrf":
            return [1.0 / (knobs.rrf_k + rank) for rank in range(1, len(scores) + 1)]
        case "convex":
            return _spread(scores, min(scores, default=0.0), max(scores, default=0.0))
        case "dbsf":
            if not scores:
                return []
            mean = sum(scores) / len(scores)
            deviation = sqrt(sum((score - mean) ** 2 for score in scores) / len(scores))
            return _spread(scores, mean - SIGMAS * deviation, mean + SIGMAS * deviation)


def _spread(scores: Sequence[float], low: float, high: float) -> list[float]:
    if high <= low:
        return [0.5] * len(scores)
    return [(score - low) / (high - low) for score in scores]
