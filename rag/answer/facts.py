"""What a sentence states exactly: numbers with their units, dates, names; and what it denies.

Two sentences that say nearly the same words may still disagree in the one that counts, and no
similarity tells. These are read by rule and compared exactly. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag.answer.words import is_identifier, words

_MONTHS = (
    ("jan", "january", "januar", "jänner"),
    ("feb", "february", "februar"),
    ("mar", "march", "märz"),
    ("apr", "april"),
    ("may", "mai"),
    ("jun", "june", "juni"),
    ("jul", "july", "juli"),
    ("aug", "august"),
    ("sep", "sept", "september"),
    ("oct", "october", "okt", "oktober"),
    ("nov", "november"),
    ("dec", "december", "dez", "dezember"),
)
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}
_NAMED = "|".join(sorted(_MONTH, key=len, reverse=True))
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<!\d)(?P<y>(?:19|20)\d\d)-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?!\d)",
        r"(?<![\d.])(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>(?:19|20)\d\d)(?!\d)",
        r"(?<![\d/])(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>(?:19|20)\d\d)(?!\d)",
        rf"(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?(?P<n>{_NAMED})\b\.?"
        r"(?:,?\s+(?P<y>(?:19|20)\d\d))?(?!\d)",
        rf"\b(?P<n>{_NAMED})\.?\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:])"
        r"(?:,?\s+(?P<y>(?:19|20)\d\d))?(?!\d)",
        rf"\b(?P<n>{_NAMED})\.?\s+(?:of\s+)?(?P<y>(?:19|20)\d\d)(?!\d)",
    )
)
_NUMBER_WORDS = {
    name: value
    for value, names in enumerate(
        (
            ("two", "zwei"),
            ("three", "drei"),
            ("four", "vier"),
            ("five", "fünf"),
            ("six", "sechs"),
            ("seven", "sieben"),
            ("eight", "acht"),
            ("nine", "neun"),
            ("ten", "zehn"),
            ("eleven", "elf"),
            ("twelve", "zwölf"),
        ),
        2,
    )
    for name in names
}
_SCALES = {"thousand": 3, "tausend": 3, "million": 6, "mio": 6, "billion": 9, "mrd": 9}
_UNITS = (
    ("%", "percent", "per cent", "prozent"),
    ("€", "eur", "euro", "euros"),
    ("$", "usd", "dollar", "dollars"),
    ("£", "gbp", "pound sterling"),
    ("°c", "celsius"),
    ("°f", "fahrenheit"),
    ("mm", "millimetre", "millimetres", "millimeter", "millimeters"),
    ("cm", "centimetre", "centimetres", "centimeter", "centimeters"),
    ("m", "metre", "metres", "meter", "meters"),
    ("km", "kilometre", "kilometres", "kilometer", "kilometers"),
    ("mile", "miles"),
    ("ft", "foot", "feet"),
    ("mg",),
    ("g", "gram", "grams", "gramm"),
    ("kg", "kilogram", "kilograms", "kilogramm"),
    ("t", "tonne", "tonnes"),
    ("ml",),
    ("l", "litre", "litres", "liter", "liters"),
    ("l/min",),
    ("l/s",),
    ("m3/h", "m³/h"),
    ("m3", "m³"),
    ("m2", "m²"),
    ("bar",),
    ("mbar",),
    ("kpa",),
    ("mpa",),
    ("psi",),
    ("nm",),
    ("v", "volt", "volts"),
    ("ampere", "amperes", "amps"),
    ("w", "watt", "watts"),
    ("kw",),
    ("mw",),
    ("kwh",),
    ("hz",),
    ("rpm", "min-1", "u/min"),
    ("db", "db(a)"),
    ("second", "seconds", "sekunde", "sekunden"),
    ("minute", "minutes", "min", "minuten"),
    ("hour", "hours", "h", "stunde", "stunden"),
    ("day", "days", "tag", "tage", "tagen"),
    ("week", "weeks", "woche", "wochen"),
    ("month", "months", "monat", "monate", "monaten"),
    ("year", "years", "jahr", "jahre", "jahren"),
)
_UNIT = {name: names[0] for names in _UNITS for name in names}
_UNIT_NAMES = "|".join(re.escape(name) for name in sorted(_UNIT, key=len, reverse=True))
_NUMBER = re.compile(
    r"(?P<least>\b(?:at least|no less than|not less than|minimum(?: of)?|mindestens)\s+)?"
    r"(?P<most>\b(?:at most|up to|no more than|not more than|maximum(?: of)?|höchstens)\s+)?"
    r"(?P<before>[€$£])?\s?"
    r"(?<![\w.,])(?<![^\W\d]-)(?P<number>[-+−]?(?:\d{1,3}(?:[.,'’ \u00a0]\d{3})+(?!\d)|\d+)"
    rf"(?:[.,]\d+)?|\b(?:{'|'.join(_NUMBER_WORDS)})\b)(?:st|nd|rd|th)?"
    rf"(?:[\s-]?(?P<scale>{'|'.join(_SCALES)})\b)?"
    rf"(?:[\s-]?(?P<unit>{_UNIT_NAMES})(?!\w))?(?!\w|-[^\W\d])",
    re.IGNORECASE,
)
# Dates and most numbers have one: a text without is looked through no further.
_DIGIT = re.compile(r"\d")
_MAY_NUMBER = re.compile(rf"\d|{'|'.join(_NUMBER_WORDS)}", re.IGNORECASE)
_CAPITAL = re.compile(r"(?<!\w)[A-ZÄÖÜÉ][\w'’.-]*")
_NEGATION = re.compile(
    r"\b(?:not|never|no|none|neither|nor|without|cannot|nicht|nie|niemals|ohne|kein\w*)\b"
    r"|n['’]t\b",
    re.IGNORECASE,
)
_NO_NEGATION = re.compile(
    r"\b(?:no|not)\s+(?:more|less|later|earlier|fewer)\s+than\b|\bnot only\b|\bno\.\s*\d"
    r"|\bnicht nur\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[.,;:!?()]|\b(?:but|and|or|aber|und|oder|sondern)\b", re.IGNORECASE)
REACH = 3
"""How many content words after it a negation denies."""


@dataclass(frozen=True)
class Number:
    """`readings`: what the digits may mean, as "1.200" is one number here and another there."""

    shown: str
    readings: frozenset[float]
    unit: str = ""
    bound: str = ""

    def same(self, other: Number) -> bool:
        """The same value; unit and bound only count where both have one."""
        return (
            bool(self.readings & other.readings)
            and (not self.unit or not other.unit or self.unit == other.unit)
            and (not self.bound or not other.bound or self.bound == other.bound)
        )


@dataclass(frozen=True)
class Date:
    """`readings` are (year, month, day), 0 where it is not said; 3/4/2026 has two."""

    shown: str
    readings: frozenset[tuple[int, int, int]]

    def within(self, other: Date) -> bool:
        """True where the other says all that this one says, and the same."""
        return any(
            all(mine in (0, theirs) for mine, theirs in zip(one, two, strict=True))
            for one in self.readings
            for two in other.readings
        )


@dataclass(frozen=True)
class Facts:
    """The exact part of a sentence."""

    numbers: tuple[Number, ...]
    dates: tuple[Date, ...]
    names: tuple[str, ...]


def facts(text: str, *, capitals: bool = True) -> Facts:
    """What the text states exactly. `capitals` False where every noun has one, as in German."""
    dates, rest = _dates(text)
    numbers, rest = _numbers(rest)
    return Facts(
        numbers=tuple(numbers),
        dates=tuple(dates),
        names=tuple(dict.fromkeys(_names(rest, capitals=capitals))),
    )


def contradicts(claim: str, said: str) -> str:
    """The word that one of two sentences on the same thing denies and the other affirms, or "".

    A sentence that does both denies nothing: "unless it is not replaced, replace it".
    """
    for one, other in ((claim, said), (said, claim)):
        mine, theirs = _denied(one), _denied(other)
        reached = [word for denied in mine for word in denied]
        also = {word for denied in theirs for word in denied}
        own, others = words(one), words(other)
        for denied in mine:
            head = denied[0] if denied else ""
            if head in others and head not in also and own.count(head) <= reached.count(head):
                return head
    return ""


def missing(claim: Facts, said: Sequence[Facts], said_words: set[str]) -> list[str]:
    """What the claim states exactly and none of these says, as it is written."""
    numbers = [one for facts_ in said for one in facts_.numbers]
    dates = [one for facts_ in said for one in facts_.dates]
    years = {reading[0] for date in dates for reading in date.readings}
    lost = [
        number.shown
        for number in claim.numbers
        if not any(number.same(other) for other in numbers)
        and not (number.readings & years and not number.unit)
    ]
    lost += [date.shown for date in claim.dates if not any(date.within(one) for one in dates)]
    # A name that is left where a number was taken out, as in 0/0A, is no word of the sentence.
    names = {name for facts_ in said for name in facts_.names}
    lost += [
        name for name in claim.names if name not in names and not set(words(name)) <= said_words
    ]
    return lost


def _dates(text: str) -> tuple[list[Date], str]:
    """The dates, and the text with them blanked out."""
    found: list[Date] = []
    if not _DIGIT.search(text):
        return found, text
    for pattern in _DATES:
        for match in pattern.finditer(text):
            readings = frozenset(_readings(match.groupdict()))
            if readings:
                found.append(Date(match.group(), readings))
                text = f"{text[: match.start()]}{' ' * len(match.group())}{text[match.end() :]}"
    return found, text


def _readings(parts: dict[str, str | None]) -> Iterable[tuple[int, int, int]]:
    year = int(parts.get("y") or 0)
    if parts.get("a"):
        one, two = int(parts["a"] or 0), int(parts["b"] or 0)
        pairs = [(one, two), (two, one)]
    else:
        name = parts.get("n")
        month = _MONTH[name.lower()] if name else int(parts.get("m") or 0)
        pairs = [(month, int(parts.get("d") or 0))]
    return ((year, month, day) for month, day in pairs if 1 <= month <= 12 and day <= 31)


def _numbers(text: str) -> tuple[list[Number], str]:
    """The numbers, and the text with them blanked out."""
    found: list[Number] = []
    if not _MAY_NUMBER.search(text):
        return found, text
    at, rest = 0, ""
    for match in _NUMBER.finditer(text):
        rest += text[at : match.start()] + " " * len(match.group())
        at = match.end()
        written = match["number"]
        scale = 10.0 ** _SCALES.get((match["scale"] or "").lower(), 0)
        unit = _UNIT.get((match["unit"] or match["before"] or "").lower(), "")
        found.append(
            Number(
                shown=" ".join(match.group().split()),
                readings=frozenset(value * scale for value in _values(written)),
                unit=unit,
                bound="least" if match["least"] else "most" if match["most"] else "",
            )
        )
    return found, rest + text[at:]


def _values(written: str) -> Iterable[float]:
    """1,200 and 1.200 may be a thousand or one; 1,200.50 and 1.200,50 are sure."""
    if written.lower() in _NUMBER_WORDS:
        return [float(_NUMBER_WORDS[written.lower()])]
    plain = re.sub(r"['’ \u00a0]", "", written).replace("−", "-")
    if "," in plain and "." in plain:
        mark = max(",.", key=plain.rfind)
        plain = plain.replace("." if mark == "," else ",", "")
        return [float(plain.replace(",", "."))] if plain.count(mark) == 1 else []
    marks = plain.count(",") + plain.count(".")
    joined = float(plain.replace(",", "").replace(".", ""))
    if marks == 0:
        return [joined]
    if marks > 1:
        return [joined]
    cut = float(plain.replace(",", "."))
    tail = re.split(r"[.,]", plain)[1]
    return [cut, joined] if len(tail) == 3 else [cut]


def _names(text: str, *, capitals: bool) -> Iterable[str]:
    """Identifiers, and words with a capital that does not just begin a sentence."""
    for word in words(text):
        if is_identifier(word):
            yield word
    if not capitals:
        return
    for match in _CAPITAL.finditer(text):
        before = text[: match.start()].rstrip()
        word = match.group().rstrip(".'’-")
        starts = not before or before[-1] in '.!?:"“”„*#-•'
        # The first word is a name where the next one is written like one too.
        follows = _CAPITAL.match(text[match.end() :].lstrip()) if starts else None
        told = words(word)
        if (not starts or follows) and len(word) > 1 and told and not any(map(is_identifier, told)):
            yield word


def _denied(text: str) -> list[tuple[str, ...]]:
    """The words that each negation reaches, in order."""
    found: list[tuple[str, ...]] = []
    text = _NO_NEGATION.sub(lambda match: " " * len(match.group()), text)
    for match in _NEGATION.finditer(text):
        rest = text[match.end() :]
        end = _CLAUSE_END.search(rest)
        found.append(tuple(words(rest[: end.start()] if end else rest)[:REACH]))
    return found
