"""The settings of redaction."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from rag.config.section import Section
from rag.redaction import USUAL, Kind


class RecogniserSettings(Section):
    """What else is replaced: what an expression matches, or words."""

    kind: str = Field(
        pattern=r"^[A-Z][A-Z0-9_]{0,39}$",
        description="What stands in its place, in angle brackets: capitals, digits and _.",
    )
    pattern: str = Field(
        default="",
        max_length=2_000,
        description="A regular expression of RE2: it has no look-around, and never hangs.",
    )
    words: tuple[str, ...] = Field(
        default=(), max_length=10_000, description="Words and names, in small letters or capitals."
    )

    @model_validator(mode="after")
    def _knows_something(self) -> Self:
        if bool(self.pattern) == bool(self.words):
            raise ValueError("a recogniser has either a pattern or words; set one of them")
        if not all(word.strip() for word in self.words):
            raise ValueError("one of the words is empty; remove it")
        return self


class RedactionSettings(Section):
    """What is replaced in datasets before anything of them is written."""

    kinds: tuple[Kind, ...] = Field(
        default=USUAL, description="What is replaced, by Presidio's names."
    )
    min_score: float = Field(
        default=0.4, ge=0, le=1, description="What Presidio is less sure of stays."
    )
    phone_regions: tuple[str, ...] = Field(
        default=("US", "GB", "DE", "AT", "CH"),
        max_length=50,
        description="Countries whose phone numbers are known without their country's code.",
    )
    recognisers: tuple[RecogniserSettings, ...] = Field(
        default=(), max_length=200, description="What else is replaced."
    )
    allow: tuple[str, ...] = Field(
        default=(),
        max_length=10_000,
        description="Values that stay, such as your own support's address.",
    )
    optional: bool = Field(
        default=False, description="Datasets may be built with nothing replaced at all."
    )
