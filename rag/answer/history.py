"""What was said before, as much of it as a model may be told: the nearer, the more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rag.ingest.sentences import split_sentences
from rag.types import Turn

LONGEST = 400
"""Characters of a first sentence."""


def brief(text: str) -> str:
    """The first sentence of a text."""
    spans = split_sentences(text)
    first = text[slice(*spans[0])] if spans else ""
    return first if len(first) <= LONGEST else f"{first[: LONGEST - 1]}…"


def summarised(
    history: Sequence[Turn], count_tokens: Callable[[str], int], budget: int
) -> list[Turn]:
    """The latest exchanges of a talk within `budget` tokens, in order.

    The newest are whole, as long as they take no more than half of it; of those before, the
    questions are whole and the answers their first sentence; what does not fit is left out, and
    all before it.
    """
    kept: list[list[Turn]] = []
    left, whole = budget, budget // 2
    shorten = False
    for exchange in reversed(_exchanges(history)):
        cost = _cost(exchange, count_tokens)
        shorten = shorten or cost > whole
        if shorten:
            exchange = [_brief(turn) for turn in exchange]
            cost = _cost(exchange, count_tokens)
        if cost > left:
            break
        left -= cost
        whole -= cost
        kept.append(exchange)
    return [turn for exchange in reversed(kept) for turn in exchange]


def _exchanges(history: Sequence[Turn]) -> list[list[Turn]]:
    """Each question with the answers to it."""
    found: list[list[Turn]] = []
    for turn in history:
        if turn.role == "user" or not found:
            found.append([])
        found[-1].append(turn)
    return found


def _brief(turn: Turn) -> Turn:
    if turn.role == "user":
        return turn
    return Turn(role=turn.role, content=brief(turn.content))


def _cost(exchange: Sequence[Turn], count_tokens: Callable[[str], int]) -> int:
    return sum(count_tokens(turn.content) for turn in exchange)
