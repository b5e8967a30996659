"""The sentences of an answer that claim something, and what each of them cites."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from rag.answer.facts import facts
from rag.answer.words import words
from rag.ingest.sentences import split_sentences

_MARKER = re.compile(r" ?\[(\d{1,4})\]")
_NO_CLAIM = re.compile(
    r"^\W*(?:(?:unfortunately|sorry),?\s+)?"
    r"(?:i (?:do not|don['’]t|cannot|can['’]t|could not|couldn['’]t) (?:know|find|tell|answer|say)"
    r"|i (?:hope|am sorry)|i['’]m sorry|sorry|let me know|here (?:is|are)\b|please (?:ask|note)"
    r"|(?:the|these) (?:passages|documents|sources) (?:do|does|did) not"
    r"|ich (?:weiß|kann|finde|hoffe)\b|leider\b|hier (?:ist|sind)\b|die (?:passagen|dokumente) "
    r"(?:enthalten|sagen|nennen) (?:nicht|kein))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Stated:
    """A sentence that claims something: `answer[start:end]`, its markers included.

    `text` is the sentence without markers; `cited` are the numbers of the citations that stand for
    it: its own, or else those of the next sentence in its paragraph that has any.
    """

    start: int
    end: int
    text: str
    cited: tuple[int, ...]


def stated(answer: str) -> list[Stated]:
    """Every sentence of the answer that claims something, in order.

    A question, a heading and words about the answer itself ("I do not know") claim nothing.
    """
    # Blanked rather than cut, so that places in one text are places in the other.
    bare = _MARKER.sub(lambda match: " " * len(match.group()), answer)
    spans = split_sentences(bare)
    marks = [(_sentence(bare, spans, mark.start()), mark) for mark in _MARKER.finditer(answer)]
    found: list[Stated] = []
    following: list[int] = []
    for at in range(len(spans) - 1, -1, -1):
        start, end = spans[at]
        mine = [mark for sentence, mark in marks if sentence == at]
        if at + 1 < len(spans) and "\n\n" in answer[end : spans[at + 1][0]]:
            following = []
        following = [int(mark[1]) for mark in mine] or following
        if _claims(bare[start:end], marked=bool(mine)):
            start = min([start, *(mark.start() for mark in mine)])
            end = max([end, *(mark.end() for mark in mine)])
            text = " ".join(_MARKER.sub("", answer[start:end]).split())
            found.append(Stated(start, end, text, tuple(dict.fromkeys(following))))
    return found[::-1]


def _sentence(bare: str, spans: Sequence[tuple[int, int]], place: int) -> int:
    """Whose marker it is: of the sentence before it; of the one after where it begins a line."""
    before = bisect([start for start, _ in spans], place) - 1
    begins = not bare[bare.rfind("\n", 0, place) + 1 : place].strip()
    after = before + 1
    if begins and after < len(spans) and "\n" not in bare[place : spans[after][0]]:
        return after
    return before


def _claims(text: str, *, marked: bool) -> bool:
    told = words(text)
    if marked:
        return bool(told)
    exact = facts(text)
    if exact.numbers or exact.dates or exact.names:
        return not text.rstrip().endswith("?")
    if text.rstrip().endswith(("?", ":")) or text.lstrip().startswith("#"):
        return False
    return bool(told) and len(text.split()) >= 3 and not _NO_CLAIM.search(text)
