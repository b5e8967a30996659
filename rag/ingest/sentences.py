"""Where sentences begin and end: nupunkt for the prose, line structure for what is not prose."""

from __future__ import annotations

import re
from functools import lru_cache

from nupunkt import PunktSentenceTokenizer
from nupunkt.models import load_default_model

# What ends in a full stop in German without ending a sentence. The model knows the English ones.
_GERMAN = """
abb abschn allg art bd bearb begr beisp bes best bez bzgl bzw ca chr d.h dgl dipl-ing
dr e.v eingetr einschl entspr erg etw evtl exkl fa fam fr frl gebr geb gegr gem ges ggf ggfs h.c
hrsg i.d.r i.a i.v inh inkl ing insb jan jh kap lfd lt m.e max mind min mio mrd mtl nachm näml nr
o.ä o.g prof rd s.o s.u schr sog st std str tab tägl techn tel u.a u.ä u.u usf usw verf vgl vol vorm
z.b z.t z.zt z.h zzgl zz
"""
# The model, trained on legal English, takes these for abbreviations; German prose ends with them.
_WORDS = ("an", "so", "am", "in")

_AFTER_ORDINAL = re.compile(
    r"(?:Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
    r"|Quartal|Jahrhundert|Auflage|Stufe|Generation)\b"
)

_ENDS_ORDINAL = re.compile(r"(?<![\w.,])\d{1,2}\.\s*$")
# Abbreviations that something always follows, and that the model still breaks after.
_ALWAYS_CONTINUES = re.compile(
    r"(?:^|[\s(])(?:z\.\s?B|d\.\s?h|u\.\s?a|bzw|ca|vgl|inkl|einschl|zzgl|Nr|Abb|Abs|Art|Tab|Kap"
    r"|Dr|Prof|Ing|No|Fig|Figs|Eq|Sec|approx|e\.g|i\.e|vs|Mr|Mrs|Ms)\.\s*$"
)
_BULLET = re.compile(r"\s*(?:[-*+•◦▪‣–—·]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])\s")
_LINE = re.compile(r"[^\n]+")
# A line at least this long, and nearly as long as its neighbours, was wrapped rather than ended.
_WRAPPED_AT, _WRAPPED_SHARE = 40, 0.7
# nupunkt is quadratic in a run of full stops or question marks; a window bounds what one run costs.
_WINDOW = 2_000

Span = tuple[int, int]


def split_sentences(text: str) -> list[Span]:
    """Every sentence as a (start, end) span without the space around it, in order, losing nothing.

    A blank line, a bullet and a line that ends short also end a sentence, so lists, rows and
    headings fall apart line by line, while wrapped prose holds together. The time is linear in
    the text, whatever it holds. English and German abbreviations and dates are known.
    """
    spans: list[Span] = []
    for start, end in _paragraphs(text):
        spans.extend(_prose(text, start, end))
    return spans


def split_lines(text: str, start: int, end: int) -> list[Span]:
    """Every non-blank line of `text[start:end]` as a span without the space around it."""
    found = (trim(text, *match.span()) for match in _LINE.finditer(text, start, end))
    return [span for span in found if span[0] < span[1]]


def _paragraphs(text: str) -> list[Span]:
    """Runs of lines that were wrapped from one piece of prose."""
    lines = [match.span() for match in _LINE.finditer(text)]
    widest = _widest_neighbours(text, lines)
    joined: list[Span] = []
    for number, (start, end) in enumerate(lines):
        if number and _continues(text, lines[number - 1], (start, end), widest[number - 1]):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _widest_neighbours(text: str, lines: list[Span]) -> list[int]:
    """For each line, the length of the longest one of its block (blocks end at a blank line)."""
    widths = [0] * len(lines)
    block: list[int] = []
    for number, (start, end) in enumerate(lines):
        if block and "\n" in text[lines[number - 1][1] + 1 : start]:
            block = []
        block.append(number)
        if number + 1 == len(lines) or "\n" in text[end + 1 : lines[number + 1][0]]:
            longest = max(lines[n][1] - lines[n][0] for n in block)
            for n in block:
                widths[n] = longest
    return widths


def _continues(text: str, before: Span, line: Span, widest: int) -> bool:
    head = text[line[0] : line[0] + 12]
    # Exactly one line break between the two: a blank line always separates.
    if line[0] - before[1] != 1 or not head.strip() or not text[before[0] : before[1]].strip():
        return False
    if _BULLET.match(head):
        return False
    length = before[1] - before[0]
    return head.lstrip()[0].islower() or length >= max(_WRAPPED_AT, _WRAPPED_SHARE * widest)


def _prose(text: str, start: int, end: int) -> list[Span]:
    spans: list[Span] = []
    while start < end:
        stop = min(start + _WINDOW, end)
        if stop < end:
            # Prefer not to cut a word: the piece is looked at again, its end is not a sentence's.
            space = text.rfind(" ", start + _WINDOW // 2, stop)
            stop = space + 1 if space > 0 else stop
        found = [(start + a, start + b) for a, b in _model().span_tokenize(text[start:stop])]
        if stop < end and len(found) > 1:
            stop = found.pop()[0]
        spans.extend(trim(text, *span) for span in found)
        start = stop
    return _rejoin(text, [span for span in spans if span[0] < span[1]])


def _rejoin(text: str, spans: list[Span]) -> list[Span]:
    """Undo the breaks after an abbreviation or an ordinal ("am 3. Mai") that the model made."""
    joined: list[Span] = []
    for start, end in spans:
        if joined:
            before = text[max(joined[-1][0], joined[-1][1] - 12) : joined[-1][1]]
            ordinal = _ENDS_ORDINAL.search(before) and _AFTER_ORDINAL.match(text, start)
            if ordinal or _ALWAYS_CONTINUES.search(before) or text[start].islower():
                joined[-1] = (joined[-1][0], end)
                continue
        joined.append((start, end))
    return joined


def trim(text: str, start: int, end: int) -> Span:
    """The span without the space around its text."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


@lru_cache(maxsize=1)
def _model() -> PunktSentenceTokenizer:
    model = load_default_model()
    for word in _GERMAN.split():
        model.add_abbreviation(word)
    for word in _WORDS:
        model.remove_abbreviation(word)
    return model
