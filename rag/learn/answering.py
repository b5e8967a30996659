"""What an answer is worth by what people said it should have been: a score from 0 to 1.

Only what people wrote or asked for counts. That an answer was found useful does not say that
another one is not: to be like the live model's own answer is no merit.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from rag.learn.evaluation import facts_found

_MARKER = re.compile(r"\[\d+\]")
_WORD = re.compile(r"\w+")


class Due(NamedTuple):
    """What an answer should have been: one of these."""

    facts: Sequence[Sequence[str]] = ()
    """All of them are to be stated, each in any of its spellings."""
    corrections: Sequence[str] = ()
    """What people wrote instead; the one that it is most like counts."""
    abstention: bool = False
    """Nothing that can be read answers it."""


def worth(answer: str, due: Due, *, abstained: bool) -> float:
    """1 for an answer as it should be; 0 for none where there should be one, or the reverse."""
    if due.abstention:
        return float(abstained)
    if abstained:
        return 0.0
    if due.facts:
        return facts_found(due.facts, answer)
    return max((likeness(answer, one) for one in due.corrections), default=0.0)


def likeness(answer: str, wanted: str) -> float:
    """F1 of their words, each as often as it stands there (Rajpurkar et al., "SQuAD", 2016)."""
    one, other = _words(answer), _words(wanted)
    shared = (one & other).total()
    return 2 * shared / (one.total() + other.total()) if shared else 0.0


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(_MARKER.sub(" ", text).casefold()))
