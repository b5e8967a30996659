"""Which way of cutting documents brings most of what is sought to a model, of a handful."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.errors import InvalidInput, counted
from rag.learn.evaluation import facts_found
from rag.learn.measuring import Place, length, without

ENOUGH = 30
"""Questions below which nothing is searched for."""
SHARES = (0.25, 0.5, 1.0)
"""Of the tokens that a model is given: what comes sooner counts more."""
LEAST = 32
"""Tokens of a passage below which it says too little by itself."""
OVERLAP = 6
"""A sixth of a passage is said again, where any of it is."""


class Cut(NamedTuple):
    """Tokens of a passage, and how many of them are those that the one before ends with."""

    size: int
    overlap: int


class Passage(NamedTuple):
    """A passage that was found: where it stands, what it says, and what it costs."""

    place: Place
    uri: str
    text: str
    tokens: int


class Sought(NamedTuple):
    """What is to be among the passages of a question: facts, in any of their spellings, in the
    documents that end so; or what was found useful of versions, each with how useful it is."""

    facts: Sequence[Sequence[str]] = ()
    paths: Sequence[str] = ()
    rated: Mapping[Place, float] = {}


class Choice(NamedTuple):
    """The cut that does best."""

    cut: Cut
    before: float
    """The mean share of what is sought, with the cut in use."""
    after: float


def around(now: Cut, limit: int) -> list[Cut]:
    """The cuts to try beside the one in use, as far as the embedder reads, the most different
    first."""
    sizes = (now.size // 2, now.size * 2, now.size * 3 // 4, now.size * 4 // 3, now.size)
    fitting = [min(max(size, LEAST), limit) for size in sizes]
    cuts = [*(Cut(one, 0) for one in fitting), *(Cut(one, one // OVERLAP) for one in fitting)]
    return [one for one in dict.fromkeys(cuts) if one != now]


def holds(found: Sequence[Passage], sought: Sought, tokens: int) -> float:
    """The share of what is sought that stands in the passages of so many tokens, the mean over a
    quarter of them, half and all: small passages may be many and big ones few."""
    return float(np.mean([_holds(_within(found, int(tokens * one)), sought) for one in SHARES]))


def chosen(before: NDArray[np.float64], tried: Mapping[Cut, NDArray[np.float64]]) -> Choice:
    """The cut with the highest gain that is surely one, less a standard error, over the questions.

    Raises InvalidInput where none is surely better than the one in use. The gain is of what it was
    chosen on, so it promises nothing: the gate measures it on other questions.
    """
    surely: dict[Cut, float] = {}
    for cut, each in tried.items():
        gain = each - before
        surely[cut] = float(gain.mean() - gain.std() / np.sqrt(len(gain)))
    best = max(surely, key=lambda one: surely[one])
    if surely[best] <= 0:
        raise InvalidInput(
            f"Of {counted(len(tried), 'other cut')} none is surely better than the one in use on "
            f"{len(before)} questions.",
            hint="Nothing is to be done: the one in use does well.",
        )
    return Choice(best, float(before.mean()), float(tried[best].mean()))


def _within(found: Sequence[Passage], tokens: int) -> list[Passage]:
    """In their order, whatever still fits."""
    given: list[Passage] = []
    for one in found:
        if one.tokens <= tokens:
            tokens -= one.tokens
            given.append(one)
    return given


def _holds(given: Sequence[Passage], sought: Sought) -> float:
    if sought.facts:
        named = [one for one in given if any(_ends(one.uri, path) for path in sought.paths)]
        return facts_found(sought.facts, "\n".join(one.text for one in named))
    gained = 0.0
    for place, value in sought.rated.items():
        left = [(place.start, place.end)]
        for one in given:
            if one.place[:2] == place[:2]:
                left = without(left, one.place)
        gained += value * (1 - length(left) / max(1, place.end - place.start))
    return gained / sum(sought.rated.values())


def _ends(uri: str, path: str) -> bool:
    return uri.endswith("/" + path)
