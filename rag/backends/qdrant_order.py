"""The order of candidates: by (-score, id), also where scores tie, on every Qdrant engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

MAX_TIES = 3_000
"""Candidates beyond which a tie is left as the engine cut it: reading more takes too long."""


class Ranked(NamedTuple):
    id: str
    score: float


def widen(fetched: int) -> int:
    """How many to ask for next, when so many were not enough."""
    return max(fetched, min(fetched * 8, MAX_TIES))


def settle(found: Sequence[Ranked], fetched: int, limit: int) -> list[Ranked] | None:
    """The best `limit` in order, or None when more than `fetched` must be asked for.

    Qdrant breaks ties at random, so a list is cut only where the next score is a lower one; ask
    for one more than the limit first.
    """
    cut_by_engine = len(found) == fetched and found[-1].score == found[limit - 1].score
    if cut_by_engine and fetched < MAX_TIES:
        return None
    return sorted(found, key=lambda hit: (-hit.score, hit.id))[:limit]
