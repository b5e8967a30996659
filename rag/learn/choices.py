"""What might be changed of an answer: what it is made of, and what a model is told to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rag.domain import Pack

KNOBS = ("limit", "widen")
"""Of these the pack's `[retrieval]`; the others are of its `[answer]`."""
WORDING = "wording"
VALUES: Mapping[str, tuple[int, ...]] = {
    "limit": (3, 5, 8, 12, 20),
    "widen": (0, 1, 2, 3),
    "context_tokens": (1_000, 2_000, 4_000, 8_000),
    "max_sentences": (2, 3, 4, 6, 8),
}


class Choice(NamedTuple):
    """One thing that would be another."""

    name: str
    before: Any
    after: Any


def choices(in_use: Pack, wording: str, *, composes: bool) -> Iterator[Choice]:
    """Every choice, in an order that stays; one thing each, so that it is known what helped.

    `in_use` is the pack as the release has it, and `wording` the prompt's name. A model is given
    tokens and told to do something; where answers are quoted, sentences are taken.
    """
    settings = {**in_use.retrieval.model_dump(), **in_use.answer.model_dump()}
    for name in (*KNOBS, "context_tokens" if composes else "max_sentences"):
        for value in VALUES[name]:
            if value != settings[name]:
                yield Choice(name, settings[name], value)
    if composes:
        for name in in_use.wordings:
            if name != wording:
                yield Choice(WORDING, wording, name)
