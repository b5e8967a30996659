"""Documents as files of eight formats, the same bytes on every run and machine.

Archives are stored and PDF pages left uncompressed, because deflate differs between zlib builds.
"""

from __future__ import annotations

import csv
import datetime
import html
import io
import re
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import format_datetime

from docx import Document as Docx
from docx.document import Document as DocxFile
from docx.enum.style import WD_STYLE_TYPE
from openpyxl import Workbook
from openpyxl.styles import Font
from pptx import Presentation
from pptx.util import Inches, Pt
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import cm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    ListFlowable,
    ListItem,
    SimpleDocTemplate,
    Spacer,
)
from reportlab.platypus import Paragraph as PdfParagraph
from reportlab.platypus import Table as PdfTable

from sample.model import Doc, Heading, Items, Paragraph, Table


def render(doc: Doc) -> bytes:
    """The document's bytes in the format its path names."""
    return _FORMATS[doc.suffix](doc)


def _day(date: datetime.date) -> str:
    return f"{date.day} {date:%B %Y}"


def _markdown(doc: Doc) -> bytes:
    lines = [f"# {doc.title}", "", f"Date: {_day(doc.date)}", ""]
    for block in doc.blocks:
        match block:
            case Heading(text=text, level=level):
                lines += [f"{'#' * (level + 1)} {text}", ""]
            case Paragraph(text=text):
                lines += [text, ""]
            case Items(items=items):
                lines += [*(f"- {item}" for item in items), ""]
            case Table(headers=headers, rows=rows):
                rule = tuple("---" for _ in headers)
                lines += [f"| {' | '.join(row)} |" for row in (headers, rule, *rows)]
                lines.append("")
    return "\n".join(lines).encode()


def _html(doc: Doc) -> bytes:
    body: list[str] = []
    for block in doc.blocks:
        match block:
            case Heading(text=text, level=level):
                body.append(f"<h{level + 1}>{html.escape(text)}</h{level + 1}>")
            case Paragraph(text=text):
                body.append(f"<p>{html.escape(text)}</p>")
            case Items(items=items):
                entries = "".join(f"<li>{html.escape(item)}</li>" for item in items)
                body.append(f"<ul>{entries}</ul>")
            case Table(headers=headers, rows=rows):
                head = "".join(f"<th>{html.escape(cell)}</th>" for cell in headers)
                lines = "\n".join(
                    "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
                    for row in rows
                )
                body.append(
                    f"<table><thead><tr>{head}</tr></thead><tbody>\n{lines}\n</tbody></table>"
                )
    title = html.escape(doc.title)
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>\n'
        f'<meta name="date" content="{doc.date.isoformat()}"></head>\n<body>\n'
        f"<main>\n<h1>{title}</h1>\n<p>Published on {_day(doc.date)}.</p>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    ).encode()


def _csv(doc: Doc) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for block in doc.blocks:
        assert isinstance(block, Table), f"{doc.path}: a csv holds one table"
        writer.writerows((block.headers, *block.rows))
    return out.getvalue().encode()


def _eml(doc: Doc) -> bytes:
    lines: list[str] = []
    for block in doc.blocks:
        match block:
            case Heading(text=text):
                lines += [text, ""]
            case Paragraph(text=text):
                lines += [text, ""]
            case Items(items=items):
                lines += [*(f"- {item}" for item in items), ""]
            case Table():
                raise ValueError(f"{doc.path}: no tables in mails")
    mail = EmailMessage()
    mail["From"] = doc.mail_from
    mail["To"] = doc.mail_to
    mail["Subject"] = doc.title
    mail["Date"] = format_datetime(datetime.datetime.combine(doc.date, _NOON))
    mail["Message-ID"] = f"<{doc.path.rsplit('/', 1)[-1]}@tarnbeck.example>"
    mail.set_content("\n".join(lines), cte="quoted-printable")
    return mail.as_bytes()


def _docx(doc: Doc) -> bytes:
    out = Docx()
    _slim(out)
    out.core_properties.title = doc.title
    out.core_properties.author = "Tarnbeck Pumps"
    out.add_heading(doc.title, level=0)
    out.add_paragraph(f"Issued on {_day(doc.date)}")
    for block in doc.blocks:
        match block:
            case Heading(text=text, level=level):
                out.add_heading(text, level=level)
            case Paragraph(text=text):
                out.add_paragraph(text)
            case Items(items=items):
                for item in items:
                    out.add_paragraph(item, style="List Bullet")
            case Table(headers=headers, rows=rows):
                table = out.add_table(rows=0, cols=len(headers), style="Table Grid")
                for row in (headers, *rows):
                    for cell, text in zip(table.add_row().cells, row, strict=True):
                        cell.text = text
    return _saved(out.save, doc.date)


def _slim(out: DocxFile) -> None:
    """Leave out what the template carries and nothing uses: nine tenths of the file."""
    for key, part in list(out.part.rels.items()):
        if part.reltype.endswith("/stylesWithEffects"):
            out.part.rels.pop(key)
    for style in list(out.styles):
        if style.type == WD_STYLE_TYPE.TABLE and style.name not in ("Table Grid", "Normal Table"):
            style.delete()


