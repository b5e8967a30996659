"""Patterns on paths, which mean the same in every connector and every pack."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache

_FOLDERS = re.compile(r"(?:^|(?<=/))(?:\*\*/)+")
# Each place where folders may be left out doubles what is tried.
_PLACES = 6


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether the whole path matches one of the patterns; upper and lower case differ.

    `*` is anything, slashes too, `?` one character, `[abc]` one of these; `**/` where a folder
    begins is any folders or none (in the first six places; one at least in those behind).
    """
    return any(_compiled(pattern).match(path) for pattern in patterns)


@lru_cache(maxsize=1_000)
def _compiled(pattern: str) -> re.Pattern[str]:
    first, *rest = _FOLDERS.split(pattern, maxsplit=_PLACES)
    ways = [first]
    for part in rest:
        ways = [way + folders + part for way in ways for folders in ("**/", "")]
    return re.compile("|".join(map(translate, ways)))
