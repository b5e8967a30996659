"""PDF text layers: order, tables, headings, places on the page."""

import io

import pytest
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import (
    BalancedColumns,
    Flowable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Table,
    TableStyle,
)

from rag.backends.pdf import PdfParser
from rag.config import ParsingSettings
from rag.errors import DocumentRejected
from rag.types import Block, Document, RawDocument

STYLES = getSampleStyleSheet()
BODY, HEAD, TITLE = STYLES["BodyText"], STYLES["Heading2"], STYLES["Title"]
LONG = "Vent the pump before the first start and close the valve after it has been filled. " * 4
GRID = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.5, colors.black),
        ("BACKGROUND", (0, 0), (-1, 0), colors.navy),
        ("TEXTCOLOR", (0, 0), (-1, 0), colors.white),
    ]
)
ROWS = [["Part", "Torque", "Note"], ["Casing bolt", "45 Nm", "M12"], ["Gland nut", "12 Nm", "-"]]


def made(*story: Flowable, **facts: str) -> bytes:
    target = io.BytesIO()
    SimpleDocTemplate(target, pagesize=A4, **facts).build(list(story))
    return target.getvalue()


def parsed(data: bytes, **settings: int) -> Document:
    parser = PdfParser(ParsingSettings(**settings))
    raw = RawDocument(key="a", uri="memory:a.pdf", name="a.pdf", data=data)
    return parser.parse(raw, "application/pdf")


def text_of(document: Document, block: Block) -> str:
    return document.text[block.start : block.end]


def table(rows: list[list[object]], style: TableStyle = GRID, **how: object) -> Table:
    return Table(rows, style=style, **how)


def test_headings_by_size_paragraphs_whole_and_each_with_page_and_box() -> None:
    document = parsed(
        made(
            Paragraph("Pump manual", TITLE),
            Paragraph("Start", HEAD),
            Paragraph(LONG, BODY),
            PageBreak(),
            Paragraph("Storage", HEAD),
            Paragraph("Keep it dry.", BODY),
            title="Manual P-100",
        )
    )
    assert document.title == "Manual P-100"
    assert document.pages == 2
    assert document.created_at is not None
    assert document.created_at.tzinfo
    kinds = [(block.kind, block.level, block.page) for block in document.blocks]
    assert kinds == [
        ("heading", 1, 1),
        ("heading", 2, 1),
        ("text", 0, 1),
        ("heading", 2, 2),
        ("text", 0, 2),
    ]
    paragraph, last = document.blocks[2], document.blocks[4]
    assert text_of(document, paragraph) == LONG.strip()
    assert paragraph.headings == ("Pump manual", "Start")
    assert last.headings == ("Pump manual", "Storage")
    for block in document.blocks:
        (box,) = block.boxes
        assert box.page == block.page
        assert 0 < box.x0 < box.x1 < A4[0]
        assert 0 < box.y0 < box.y1 < A4[1]
    assert paragraph.boxes[0].y1 < document.blocks[1].boxes[0].y0


def test_a_table_has_one_line_per_row_that_reads_alone() -> None:
    document = parsed(made(Paragraph("All torques.", BODY), table(ROWS)))
    block = document.blocks[1]
    assert block.kind == "table"
    assert text_of(document, block) == (
        "Part: Casing bolt; Torque: 45 Nm; Note: M12\nPart: Gland nut; Torque: 12 Nm; Note: -"
    )
    assert block.rows == tuple(tuple(row) for row in ROWS)
    # White letters on the blue head of the table are meant to be read.
    assert not block.hidden


@pytest.mark.parametrize("place", ["TOP", "MIDDLE", "BOTTOM"])
@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_cell_of_several_lines_stays_one_cell(place: str, column: int) -> None:
    words = "Tighten crosswise in three steps and check again after an hour"
    rows: list[list[object]] = [list(row) for row in (*ROWS, ["Cover screw", "8 Nm", "M8"])]
    rows[2][column] = Paragraph(words, BODY)
    style = TableStyle([*GRID.getCommands(), ("VALIGN", (0, 0), (-1, -1), place)])
    document = parsed(made(table(rows, style, colWidths=[110, 110, 110])))
    expected = ["Gland nut", "12 Nm", "-"]
    expected[column] = words
    (block,) = document.blocks
    assert block.rows[2] == tuple(expected)
    assert len(block.rows) == 4


def test_a_table_that_goes_on_over_the_page_keeps_its_header() -> None:
    rows = [["Part", "Price"], *([f"part {n}", f"{n} EUR"] for n in range(90))]
    document = parsed(made(table(rows, colWidths=[100, 100])))
    assert document.pages == 3
    lines = "\n".join(text_of(document, block) for block in document.blocks).splitlines()
    assert lines == [f"Part: part {n}; Price: {n} EUR" for n in range(90)]


def test_two_columns_of_prose_are_read_one_after_the_other_and_make_no_table() -> None:
    left = [Paragraph(f"left {n} " + LONG, BODY) for n in range(4)]
    document = parsed(made(BalancedColumns(left, nCols=2)))
    assert {block.kind for block in document.blocks} == {"text"}
    places = [document.text.index(f"left {n} ") for n in range(4)]
    assert places == sorted(places)


def test_lists_are_lists_and_what_every_page_repeats_is_left_out() -> None:
    def stamp(canvas: object, _document: object) -> None:
        canvas.drawString(72, 30, f"Pump manual - page {canvas.getPageNumber()}")  # type: ignore[attr-defined]

    target = io.BytesIO()
    story = [
        Paragraph("• Keep it dry.", BODY),
        PageBreak(),
        Paragraph("Other words.", BODY),
        PageBreak(),
        Paragraph("Last words.", BODY),
    ]
    SimpleDocTemplate(target).build(story, onFirstPage=stamp, onLaterPages=stamp)
    document = parsed(target.getvalue())
    assert [block.kind for block in document.blocks] == ["list", "text", "text"]
    assert "page" not in document.text


def test_a_document_of_too_many_pages_is_rejected() -> None:
    data = made(Paragraph("one", BODY), PageBreak(), Paragraph("two", BODY))
    with pytest.raises(DocumentRejected, match="2 pages; 1 are read") as caught:
        parsed(data, max_pages=1)
    assert caught.value.reason == "page_limit"
