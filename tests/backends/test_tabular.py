"""Spreadsheets and records: rows that read alone, whatever the sheet looks like."""

import datetime
import io

import openpyxl
import pytest

from rag.backends.tabular import CSV, JSON, JSONL, TSV, XLSX, TabularParser
from rag.config import ParsingSettings
from rag.errors import DocumentRejected
from rag.types import Document, RawDocument


def parsed(data: bytes, media_type: str, **settings: int) -> Document:
    raw = RawDocument(key="a", uri="memory:a", name="a", data=data)
    return TabularParser(ParsingSettings(**settings)).parse(raw, media_type)


def lines(document: Document) -> list[str]:
    tables = [block for block in document.blocks if block.kind == "table"]
    return [
        line for block in tables for line in document.text[block.start : block.end].splitlines()
    ]


def test_each_sheet_is_a_heading_and_captions_stand_above_the_table() -> None:
    book = openpyxl.Workbook()
    first = book.active
    first.title = "Prices"
    for row in (["Spare parts 2025"], [], ["Part", "Price"], ["bolt", 3.5], [], ["nut", 2.0]):
        first.append(row)
    second = book.create_sheet("Dates")
    for row in (["Day", "Noon"], [datetime.date(2025, 3, 1), datetime.datetime(2025, 3, 1, 12)]):
        second.append(row)
    book.properties.title = "Price list"
    target = io.BytesIO()
    book.save(target)
    document = parsed(target.getvalue(), XLSX)
    assert document.title == "Price list"
    assert document.created_at
    assert "Spare parts 2025" in document.text
    tables = [block for block in document.blocks if block.kind == "table"]
    assert [block.headings for block in tables] == [("Prices",), ("Dates",)]
    assert lines(document) == [
        "Part: bolt; Price: 3.5",
        "Part: nut; Price: 2",
        "Day: 2025-03-01; Noon: 2025-03-01 12:00:00",
    ]


def test_a_long_sheet_becomes_several_tables_each_with_the_header() -> None:
    rows = "Part,Price\n" + "".join(f"part {n},{n}\n" for n in range(1_200))
    document = parsed(rows.encode(), CSV)
    assert [len(block.rows) for block in document.blocks] == [501, 501, 201]
    assert all(block.rows[0] == ("Part", "Price") for block in document.blocks)
    assert lines(document)[-1] == "Part: part 1199; Price: 1199"


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_separator_is_found(mark: str) -> None:
    text = mark.join(["Part", "Price"]) + "\n" + mark.join(["bolt", "3"]) + "\n"
    assert lines(parsed(text.encode(), TSV if mark == "\t" else CSV)) == ["Part: bolt; Price: 3"]


def test_quotes_may_hold_separators_and_line_ends() -> None:
    text = 'Part,Note\n"bolt, long","first line\nsecond line"\n'
    assert lines(parsed(text.encode(), CSV)) == ["Part: bolt, long; Note: first line second line"]


def test_numbers_alone_make_no_header() -> None:
    assert lines(parsed(b"1,2\n3,4\n", CSV)) == ["1; 2", "3; 4"]


def test_text_beyond_the_limit_is_rejected_while_reading() -> None:
    rows = "Part,Price\n" + "part,1\n" * 5_000
    with pytest.raises(DocumentRejected) as caught:
        parsed(rows.encode(), CSV, max_text_chars=10_000)
    assert caught.value.reason == "resource_limit"


def test_json_is_paths_and_values() -> None:
    source = b'[{"pump": {"name": "P1", "sizes": [40, 65]}, "on": true, "off": null}, {"pump": 2}]'
    document = parsed(source, JSON)
    texts = [document.text[block.start : block.end] for block in document.blocks]
    assert texts == ["pump.name: P1\npump.sizes: 40, 65\non: true", "pump: 2"]


def test_json_lines_are_a_block_each() -> None:
    document = parsed(b'{"a": 1}\n\n{"a": [{"b": "x"}, "y"]}\n', JSONL)
    texts = [document.text[block.start : block.end] for block in document.blocks]
    assert texts == ["a: 1", "a[1].b: x\na[2]: y"]
