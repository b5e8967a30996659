"""Spreadsheets, CSV and JSON: tables and records as rows that read alone, in bounded memory."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from typing import Any, ClassVar

import openpyxl
import xlrd

from rag.backends.drafting import ROWS_PER_TABLE, Draft, aware
from rag.backends.records import add_json, add_json_lines
from rag.config import ParsingSettings
from rag.errors import DocumentRejected
from rag.types import Document, RawDocument

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS = "application/vnd.ms-excel"
CSV, TSV = "text/csv", "text/tab-separated-values"
JSON, JSONL = "application/json", "application/jsonl"
MAX_CAPTIONS = 5
"""Lines of one cell above a sheet's table that are taken for its caption."""
MAX_COLUMNS = 2_000
MAX_CELL = 2_000
MAX_GRID = 2_000_000
"""Cells that merged ranges may be spread over."""
NUMBER = re.compile(r"^[\s€$£¥%+-]*\d[\d.,:\s/%€$£¥+-]*$")
MERGE = re.compile(rb'<mergeCell\s[^>]*ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')


class TabularParser:
    """Reads xlsx, xls, CSV and TSV (the first filled row is the header), JSON and JSON Lines."""

    media_types: ClassVar[frozenset[str]] = frozenset({XLSX, XLS, CSV, TSV, JSON, JSONL})

    def __init__(self, settings: ParsingSettings) -> None:
        self._settings = settings

    def parse(self, raw: RawDocument, media_type: str) -> Document:
        draft = Draft(media_type)
        if media_type == XLSX:
            self._workbook(draft, raw)
        elif media_type == XLS:
            book = xlrd.open_workbook(file_contents=raw.data, logfile=io.StringIO())
            for sheet in book.sheets():
                rows = ([_old_cell(book, cell) for cell in row] for row in sheet.get_rows())
                self._sheet(draft, raw.name, sheet.name, rows)
        elif media_type == JSON:
            add_json(draft, raw.data.decode(), raw.name)
        elif media_type == JSONL:
            add_json_lines(draft, raw.data.decode(), raw.name)
        else:
            self._sheet(draft, raw.name, "", _separated(draft, raw.data.decode(), media_type))
        return draft.build()

    def _workbook(self, draft: Draft, raw: RawDocument) -> None:
        book = openpyxl.load_workbook(io.BytesIO(raw.data), read_only=True, data_only=True)
        facts = book.properties
        draft.title = str(facts.title or "").strip()
        draft.created_at, draft.modified_at = aware(facts.created), aware(facts.modified)
        for sheet in book.worksheets:
            # A stated size may be that of the whole grid, and each row would be padded to it.
            sheet.reset_dimensions()
            merged = _merged(book, sheet)
            self._sheet(draft, raw.name, sheet.title, _spread(sheet.values, merged))
            if sheet.sheet_state != "visible":
                draft.warn(f"hidden_text: sheet {sheet.title!r}")

    def _sheet(self, draft: Draft, name: str, title: str, rows: Iterable[Sequence[str]]) -> None:
        """One sheet: its name as heading, tables cut at the header row and where rows get many."""
        if title:
            draft.heading(title)
        header: Sequence[str] | None = None
        batch: list[Sequence[str]] = []
        captions = 0
        written = False
        for cells in rows:
            row = [cell[:MAX_CELL] for cell in cells[:MAX_COLUMNS]]
            if any(cells[MAX_COLUMNS:]):
                draft.warn(f"columns: only the first {MAX_COLUMNS:,} are read")
            filled = [cell for cell in row if cell]
            if not filled:
                continue
            if header is None:
                if title and len(filled) == 1 and captions < MAX_CAPTIONS:
                    draft.text(filled[0])
                    captions += 1
                else:
                    header = row
                continue
            batch.append(row)
            if len(batch) == ROWS_PER_TABLE:
                self._table(draft, name, header, batch)
                batch, written = [], True
        if header is not None and (batch or not written):
            self._table(draft, name, header, batch)

    def _table(
        self, draft: Draft, name: str, header: Sequence[str], rows: Sequence[Sequence[str]]
    ) -> None:
        named = sum(1 for cell in header if cell and not NUMBER.match(cell))
        draft.table([header, *rows], header=named * 2 > sum(map(bool, header)))
        if draft.length > self._settings.max_text_chars:
            raise DocumentRejected(
                "resource_limit",
                f"'{name}' holds more text than one document may have.",
                hint="Split it, or connect the database it was exported from.",
            )


