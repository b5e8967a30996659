"""Paths that sources use: which ones are wanted, and how they are written as keys."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from urllib.parse import quote

# Everything readable stays readable in a key; "%" itself, controls and undecodable bytes do not.
_SAFE = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Whether the path matches one of the globs; `**/` also stands for no folder at all."""
    return any(
        pattern == "**"
        or fnmatchcase(path, pattern)
        or (pattern.startswith("**/") and fnmatchcase(path, pattern[3:]))
        for pattern in patterns
    )


def key(path: bytes) -> str:
    """The path as text that SQL and JSON can hold, one to one whatever its bytes are."""
    return quote(path, safe=_SAFE)
