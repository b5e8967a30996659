"""Makes a follow-up stand alone, by rule: what it leaves out is in the question before."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answer.evidence import Sentence
from rag.answer.words import is_identifier, words
from rag.types import Turn

_REFERS = re.compile(
    r"\b(?:it|its|it's|that|this|these|those|they|them|their|he|she|his|her|there|then|one|same|"
    r"former|latter|er|sie|es|dies\w*|dort|davon|dafür)\b",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"^(?:and|what about|how about|also|und)\b", re.IGNORECASE)
SHORT = 4
TELLING, TELLING_ALONE, FOREIGN = 3, 2, 0.34
"""Of so many content words of a follow-up, or of one that refers to nothing, this share is more
than chance."""


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question itself, or the last question before it and then itself when it refers back."""
    asked = [turn.content for turn in history if turn.role == "user"]
    if not asked:
        return question
    own = words(question)
    goes_on = refers(question) or _GOES_ON.search(question)
    if not goes_on and (len(own) > SHORT or any(is_identifier(word) for word in own)):
        return question
    return f"{asked[-1]} {question}"


def refers(question: str) -> bool:
    """A word of it stands for something that was named before."""
    return bool(_REFERS.search(question))


def touched(question: str, found: Sequence[Sentence]) -> bool:
    """Whether what was found speaks of the follow-up itself, not only of what went before.

    A rule cannot tell a question that leaves something out from one on another subject. Of the
    latter next to no word is found in passages that fit the question before.
    """
    own = set(words(question))
    least = TELLING if refers(question) else TELLING_ALONE
    said = {word for one in found for word in (*one.words, *one.context_words)}
    return len(own) < least or len(own & said) > FOREIGN * len(own)
