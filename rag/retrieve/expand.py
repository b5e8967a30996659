"""What is searched for a question: its parts, and the words the pack says mean the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.domain import Synonyms

MAX_QUERIES = 4
MAX_QUESTION = 1_000
"""Characters that are searched for: about 250 tokens, what the packaged encoder reads."""
# Names with a digit in them, such as AL-40: what "its" in the next part refers to.
_NAMED = re.compile(r"\b[^\W\d_]+-?\d[\w-]*")
# "…, and how long does it last?" starts another question; "pumps and motors" does not.
_JOINT = re.compile(
    r"\?\s+(?=\S)|[;,]?\s+(?:and|und)\s+(?=(?:what|which|who|whom|whose|when|where|why|how|is|are|"
    r"was|were|does|do|did|can|may|must|should|wer|was|wie|wann|wo|warum|welche[rsmn]?)\b)",
    re.IGNORECASE,
)


def gist(question: str) -> str:
    """The question, or the beginning and the end of one too long for any encoder to read whole.

    What is asked stands there; what is pasted in between would cost seconds and find nothing.
    """
    if len(question) <= MAX_QUESTION:
        return question
    half = MAX_QUESTION // 2 - 2
    return f"{question[:half].rpartition(' ')[0] or question[:half]} … " + (
        question[-half:].partition(" ")[2] or question[-half:]
    )


@dataclass(frozen=True)
class Query:
    """One search: `dense` is embedded, `sparse` is matched word by word."""

    dense: str
    sparse: str


@dataclass(frozen=True)
class Expander:
    """Rewrites questions by the pack's synonyms; equal questions give equal queries."""

    synonyms: Synonyms

    def expand(self, question: str) -> list[Query]:
        """The question first, then its parts when it asks several things."""
        parts = [part.strip(" ?") for part in _JOINT.split(question) if part]
        parts = [part for part in parts if len(part.split()) > 2]
        texts = [question, *_with_subject(question, parts)] if len(parts) > 1 else [question]
        queries: list[Query] = []
        for text in texts[:MAX_QUERIES]:
            canonical, extra = self._same_meaning(text)
            queries.append(Query(dense=text, sparse=" ".join((text, *extra))))
            if canonical != text and len(queries) < MAX_QUERIES:
                queries.append(Query(dense=canonical, sparse=canonical))
        return queries[:MAX_QUERIES]

    def words(self, question: str) -> list[str]:
        """The other words for what the question says, for whoever compares words."""
        return self._same_meaning(question)[1]

    def _same_meaning(self, text: str) -> tuple[str, list[str]]:
        extra: list[str] = []
        canonical = text
        for pattern, term, group in self._terms:
            if pattern.search(text):
                extra.extend(other for other in group if other != term and other not in extra)
                if term != group[0]:
                    canonical = pattern.sub(group[0], canonical)
        return canonical, extra

    @cached_property
    def _terms(self) -> Sequence[tuple[re.Pattern[str], str, tuple[str, ...]]]:
        groups = [
            *self.synonyms.groups,
            *((long, short) for short, long in self.synonyms.acronyms.items()),
        ]
        return [
            (re.compile(rf"(?<!\w){re.escape(term)}(?!\w)", re.IGNORECASE), term, group)
            for group in groups
            for term in group
        ]


def _with_subject(question: str, parts: Sequence[str]) -> list[str]:
    """The parts; one that names nothing is about what the whole question names."""
    named = list(dict.fromkeys(_NAMED.findall(question)))
    return [
        part if not named or _NAMED.search(part) else f"{part} {' '.join(named)}" for part in parts
    ]
