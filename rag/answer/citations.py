"""Citations are minted here, by the server; a marker that it did not mint never reaches anyone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answer.context import passage_text
from rag.answer.evidence import Sentence, cut
from rag.answer.inert import addresses, inert
from rag.answer.words import words
from rag.types import Citation, Hit

# One number, or several: models write [1, 2] and [1-3] as well. Sixty characters at most, so that
# a stream holds back no more than that.
_MARKER = re.compile(r"[\[【]([\s\d,;–-]{1,60})[\]】]")
_OPENING = re.compile(r"[\[【][\s\d,;–-]{0,60}$")
_RANGE = re.compile(r"(\d+)\s*[–-]\s*(\d+)|(\d+)")


def spoken(text: str) -> str:
    """Text of a document as an answer may hold it.

    Nothing in it acts, and no bracketed number can be taken for one of our markers.
    """
    text = inert(text, addresses([text]))
    return _MARKER.sub(lambda found: f"({found[1]})" if _numbers(found[1], 0) else found[0], text)


def cite_sentence(n: int, sentence: Sentence, hits: Sequence[Hit]) -> Citation:
    """A citation of exactly the sentence quoted."""
    return _citation(n, hits[sentence.hit], sentence.start, sentence.end, sentence.text)


class Markers:
    """Rewrites a model's `[passage]` markers, as they stream, into minted ones in order of use."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        self.hits = hits
        self.citations: list[Citation] = []
        self._numbers: dict[int, int] = {}
        self._held = ""
        self._said = ""

    def feed(self, piece: str) -> tuple[str, list[Citation]]:
        """Text that may be shown now, and the citations that it introduces."""
        text = self._held + piece
        cut = _OPENING.search(text)
        self._held = text[cut.start() :] if cut else ""
        return self._rewrite(text[: cut.start()] if cut else text)

    def end(self) -> tuple[str, list[Citation]]:
        text, self._held = self._held, ""
        return self._rewrite(text)

    def _rewrite(self, text: str) -> tuple[str, list[Citation]]:
        minted: list[Citation] = []
        out: list[str] = []
        at = 0
        for marker in _MARKER.finditer(text):
            out.append(text[at : marker.start()])
            self._said += text[at : marker.start()]
            at = marker.end()
            passages = _numbers(marker.group(1), len(self.hits))
            if not passages:
                out.append(marker.group())
            for passage in passages:
                if not 1 <= passage <= len(self.hits):
                    continue
                if passage not in self._numbers:
                    n = self._numbers[passage] = len(self._numbers) + 1
                    minted.append(_best_quote(n, self.hits[passage - 1], self._said))
                out.append(f"[{self._numbers[passage]}]")
        out.append(text[at:])
        self._said += text[at:]
        self.citations.extend(minted)
        return "".join(out), minted


def _numbers(inside: str, last: int) -> list[int]:
    """The numbers that the inside of a marker names, ranges spelt out as far as `last`."""
    named: list[int] = []
    for low, high, single in _RANGE.findall(inside):
        named += [int(single)] if single else [*range(int(low), min(int(high), last) + 1), 0]
    return list(dict.fromkeys(named))


def _page(hit: Hit, start: int) -> int | None:
    """The page of the block that the span begins in."""
    page = hit.payload.page
    for begins, number in hit.pages:
        if begins <= start:
            page = number
    return page


def _best_quote(n: int, hit: Hit, said: str) -> Citation:
    """The sentence of the passage that shares most words with the claim before the marker."""
    claim = set(words(said.rstrip().rsplit("\n", 1)[-1][-400:]))
    text = passage_text(hit)
    base = hit.context_start if hit.context else hit.payload.start
    sentences = cut(text)
    if not sentences:
        return _citation(n, hit, hit.payload.start, hit.payload.end, hit.payload.text)
    best = max(sentences, key=lambda one: (len(claim.intersection(one.words)), -one.start))
    return _citation(n, hit, base + best.start, base + best.end, best.text)


def _citation(n: int, hit: Hit, start: int, end: int, quote: str) -> Citation:
    payload = hit.payload
    inside = payload.start <= start < payload.end
    page = _page(hit, start)
    return Citation(
        n=n,
        document_id=payload.document_id,
        document=payload.title,
        uri=payload.uri,
        version=payload.version,
        chunk_id=payload.chunk_id,
        page=page,
        span=(start, end),
        # Boxes belong to the chunk; a sentence of its surroundings has none that we know.
        boxes=tuple(box for box in payload.boxes if box.page == page) if inside else (),
        quote=quote,
    )
