"""What a text names by a number or a code: `HX-200`, `machine number 3`, `order 4711`.

A thing that is named and found nowhere is not known, however much is known of things like it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.answer.words import STOP, stem

Name = tuple[str, str]
"""The kind and which one of it: ("hx", "200"), ("machin", "3"); a bare code has no kind."""

_TOKEN = re.compile(r"\d+(?:[.,:/]\d+)+|[^\W_]+(?:[-./'’][^\W_]+)*|[#№%°€$]")
# "HX-200-pump" is the HX-200: a longer word at the end is none of the code.
_CODE = re.compile(
    r"([^\W\d_]+)[-./]?(\d[^\W_]*(?:[-./](?:[^\W_]*\d[^\W_]*|[^\W\d_]{1,2}))*)"
    r"(?:[-./][^\W\d_]{3,})*(?:['’]s)?"
)
# Dashes alone also write ranges and dates: an order number has a longer part that is no year.
_DASHED = re.compile(r"\d+(?:-\d+)+")
_LONG_PART = re.compile(r"(?:^|-)(?!(?:19|20)\d\d(?:-|$))\d{3,}")
_YEAR = re.compile(r"(?:19|20)\d\d")
_MARKS = frozenset({"number", "no", "nr", "num", "nummer", "#", "№"})
_DIGIT = re.compile(r"\d")
_JOINS = frozenset({"and", "or", "und", "oder"})
_UNIT_WORDS = """
% ° € $ percent euro euros eur usd dollar dollars cent cents pound pounds gbp franc francs chf crown
crowns yen jpy kg g t mg lb mm cm m km inch inches l
ml litre litres liter bar pa kpa mpa psi nm kw w v a hz rpm c k h hr hrs s min hour hours minute
minutes second seconds day days week weeks month months year years times prozent stunde stunden
minuten sekunden tag tage woche wochen monat monate jahr jahre
"""
_UNITS = frozenset(map(stem, _UNIT_WORDS.split()))


@dataclass(frozen=True)
class Names:
    """`codes` are written as one word, `numbered` as a word and a number after it."""

    codes: frozenset[Name] = frozenset()
    numbered: frozenset[Name] = frozenset()

    @property
    def all(self) -> frozenset[Name]:
        return self.codes | self.numbered


_NONE = Names()


def names(text: str) -> Names:
    """Every name in a text. Quantities, ordinals, decimals, dates and years name nothing."""
    if not _DIGIT.search(text):
        return _NONE
    codes: set[Name] = set()
    numbered: set[Name] = set()
    tokens = _TOKEN.findall(text.casefold())
    kind = ""
    for at, token in enumerate(tokens):
        if not any(map(str.isdigit, token)):
            if token not in _MARKS and not (token in _JOINS and at and tokens[at - 1].isdigit()):
                kind = "" if token in STOP or not token.isalpha() else stem(token)
            continue
        if token.isdigit():
            following = tokens[at + 1] if at + 1 < len(tokens) else ""
            if kind and not _YEAR.fullmatch(token) and stem(following) not in _UNITS:
                numbered.add((kind, _bare(token)))
            # Kept: "machines 1, 2 and 3".
            continue
        kind = ""
        if code := _CODE.fullmatch(token):
            codes.add((stem(code[1]), _bare(code[2])))
        elif _DASHED.fullmatch(token) and _LONG_PART.search(token):
            codes.add(("", _bare(token)))
    return Names(frozenset(codes), frozenset(numbered))


def _bare(number: str) -> str:
    return re.sub(r"[-./]", "", number).lstrip("0") or "0"


def asked_for(question: str, kinds: frozenset[str]) -> frozenset[Name]:
    """What a question names. A number after a word does where `kinds` says that passages number
    such things too: else it may as well count something."""
    found = names(question)
    return found.codes | {name for name in found.numbered if name[0] in kinds}


def is_rival(own: frozenset[Name], asked: frozenset[Name]) -> bool:
    """True for what names others of a kind that is asked for, and none of those asked for."""
    return not own & asked and bool({kind for kind, _ in own} & {kind for kind, _ in asked})
