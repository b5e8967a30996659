"""A document as it is shown beside an answer: a part of its text, as it is built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from rag.store.placed import Described
from rag.types import Block, Box, Data, Document


class Piece(Data):
    """A heading, a paragraph, a list, a table or code: the part of it that is shown.

    `text` begins at character `start` of the document. A table's text has a line for each of its
    rows but the header; `cells` are those rows, the header first, where they are known.
    """

    kind: Literal["heading", "text", "list", "table", "code"]
    start: int
    text: str
    level: int = 0
    page: int | None = None
    boxes: tuple[Box, ...] = ()
    cells: tuple[tuple[str, ...], ...] = ()


class View(Described):
    """Characters `start` to `end` of an exact version of a document, of `length` in all."""

    pages: int | None
    start: int
    end: int
    length: int
    pieces: tuple[Piece, ...]


def view(about: Described, document: Document, at: int, size: int) -> View:
    """The text around the character `at`: `size` characters or a little more, by whole lines."""
    length = len(document.text)
    start = max(0, min(at, length) - size // 2)
    end = min(length, start + size)
    start, end = _line_start(document.text, start), _line_end(document.text, end)
    pieces = tuple(_pieces(document, start, end))
    return View(
        **about.model_dump(),
        pages=document.pages,
        start=start,
        end=end,
        length=length,
        pieces=pieces,
    )


LONGEST_LINE = 2_000
"""A line that is longer is cut where the window ends."""


def _line_start(text: str, at: int) -> int:
    found = text.rfind("\n", max(0, at - LONGEST_LINE), at) + 1
    return found if found or at <= LONGEST_LINE else at


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at, at + LONGEST_LINE)
    return found if found >= 0 else at if at + LONGEST_LINE < len(text) else len(text)


def _pieces(document: Document, start: int, end: int) -> Iterator[Piece]:
    for block in document.blocks:
        since, until = max(block.start, start), min(block.end, end)
        if since >= until:
            continue
        yield Piece(
            kind=block.kind,
            start=since,
            text=document.text[since:until],
            level=block.level,
            page=block.page,
            boxes=block.boxes,
            cells=_cells(document.text, block, since, until),
        )


def _cells(text: str, block: Block, since: int, until: int) -> tuple[tuple[str, ...], ...]:
    """The rows whose lines are shown, below the header; none where lines and rows do not match."""
    lines = text.count("\n", block.start, block.end) + 1
    if block.kind != "table" or len(block.rows) != lines + 1:
        return ()
    first = 1 + text.count("\n", block.start, since)
    last = 1 + text.count("\n", block.start, until)
    return (block.rows[0], *block.rows[first : last + 1])