def _pptx(doc: Doc) -> bytes:
    """A heading starts a slide."""
    out = Presentation()
    out.core_properties.title = doc.title
    out.core_properties.author = "Tarnbeck Pumps"
    cover = out.slides.add_slide(out.slide_layouts[0])
    cover.shapes.title.text = doc.title
    cover.placeholders[1].text = _day(doc.date)
    slide, lines = None, None
    for block in doc.blocks:
        match block:
            case Heading(text=text):
                slide = out.slides.add_slide(out.slide_layouts[1])
                slide.shapes.title.text = text
                lines = slide.placeholders[1].text_frame
            case Paragraph(text=text):
                _bullet(lines, text)
            case Items(items=items):
                for item in items:
                    _bullet(lines, item)
            case Table(headers=headers, rows=rows):
                shape = slide.shapes.add_table(
                    len(rows) + 1, len(headers), Inches(0.5), Inches(4), Inches(9), Inches(2)
                )
                for r, row in enumerate((headers, *rows)):
                    for c, text in enumerate(row):
                        shape.table.cell(r, c).text = text
    return _saved(out.save, doc.date)


def _bullet(frame, text: str) -> None:
    first = len(frame.paragraphs) == 1 and not frame.paragraphs[0].text
    paragraph = frame.paragraphs[0] if first else frame.add_paragraph()
    paragraph.text = text
    paragraph.font.size = Pt(18)


def _xlsx(doc: Doc) -> bytes:
    """A heading starts a sheet; sentences stand in its first column."""
    out = Workbook()
    out.properties.title = doc.title
    out.properties.creator = "Tarnbeck Pumps"
    sheet = out.active
    sheet.title = "About"
    sheet.append([doc.title])
    for block in doc.blocks:
        match block:
            case Heading(text=text):
                sheet = out.create_sheet(text)
            case Paragraph(text=text):
                sheet.append([text])
            case Items(items=items):
                for item in items:
                    sheet.append([item])
            case Table(headers=headers, rows=rows):
                sheet.append(list(headers))
                for cell in sheet[sheet.max_row]:
                    cell.font = Font(bold=True)
                for row in rows:
                    sheet.append([_number(cell) for cell in row])
    return _saved(out.save, doc.date)


def _number(cell: str) -> str | int:
    return int(cell) if re.fullmatch(r"[1-9]\d{0,8}", cell) else cell


def _pdf(doc: Doc) -> bytes:
    styles = getSampleStyleSheet()
    body = styles["BodyText"]
    story: list = [PdfParagraph(html.escape(doc.title), styles["Title"]), Spacer(1, 0.4 * cm)]
    story.append(PdfParagraph(f"Edition of {_day(doc.date)}", body))
    for block in doc.blocks:
        match block:
            case Heading(text=text, level=level):
                story.append(PdfParagraph(html.escape(text), styles[f"Heading{level}"]))
            case Paragraph(text=text):
                story.append(PdfParagraph(html.escape(text), body))
            case Items(items=items):
                entries = [ListItem(PdfParagraph(html.escape(item), body)) for item in items]
                story.append(ListFlowable(entries, bulletType="bullet"))
            case Table(headers=headers, rows=rows):
                cells = [
                    [PdfParagraph(html.escape(cell), body) for cell in row]
                    for row in (headers, *rows)
                ]
                grid = [("GRID", (0, 0), (-1, -1), 0.5, colors.grey)]
                story.append(PdfTable(cells, style=grid, repeatRows=1))
                story.append(Spacer(1, 0.3 * cm))
    out = io.BytesIO()

    def footer(canvas: Canvas, template: SimpleDocTemplate) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(2 * cm, 1.2 * cm, f"{doc.title} - page {template.page}")

    SimpleDocTemplate(
        out, pagesize=A4, title=doc.title, author="Tarnbeck Pumps", invariant=1, pageCompression=0
    ).build(story, onFirstPage=footer, onLaterPages=footer)
    # Same length, so the offsets of the cross-reference table stay right.
    return out.getvalue().replace(b"D:20000101000000", f"D:{doc.date:%Y%m%d}000000".encode())


def _saved(save: Callable[[io.BytesIO], None], date: datetime.date) -> bytes:
    """An office file with every time in it set to the document's date."""
    raw = io.BytesIO()
    save(raw)
    stamp = f"{date.isoformat()}T12:00:00Z".encode()
    out = io.BytesIO()
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "docProps/core.xml":
                data = re.sub(rb"(<dcterms:\w+[^>]*>)[^<]*", rb"\g<1>" + stamp, data)
            info = zipfile.ZipInfo(name, (date.year, date.month, date.day, 12, 0, 0))
            info.external_attr = 0o600 << 16
            info.create_system = 3
            target.writestr(info, data)
    return out.getvalue()


_NOON = datetime.time(12, 0, tzinfo=datetime.UTC)
_FORMATS: dict[str, Callable[[Doc], bytes]] = {
    "md": _markdown,
    "html": _html,
    "csv": _csv,
    "eml": _eml,
    "docx": _docx,
    "pptx": _pptx,
    "xlsx": _xlsx,
    "pdf": _pdf,
}
