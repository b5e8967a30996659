"""Recognisers of an organisation's own: expressions and words, by RE2, whose time is linear."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import re2 as untyped

from rag.config.redaction import RecogniserSettings
from rag.errors import ConfigError
from rag.redaction import Found

MEMORY = 64 << 20
"""What one expression may take: 10,000 names fit."""
re2 = cast(Any, untyped)
Recogniser = Callable[[str], Iterator[Found]]


def own(settings: Sequence[RecogniserSettings]) -> list[Recogniser]:
    """What finds each of these. Raises ConfigError naming the place of one that is no RE2."""
    return [_one(number, one) for number, one in enumerate(settings)]


def _one(number: int, settings: RecogniserSettings) -> Recogniser:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MEMORY
    if settings.words:
        options.case_sensitive = False
        options.longest_match = True
    expression = settings.pattern or _words(settings.words)
    place = f"redaction.recognisers.{number}.{'pattern' if settings.pattern else 'words'}"
    try:
        compiled = re2.compile(expression, options)
    except re2.error as error:
        why: object = error.args[0] if error.args else ""
        said = why.decode() if isinstance(why, bytes) else str(why)
        raise ConfigError(
            f"{place}: RE2 cannot read it: {said}.",
            hint="RE2 has no look-around and no backreferences.",
        ) from error
    by = f"{settings.kind} ({'pattern' if settings.pattern else 'words'})"
    whole = bool(settings.words)

    def find(text: str) -> Iterator[Found]:
        for match in compiled.finditer(text):
            start, end = match.span()
            if start < end and not (whole and _within_word(text, start, end)):
                yield Found(start, end, settings.kind, by)

    return find


def _words(words: Sequence[str]) -> str:
    return "|".join(r"\s+".join(map(re.escape, word.split())) for word in words)


def _within_word(text: str, start: int, end: int) -> bool:
    """Whether a span is only a part of a word; RE2's own borders know ASCII alone."""
    before = start and text[start - 1].isalnum() and text[start].isalnum()
    after = end < len(text) and text[end].isalnum() and text[end - 1].isalnum()
    return bool(before or after)