def cell_text(value: Any) -> str:
    """A cell's value as a person would read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        midnight = value.time() == time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.12g}"
    return str(value).strip()


def _old_cell(book: xlrd.Book, cell: Any) -> str:
    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            return cell_text(xlrd.xldate_as_datetime(cell.value, book.datemode))
        except (xlrd.xldate.XLDateError, ValueError, OverflowError):
            return cell_text(cell.value)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return cell_text(bool(cell.value))
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return str(xlrd.error_text_from_code.get(cell.value, ""))
    return cell_text(cell.value)


def _merged(book: Any, sheet: Any) -> list[tuple[int, int, int, int]]:
    """Merged ranges as (first row, last row, first column, last column), counted from 0.

    Read from the part itself: the streaming reader of openpyxl skips them.
    """
    ranges: list[tuple[int, int, int, int]] = []
    spread = 0
    with book._archive.open(sheet._worksheet_path) as part:
        tail = b""
        while piece := part.read(2**20):
            text = tail + piece
            end = 0
            for found in MERGE.finditer(text):
                end = found.end()
                left, top, right, bottom = found.groups()
                area = (int(top) - 1, int(bottom) - 1, _index(left), _index(right))
                spread += (area[1] - area[0] + 1) * (area[3] - area[2] + 1)
                if spread <= MAX_GRID:
                    ranges.append(area)
            tail = text[max(end, len(text) - 200) :]
    return ranges


def _index(letters: bytes) -> int:
    value = 0
    for letter in letters:
        value = value * 26 + letter - 64
    return value - 1


def _spread(
    rows: Iterable[Sequence[Any]], merged: Sequence[tuple[int, int, int, int]]
) -> Iterator[list[str]]:
    """Rows as text, the value of a merged range in each of its cells that the row has."""
    starting: dict[int, list[tuple[int, int, int, int]]] = {}
    for area in merged:
        starting.setdefault(area[0], []).append(area)
    running: list[tuple[int, int, int, str]] = []
    for number, values in enumerate(rows):
        row = [cell_text(value) for value in values]
        while row and not row[-1]:
            row.pop()
        running = [area for area in running if area[0] >= number]
        for _, last, left, right in starting.get(number, ()):
            if left < len(row):
                running.append((last, left, right, row[left]))
        # A range that goes on below fills only rows that hold something of their own.
        if row:
            for _, left, right, value in running:
                for column in range(left, min(right, MAX_COLUMNS) + 1):
                    row.extend([""] * (column + 1 - len(row)))
                    row[column] = row[column] or value
        yield row


def _separated(draft: Draft, text: str, media_type: str) -> Iterator[list[str]]:
    """Rows of delimited text, however ragged; what had to be guessed is warned of."""
    delimiter = "\t" if media_type == TSV else _delimiter(text[:20_000])
    lines = _closed_quotes(draft, text)
    width = 0
    csv.field_size_limit(10_000_000)
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            draft.warn(f"ragged: line {reader.line_num} skipped ({error})")
            continue
        if row is None:
            return
        row = [" ".join(cell.split()) for cell in row]
        filled = len(row) if any(row) else 0
        if width and filled and filled != width:
            draft.warn("ragged: rows differ in their number of cells")
        width = width or filled
        yield row


def _delimiter(sample: str) -> str:
    """The separator that splits most of the first lines alike."""
    lines = [line for line in sample.split("\n")[:20] if line.strip()]

    def evenness(mark: str) -> tuple[int, int]:
        counts = [line.count(mark) for line in lines]
        common = max(set(counts), key=counts.count) if counts else 0
        return (counts.count(common) if common else 0, common)

    return max((",", ";", "\t", "|"), key=evenness)


def _closed_quotes(draft: Draft, text: str) -> Iterator[str]:
    """Lines; from a quote that never closes on, quotes are taken for ordinary characters."""
    if text.count('"') % 2 == 0:
        yield from text.splitlines(keepends=True)
        return
    draft.warn("ragged: a quote is never closed")
    for line in text.splitlines(keepends=True):
        yield line if line.count('"') % 2 == 0 else line.replace('"', "'")
