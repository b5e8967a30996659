"""The nouns of redaction: what is replaced before anything of a dataset is written, and by what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from rag.types import Data

Kind = Literal[
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "CREDIT_CARD",
    "IBAN_CODE",
    "IP_ADDRESS",
    "US_SSN",
    "UK_NINO",
    "DE_TAX_ID",
    "DE_SOCIAL_SECURITY",
    "ES_NIF",
    "IT_FISCAL_CODE",
    "PL_PESEL",
    "MAC_ADDRESS",
    "CRYPTO",
    "US_ITIN",
    "UK_NHS",
    "DE_HEALTH_INSURANCE",
    "DE_TAX_NUMBER",
]
"""What is known without being told, by Presidio's names."""
USUAL: tuple[Kind, ...] = (
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "CREDIT_CARD",
    "IBAN_CODE",
    "IP_ADDRESS",
    "US_SSN",
    "UK_NINO",
    "DE_TAX_ID",
    "DE_SOCIAL_SECURITY",
    "IT_FISCAL_CODE",
)
"""Those of which nearly nothing else looks like one: by their shape or their check digits."""
Chosen = Literal["default", "none"]


class Found(NamedTuple):
    """A span of a text that is to be replaced."""

    start: int
    end: int
    kind: str
    by: str
    """The recogniser that found it."""


class TooHard(Exception):
    """Looking through a text takes too long: nobody knows what is in it."""


class Count(Data):
    """How much of a kind was replaced in a field."""

    values: int
    rows: int
    by: Mapping[str, int] = {}
    """How many of the values each recogniser found."""


class RedactionRules(Data):
    """What is replaced in datasets here."""

    rev: str
    kinds: tuple[str, ...]
    optional: bool
    """Whether a dataset may be built with nothing replaced."""


class Preview(Data):
    """A text as it would be in a dataset."""

    text: str
    replaced: Mapping[str, Mapping[str, int]]
    """How many values, by kind and by recogniser."""


class Redaction(Data):
    """What was replaced in a dataset, without a word of it."""

    rev: str
    """Equal for equal recognisers, settings and versions of libraries; empty: nothing was."""
    kinds: tuple[str, ...] = ()
    versions: Mapping[str, str] = {}
    rows: int = 0
    """Rows in which anything was replaced."""
    replaced: Mapping[str, Mapping[str, Count]] = {}
    """By field, then by kind."""

    @property
    def values(self) -> int:
        return sum(one.values for kinds in self.replaced.values() for one in kinds.values())
