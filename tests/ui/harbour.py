"""Documents of a harbour as people have them: a PDF with columns and tables, and office files."""

from __future__ import annotations

from pathlib import Path

import docx
import openpyxl
import pptx
from reportlab.lib.pagesizes import A4
from reportlab.platypus import BalancedColumns, PageBreak, Paragraph, SimpleDocTemplate

from tests.backends.test_pdf import BODY, HEAD, LONG, TITLE, table

INSPECTED = "The harbour crane K-77 is inspected every 18 months by a licensed inspector."
ROPE = "The wire rope of the harbour crane K-77 is replaced after 4,200 operating hours."
HOSTILE = "hostile <img src=x onerror=alert(1)> \u202egnp.md"
TORQUES = [
    ["Part", "Torque", "Note"],
    ["Casing bolt", "45 Nm", "M12"],
    ["Gland nut", "12 Nm", "-"],
    ["Slewing ring bolt", "310 Nm", "M24"],
]
SEATS = [("Deck", "Seats", "Exits"), ("Upper deck", "80", "4"), ("Lower deck", "132", "6")]
BERTHS = [("Berth", "Depth", "Crane"), ("North 7", "9.4 m", "K-77"), ("South 2", "6.1 m", "none")]


def harbour(folder: Path) -> None:
    """The files, one of which cannot be read, and one whose name and text are hostile."""
    folder.mkdir()
    columns = [Paragraph(text, BODY) for text in (INSPECTED, LONG, LONG, ROPE)]
    story = [
        *(Paragraph("Harbour crane K-77", TITLE), Paragraph("Overview", HEAD)),
        *(Paragraph(LONG, BODY), PageBreak(), Paragraph("Torques", HEAD), table(TORQUES)),
        *(PageBreak(), Paragraph("Service", HEAD), BalancedColumns(columns, nCols=2)),
    ]
    target = str(folder / "crane.pdf")
    SimpleDocTemplate(target, pagesize=A4, title="Harbour crane K-77 manual").build(story)
    _ferry(folder / "ferry.docx")
    slides = pptx.Presentation()
    for title, text in (
        ("Lighthouse plan", "The lighthouse Morrow is painted red in May 2027."),
        ("Costs", "Painting the lighthouse Morrow costs 18,400 euros."),
    ):
        slide = slides.slides.add_slide(slides.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
    slides.save(str(folder / "lighthouse.pptx"))
    book = openpyxl.Workbook()
    for row in BERTHS:
        book.active.append(row)
    book.save(folder / "berths.xlsx")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 cut off")
    (folder / HOSTILE).write_text("# <script>alert(1)</script>\n\nGeese guard the mole of Brenn.\n")


def _ferry(path: Path) -> None:
    ferry = docx.Document()
    ferry.core_properties.title = "Ferry rules"
    ferry.add_heading("Ferry rules", 1)
    ferry.add_paragraph("The ferry Aurelia carries at most 212 passengers in winter.")
    seats = ferry.add_table(rows=0, cols=3)
    for row in SEATS:
        for cell, text in zip(seats.add_row().cells, row, strict=True):
            cell.text = text
    ferry.add_paragraph("Dogs travel on the lower deck of the ferry Aurelia only.")
    ferry.save(str(path))
