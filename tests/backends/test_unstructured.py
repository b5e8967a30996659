"""Office files, pages, mail and text: structure kept, nothing run, nothing fetched."""

import io
import os
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import docx
import pptx
import pytest

from rag.backends.unstructured import DOCX, EML, HTML, MARKDOWN, PPTX, TEXT, UnstructuredParser
from rag.config import ParsingSettings
from rag.types import Document, RawDocument


@pytest.fixture(scope="module")
def parser() -> UnstructuredParser:
    return UnstructuredParser(ParsingSettings())


def parsed(parser: UnstructuredParser, data: bytes | str, media_type: str) -> Document:
    content = data.encode() if isinstance(data, str) else data
    raw = RawDocument(key="a", uri="memory:a", name="a", data=content)
    return parser.parse(raw, media_type)


def shape(document: Document) -> list[tuple[str, str]]:
    return [(block.kind, document.text[block.start : block.end]) for block in document.blocks]


def test_docx_keeps_headings_lists_tables_and_properties(parser: UnstructuredParser) -> None:
    source = docx.Document()
    source.core_properties.title = "Handbook"
    source.add_heading("Leave", 1)
    source.add_paragraph("Short line")
    source.add_paragraph("first", style="List Bullet")
    source.add_paragraph("second", style="List Bullet")
    source.add_heading("Days", 2)
    table = source.add_table(0, 2)
    for row in (("Years", "Days"), ("0-5", "28"), ("over 5", "30")):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    target = io.BytesIO()
    source.save(target)
    document = parsed(parser, target.getvalue(), DOCX)
    assert document.title == "Handbook"
    assert document.created_at
    assert shape(document) == [
        ("heading", "Leave"),
        ("text", "Short line"),
        ("list", "- first\n- second"),
        ("heading", "Days"),
        ("table", "Years: 0-5; Days: 28\nYears: over 5; Days: 30"),
    ]
    assert document.blocks[-1].headings == ("Leave", "Days")
    assert document.blocks[-1].rows[0] == ("Years", "Days")


def test_pptx_has_its_slides_as_pages_and_only_their_titles_as_headings(
    parser: UnstructuredParser,
) -> None:
    deck = pptx.Presentation()
    for number in (1, 2):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = f"Goals {number}"
        slide.placeholders[1].text = "Repair more on the first visit"
        slide.notes_slide.notes_text_frame.text = f"Spoken words {number}"
    target = io.BytesIO()
    deck.save(target)
    document = parsed(parser, target.getvalue(), PPTX)
    assert document.pages == 2
    headings = [(b.page, document.text[b.start : b.end]) for b in document.blocks if b.level]
    assert headings == [(1, "Goals 1"), (2, "Goals 2")]
    assert "Spoken words 2" in document.text


def test_markdown_keeps_its_structure(parser: UnstructuredParser) -> None:
    source = """---
title: Storage rules
---
# Storage

Keep the pump dry.

## Frost

- drain it
- close it

| Part | Months |
|------|--------|
| seal | 24     |

```sh
pump  --drain
```
"""
    document = parsed(parser, source, MARKDOWN)
    assert document.title == "Storage rules"
    assert shape(document) == [
        ("heading", "Storage"),
        ("text", "Keep the pump dry."),
        ("heading", "Frost"),
        ("list", "- drain it\n- close it"),
        ("table", "Part: seal; Months: 24"),
        ("code", "pump  --drain"),
    ]
    assert document.blocks[4].headings == ("Storage", "Frost")


def test_html_tables_that_span_and_tables_that_only_lay_out(parser: UnstructuredParser) -> None:
    page = """<html><head><title>Alarms &amp; faults</title></head><body>
    <table><tr><td><h1>Alarms</h1><p>All alarms of the controller.</p></td><td>
    <table><tr><th>Code</th><th colspan=2>Cause</th></tr>
    <tr><td rowspan=2>A1</td><td>dry</td><td>hot</td></tr><tr><td>cold</td><td>old</td></tr></table>
    </td></tr></table></body></html>"""
    document = parsed(parser, page, HTML)
    assert document.title == "Alarms & faults"
    assert shape(document) == [
        ("heading", "Alarms"),
        ("text", "All alarms of the controller."),
        ("table", "Code: A1; Cause: dry; Cause: hot\nCode: A1; Cause: cold; Cause: old"),
    ]


