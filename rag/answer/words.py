"""The words of a text as evidence compares them: folded, lightly stemmed, identifiers whole."""

from __future__ import annotations

import re
from collections.abc import Set
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:[-./'’][^\W_]+)*")
_POSSESSIVE = re.compile(r"['’]s$")
_SPLIT = re.compile(r"[-./'’]")
_FUNCTION_WORDS = """
a about after again all also am an and any are as at be been before being between both but by can
could did do does doing down during each few for from further get give given had has have having he
her here hers him his how i if in into is it its itself just know let like many may me might more
most much must my need no nor not now of off on once only or other our out over own please same
shall she should so some such tell than that the their them then there these they this those
through to too under until up us use used very was we were what when where which while who whom
whose why will with within would you your exactly currently according der die das den dem des ein
eine einer eines einem und oder ist sind war wie was wer wo wann warum welche welcher welches für
mit von zu im in auf bei nach aus an
"""
STOP = frozenset(_FUNCTION_WORDS.split())


def words(text: str) -> list[str]:
    """Content words in order. An identifier such as `HX-200` is itself and nothing else."""
    found: list[str] = []
    for word in _WORD.findall(text.casefold()):
        found += _content(word)
    return found


@lru_cache(1 << 16)
def _content(word: str) -> tuple[str, ...]:
    """What of a written word counts. Texts repeat their words, so each is looked at once."""
    word = _POSSESSIVE.sub("", word)
    if any(map(str.isdigit, word)):
        return (word,)
    return tuple(stem(part) for part in _SPLIT.split(word) if part not in STOP and len(part) > 1)


def spelt(text: str, stems: Set[str]) -> str:
    """The words of a text that are meant by these, as it writes them and in its order."""
    written = [match.group() for match in _WORD.finditer(text)]
    return ", ".join(dict.fromkeys(word for word in written if stems & set(words(word))))


def is_identifier(word: str) -> bool:
    """A word that names one thing: it has a digit in it, and letters or a dash too."""
    return not word.isalpha() and not word.isdigit() and any(map(str.isdigit, word))


def stem(word: str) -> str:
    """Plural and the commonest English endings off; enough to match, never shown."""
    for ending, least in (("ies", 5), ("ing", 6), ("ed", 5), ("es", 5), ("s", 4)):
        if word.endswith(ending) and len(word) >= least and not word.endswith("ss"):
            word = word[: -len(ending)] + ("y" if ending == "ies" else "")
            break
    return word.removesuffix("e") if len(word) > 4 else word
