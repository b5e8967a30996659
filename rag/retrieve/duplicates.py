"""Drops hits that say what a better hit says already."""

from __future__ import annotations

from collections.abc import Sequence

from rag.types import Hit


def distinct(hits: Sequence[Hit], threshold: float, limit: int) -> list[Hit]:
    """The first `limit` hits of which no two share `threshold` of their words (Jaccard).

    Two versions of a rule differ in the numbers that matter and read alike otherwise, so words
    with digits must be equal for one to stand in for the other; so must the heading path's words.
    """
    kept: list[Hit] = []
    seen: list[tuple[frozenset[str], frozenset[str]]] = []
    for hit in hits:
        words = frozenset(f"{hit.payload.header} {hit.payload.text}".lower().split())
        numbers = frozenset(word for word in words if any(map(str.isdigit, word)))
        if any(
            numbers == other_numbers and _jaccard(words, other) >= threshold
            for other, other_numbers in seen
        ):
            continue
        kept.append(hit)
        seen.append((words, numbers))
        if len(kept) == limit:
            break
    return kept


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    if min(len(one), len(other)) < 0.5 * max(len(one), len(other)):
        return 0.0
    both = len(one & other)
    return both / (len(one) + len(other) - both) if one or other else 1.0