def test_white_letters_on_a_ground_are_not_hidden(parser: UnstructuredParser) -> None:
    page = "<div style='background:#003'><p style='color:white'>Read me well</p></div>"
    assert not parsed(parser, page, HTML).blocks[0].hidden


def test_mail_begins_with_who_wrote_when(parser: UnstructuredParser) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "Ann <ann@pumps.example>", "all@pumps.example"
    message["Subject"], message["Date"] = "Seal kits", "Fri, 22 Mar 2024 12:00:00 +0100"
    message.set_content("Plain words")
    message.add_alternative("<p>Rich words</p>", subtype="html")
    message.add_attachment(b"x", maintype="image", subtype="png", filename="seal.png")
    document = parsed(parser, message.as_bytes(), EML)
    assert document.title == "Seal kits"
    assert document.created_at
    assert document.created_at.isoformat() == "2024-03-22T12:00:00+01:00"
    assert shape(document)[0][1].splitlines()[0] == "From: Ann <ann@pumps.example>"
    assert "Rich words" in document.text
    assert "Plain words" not in document.text
    assert "seal.png" in document.text


def test_plain_text_is_paragraphs(parser: UnstructuredParser) -> None:
    source = "Storage\n=======\n\nKeep it dry.\nReally.\n\n1. drain\n2. close\n"
    assert shape(parsed(parser, source, TEXT)) == [
        ("heading", "Storage"),
        ("text", "Keep it dry.\nReally."),
        ("list", "1. drain\n2. close"),
    ]


def test_no_language_model_is_looked_for(parser: UnstructuredParser) -> None:
    tokenize = sys.modules["unstructured.nlp.tokenize"]
    assert tokenize._get_nlp().pipe_names == ["sentencizer"]


REAL = Path(__file__).parents[3] / "shared" / "data" / "office_formats"
"""Real files from the test folders of parsers, kept beside the checkout where there are any."""
EXPECTED_REJECTED = {"Strict.docx", "empty.eml"}


@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data/office_formats")
def test_real_files_parse(parser: UnstructuredParser) -> None:
    from rag.backends.pdf import PdfParser
    from rag.backends.tabular import TabularParser
    from rag.errors import DocumentRejected
    from rag.ingest.admission import Reader

    settings = ParsingSettings()
    reader = Reader([PdfParser(settings), TabularParser(settings), parser], settings)
    small = [p for p in sorted(REAL.rglob("*")) if p.is_file() and p.stat().st_size < 60_000]
    reasons: dict[str, str] = {}
    for path in small[::3]:
        raw = RawDocument(key="a", uri="memory:a", name=path.name, data=path.read_bytes())
        try:
            document = reader.read(raw)
        except DocumentRejected as rejection:
            reasons[path.name] = rejection.reason
        else:
            assert document.text.strip()
            assert document.title
    broken = {name for name, reason in reasons.items() if reason in {"corrupt", "no_text"}}
    assert broken <= EXPECTED_REJECTED
    assert len(reasons) < 0.2 * len(small[::3])


def test_what_is_replaced_inside_the_library_is_still_there():
    program = (
        "import unstructured.nlp.tokenize as t, unstructured.partition.html.parser as p;"
        "assert callable(t._load_spacy_model);"
        "assert 'is_possible_narrative_text' in p.derive_element_type_from_text.__code__.co_names"
    )
    quiet = {"DO_NOT_TRACK": "1", "SCARF_NO_ANALYTICS": "true", "UNSTRUCTURED_DISABLE_NOTICE": "1"}
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, **quiet})
