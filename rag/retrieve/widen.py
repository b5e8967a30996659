"""Gives a hit its surroundings: the section it stands in, or its neighbours when that is long."""

from __future__ import annotations

from collections.abc import Iterator

from rag.types import Block, Document, Hit, Score

# Characters; a section longer than this is cut to the neighbours of the hit.
SECTION = 1_600


def widen(hit: Hit, document: Document, neighbours: int) -> Hit:
    """The hit with the text around it, an exact span of the document. Headings stay outside."""
    wide = _widened(hit, document, neighbours)
    return wide.model_copy(update={"pages": tuple(_pages(wide, document))})


def _pages(hit: Hit, document: Document) -> Iterator[tuple[int, int]]:
    start = hit.context_start if hit.context else hit.payload.start
    end = start + len(hit.context) if hit.context else hit.payload.end
    last: int | None = None
    for block in document.blocks:
        if block.start < end and block.end > start and block.page not in (None, last):
            last = block.page
            yield block.start, block.page


def _widened(hit: Hit, document: Document, neighbours: int) -> Hit:
    if neighbours == 0:
        return hit
    blocks = [block for block in document.blocks if block.kind != "heading" and not block.hidden]
    inside = [
        number
        for number, block in enumerate(blocks)
        if block.start < hit.payload.end and block.end > hit.payload.start
    ]
    if not inside or hit.payload.hidden:
        return hit
    first, last = inside[0], inside[-1]
    path = blocks[first].headings
    start, end = hit.payload.start, hit.payload.end
    low, high = first, last
    while low > 0 and blocks[low - 1].headings == path:
        low -= 1
    while high + 1 < len(blocks) and blocks[high + 1].headings == path:
        high += 1
    if blocks[high].end - blocks[low].start > SECTION:
        low = max(low, first - neighbours)
        high = min(high, last + neighbours)
    start, end = _within(blocks[low], blocks[high], start, end)
    if (start, end) == (hit.payload.start, hit.payload.end):
        return hit
    score = Score(stage="widen", rank=hit.rank, score=hit.score, why=f"+{end - start} characters")
    return hit.model_copy(
        update={
            "context": document.text[start:end],
            "context_start": start,
            "scores": (*hit.scores, score),
        }
    )


def _within(first: Block, last: Block, start: int, end: int) -> tuple[int, int]:
    """From block to block, but never so far that a long table swallows the budget."""
    low = min(start, max(first.start, start - SECTION))
    high = max(end, min(last.end, end + SECTION))
    return low, high
