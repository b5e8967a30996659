"""Joins the dense and the sparse list into one, the same way on every engine and every day.

The engines' own fusion breaks ties at random; here equal scores are ordered by chunk id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

from rag.domain import RetrievalKnobs
from rag.types import Candidates, Hit, Payload, Score, Scored

# An absent candidate counts as the weakest of the list, three deviations below its mean.
SIGMAS = 3.0


def fuse(candidates: Candidates, knobs: RetrievalKnobs) -> list[Hit]:
    """Hits ordered by (-score, chunk id), each telling its rank and score in either list."""
    lists = (
        ("dense", candidates.dense, knobs.dense_weight),
        ("bm25", candidates.sparse, knobs.sparse_weight),
    )
    total: dict[str, float] = {}
    story: dict[str, list[Score]] = {}
    payloads: dict[str, Payload] = {}
    for stage, scored, weight in lists:
        values = _normalised(scored, knobs)
        for rank, (one, value) in enumerate(zip(scored, values, strict=True), 1):
            key = one.payload.chunk_id
            payloads.setdefault(key, one.payload)
            total[key] = total.get(key, 0.0) + weight * value
            story.setdefault(key, []).append(
                Score.model_construct(
                    stage=stage, rank=rank, score=one.score, why=f"{knobs.fusion} {value:.3f}"
                )
            )
    return ordered(total, payloads, story, knobs.fusion)


def merge(lists: Sequence[Sequence[Hit]]) -> list[Hit]:
    """The hits of several queries as one list: each keeps its best score and that score's story."""
    if len(lists) == 1:
        return list(lists[0])
    best: dict[str, Hit] = {}
    for hits in lists:
        for hit in hits:
            known = best.get(hit.payload.chunk_id)
            if known is None or hit.score > known.score:
                best[hit.payload.chunk_id] = hit
    ranked = sorted(best.values(), key=lambda hit: (-hit.score, hit.payload.chunk_id))
    return renumbered(ranked)


def renumbered(hits: Sequence[Hit]) -> list[Hit]:
    return [
        hit if hit.rank == rank else hit.model_copy(update={"rank": rank})
        for rank, hit in enumerate(hits, 1)
    ]


def ordered(
    total: Mapping[str, float],
    payloads: Mapping[str, Payload],
    story: Mapping[str, Sequence[Score]],
    why: str,
) -> list[Hit]:
    ranked = sorted(total, key=lambda key: (-total[key], key))
    return [
        Hit.model_construct(
            rank=rank,
            score=total[key],
            payload=payloads[key],
            scores=(
                *story[key],
                Score.model_construct(stage="fusion", rank=rank, score=total[key], why=why),
            ),
            context="",
            context_start=0,
            pages=(),
        )
        for rank, key in enumerate(ranked, 1)
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
