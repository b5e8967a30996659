"""Makes a follow-up stand alone, by rule: what it leaves out is in the question before."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answer.words import is_identifier, words
from rag.types import Turn

_REFERS = re.compile(
    r"\b(?:it|its|it's|that|this|these|those|they|them|their|he|she|his|her|there|then|one|same|"
    r"former|latter|er|sie|es|dies\w*|dort|davon|dafür)\b|^(?:and|what about|how about|also|und)\b",
    re.IGNORECASE,
)
SHORT = 4


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question itself, or the last question before it and then itself when it refers back."""
    asked = [turn.content for turn in history if turn.role == "user"]
    if not asked:
        return question
    own = words(question)
    if not _REFERS.search(question) and (
        len(own) > SHORT or any(is_identifier(word) for word in own)
    ):
        return question
    return f"{asked[-1]} {question}"
