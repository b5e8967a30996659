"""Readers: how one is written, and who is left when the settings of a source let in fewer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, cast

from pydantic import AfterValidator, Field

from rag.types import EVERYONE

READER = rf"^({EVERYONE}|(user|group):[^,\x00-\x1f]+)$"
"""Any other word would let nobody in, or somebody nobody meant."""


def a_reader(text: str) -> str:
    """The text itself. Raises ValueError, with words for a person, where it names no reader."""
    if re.fullmatch(READER, text) is None:
        raise ValueError(f"'{text}' names no reader; write user:NAME, group:NAME or {EVERYONE}")
    return text


Reader = Annotated[str, AfterValidator(a_reader), Field(json_schema_extra={"pattern": READER})]
"""A reader in the settings of a source."""


def named(settings: object) -> frozenset[str]:
    """Every reader that settings name, wherever in them it stands. `settings` is JSON."""
    if isinstance(settings, str):
        return frozenset({settings} if re.fullmatch(READER, settings) else ())
    if isinstance(settings, Mapping):
        return named(list(cast("Mapping[str, object]", settings).values()))
    if isinstance(settings, Sequence):
        return frozenset[str]().union(*map(named, cast("Sequence[object]", settings)))
    return frozenset()


def in_both(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """The readers that either set lets in."""
    if EVERYONE in one:
        return other
    return one if EVERYONE in other else one & other


def narrowed(
    readers: frozenset[str], before: frozenset[str], after: frozenset[str]
) -> frozenset[str]:
    """Who may still read a document once its source's settings name others; nobody is let in.

    Where the source itself said who may read it, it goes on doing so, but for those taken out.
    """
    return in_both(readers, after) if readers <= before else readers - (before - after)
