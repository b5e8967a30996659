"""How parsers here write a Document: piece by piece, spans and heading paths kept by the draft."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from rag.types import Block, Box, Document

Rows = Sequence[Sequence[str]]
BLOCK_GAP = "\n\n"
ROWS_PER_TABLE = 500
"""A longer table becomes several blocks, each with the header row in its cells."""
MAX_LINE = 4_000
"""A table row longer than this is a data dump; its cells are cut to what a person would read."""


class Draft:
    """A Document being written. Blank pieces leave no trace."""

    def __init__(self, media_type: str) -> None:
        self.media_type = media_type
        self.title = ""
        self.pages: int | None = None
        self.created_at: datetime | None = None
        self.modified_at: datetime | None = None
        self.length = 0
        self._warnings: list[str] = []
        self._parts: list[str] = []
        self._blocks: list[Block] = []
        self._path: list[tuple[int, str]] = []

    def warn(self, warning: str) -> None:
        if warning not in self._warnings:
            self._warnings.append(warning)

    def heading(
        self,
        text: str,
        level: int = 1,
        *,
        page: int | None = None,
        boxes: Sequence[Box] = (),
        hidden: bool = False,
    ) -> None:
        """A heading; what follows is below it until one of the same or a higher rank."""
        line = " ".join(text.split())
        if not line:
            return
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        self._add(line, "heading", level=level, page=page, boxes=tuple(boxes), hidden=hidden)
        self._path.append((level, line[:200]))

    def text(
        self,
        text: str,
        kind: Literal["text", "list", "code"] = "text",
        *,
        page: int | None = None,
        boxes: Sequence[Box] = (),
        hidden: bool = False,
    ) -> None:
        body = text.strip("\n").rstrip() if kind == "code" else text.strip()
        if body:
            self._add(body, kind, page=page, boxes=tuple(boxes), hidden=hidden)

    def table(
        self,
        rows: Rows,
        *,
        header: bool = True,
        page: int | None = None,
        boxes: Sequence[Box] = (),
        hidden: bool = False,
    ) -> None:
        """A table, header row first. Without `header` the cells stand as they are."""
        cells = [tuple(" ".join(cell.split()) for cell in row) for row in rows]
        cells = [row for row in cells if any(row)]
        if not cells:
            return
        if header and len(cells) > 1:
            for at in range(1, len(cells), ROWS_PER_TABLE):
                batch = cells[at : at + ROWS_PER_TABLE]
                lines = [row_line(cells[0], row) for row in batch]
                self._rows(lines, (cells[0], *batch), page, boxes, hidden)
            return
        for at in range(0, len(cells), ROWS_PER_TABLE):
            batch = cells[at : at + ROWS_PER_TABLE]
            lines = ["; ".join(cell for cell in row if cell) for row in batch]
            self._rows(lines, tuple(batch), page, boxes, hidden)

    def _rows(
        self,
        lines: Sequence[str],
        rows: tuple[tuple[str, ...], ...],
        page: int | None,
        boxes: Sequence[Box],
        hidden: bool,
    ) -> None:
        text = "\n".join(line[:MAX_LINE] for line in lines if line)
        if text:
            self._add(text, "table", page=page, boxes=tuple(boxes), hidden=hidden, rows=rows)

    def build(self) -> Document:
        return Document(
            title=self.title,
            text=BLOCK_GAP.join(self._parts),
            blocks=tuple(self._blocks),
            media_type=self.media_type,
            pages=self.pages,
            created_at=self.created_at,
            modified_at=self.modified_at,
            warnings=tuple(self._warnings),
        )

    def _add(
        self,
        text: str,
        kind: Literal["heading", "text", "list", "table", "code"],
        *,
        page: int | None,
        boxes: tuple[Box, ...],
        hidden: bool,
        level: int = 0,
        rows: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        start = self.length + len(BLOCK_GAP) if self._parts else 0
        self._parts.append(text)
        self.length = start + len(text)
        self._blocks.append(
            Block(
                kind=kind,
                start=start,
                end=self.length,
                headings=tuple(name for _, name in self._path),
                level=level,
                page=page,
                boxes=boxes,
                rows=rows,
                hidden=hidden,
            )
        )


def row_line(header: Sequence[str], row: Sequence[str]) -> str:
    """One body row that reads alone: "Header: value; Header: value"."""
    pairs: list[str] = []
    for at, cell in enumerate(row):
        name = header[at].rstrip(":") if at < len(header) else ""
        if cell:
            pairs.append(f"{name}: {cell}" if name else cell)
    return "; ".join(pairs)


def aware(moment: datetime | None) -> datetime | None:
    """A property's date as an aware one: office programs write UTC without saying so."""
    if moment is None:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
