"""PDF text layers by pdfium: every run of characters with its place, and nothing else opened."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar, cast

import pypdfium2
import pypdfium2.raw as pdfium

from rag.backends.drafting import Draft
from rag.backends.ocr import DPI, MAX_PIXELS, Ocr, require_text
from rag.backends.pdf_layout import CELL_GAP, Page, Run, lay_out
from rag.config import ParsingSettings
from rag.errors import DocumentRejected
from rag.types import Document, RawDocument

SOFT_HYPHENS = {0x02: 0xAD, 0xFFFE: 0xAD}
WORD = re.compile("[^\\s\x00\x01]+")
SURROGATE = re.compile("[\ud800-\udfff]")
DATE = re.compile(
    r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([+-])(\d\d)'?(\d\d)?|Z)?", re.ASCII
)
STACKED = re.compile(rb"/Filter\s*\[\s*(?:/Fl(?:ateDecode)?\s*){2,}")
NEAR_WHITE = 245
TINY = 1.0


class PdfParser:
    """Reads the text layer with page numbers and boxes.

    Pages that show something but have no text are read by OCR where it is installed; a PDF without
    any text is rejected.
    """

    media_types: ClassVar[frozenset[str]] = frozenset({"application/pdf"})

    def __init__(self, settings: ParsingSettings) -> None:
        self._settings = settings

    def parse(self, raw: RawDocument, media_type: str) -> Document:
        draft = Draft(media_type)
        with closing(_open(raw)) as pdf:
            count = len(pdf)
            if count > self._settings.max_pages:
                raise DocumentRejected(
                    "page_limit",
                    f"'{raw.name}' has {count:,} pages; {self._settings.max_pages:,} are read.",
                    hint="Split the document or raise parsing.max_pages.",
                )
            draft.pages = count
            _facts(draft, pdf, raw.data)
            ocr = Ocr.found(self._settings)
            pages, broken = _pages(pdf, count, ocr)
        if count == 0 or broken == count:
            raise _corrupt(raw.name, "has no page that can be read")
        if broken:
            draft.warn(f"corrupt: {broken} of {count} pages could not be read")
        require_text(raw.name, pages, ocr, "has no text layer; it is probably a scan")
        lay_out(draft, pages)
        if ocr is not None:
            ocr.note(draft)
        return draft.build()


def _open(raw: RawDocument) -> pypdfium2.PdfDocument:
    """The document, opened with the empty password. Raises DocumentRejected."""
    if b"startxref" not in raw.data[-100_000:]:
        raise _corrupt(raw.name, "is cut off")
    if STACKED.search(raw.data):
        raise DocumentRejected(
            "resource_limit",
            f"'{raw.name}' compresses a stream twice, as only bombs do.",
            hint="Print it to a new PDF and retry.",
        )
    try:
        return pypdfium2.PdfDocument(raw.data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise DocumentRejected(
                "encrypted", f"'{raw.name}' is encrypted.", hint="Remove the password and retry."
            ) from error
        raise _corrupt(raw.name, "is no readable PDF") from error


def _corrupt(name: str, what: str) -> DocumentRejected:
    return DocumentRejected("corrupt", f"'{name}' {what}.", hint="Save it anew and retry.")


def _facts(draft: Draft, pdf: pypdfium2.PdfDocument, data: bytes) -> None:
    """Title, dates, and warnings of what a PDF can do beyond being read."""
    facts = pdf.get_metadata_dict()
    title = str(facts.get("Title") or "").strip()
    draft.title = "" if title.lower() in {"untitled", "(anonymous)"} else title
    draft.created_at = _date(str(facts.get("CreationDate") or ""))
    draft.modified_at = _date(str(facts.get("ModDate") or ""))
    if pdfium.FPDFDoc_GetJavaScriptActionCount(pdf.raw) > 0 or re.search(
        rb"/(?:JavaScript|JS|Launch)\b", data
    ):
        draft.warn("active_content: never run")
    if attached := pdf.count_attachments():
        draft.warn(f"embedded_files: {attached} not opened")


def _date(text: str) -> datetime | None:
    found = DATE.match(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(found[n] or d) for n, d in enumerate(
        (0, 1, 1, 0, 0, 0), start=1))  # fmt: skip
    zone = UTC
    if found[7]:
        offset = timedelta(hours=int(found[8]), minutes=int(found[9] or 0))
        zone = timezone(offset if found[7] == "+" else -offset)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None


def _pages(pdf: pypdfium2.PdfDocument, count: int, ocr: Ocr | None) -> tuple[list[Page], int]:
    """Every page's runs, and how many pages could not be loaded."""
    pages: list[Page] = []
    broken = 0
    for number in range(1, count + 1):
        try:
            page = pdf[number - 1]
        except pypdfium2.PdfiumError:
            broken += 1
            continue
        left, bottom, right, top = page.get_bbox()
        with closing(page), closing(page.get_textpage()) as text:
            runs = list(_runs(text.raw, (left, bottom, right, top)))
            if any(run.pale for run in runs):
                grounds = list(_grounds(page))
                runs = [run.on(grounds) for run in runs]
            seen = Page(number, right - left, top - bottom, runs)
            if ocr is not None and not runs and any(page.get_objects(max_depth=1)):
                seen = _read_as_picture(page, number, ocr)
        pages.append(seen)
    return pages, broken


def _read_as_picture(page: pypdfium2.PdfPage, number: int, ocr: Ocr) -> Page:
    """The page with what OCR sees on it, in the page's own points as far as it stands upright."""
    width, height = page.get_size()
    scale = min(DPI / 72, math.sqrt(MAX_PIXELS / max(1.0, width * height)))
    with closing(page.render(scale=cast(Any, scale), grayscale=True)) as drawn:
        seen = ocr.page(number, drawn.to_pil(), scale)
    left, bottom, _, _ = page.get_bbox()
    runs = [
        replace(run, x0=run.x0 + left, y0=run.y0 + bottom, x1=run.x1 + left, y1=run.y1 + bottom)
        for run in seen.runs
    ]
    return replace(seen, runs=runs, turned=page.get_rotation() != 0)


def _runs(text: Any, bounds: tuple[float, float, float, float]) -> Iterator[Run]:
    """Words of one line without a wide gap, in the order in which they were drawn.

    Only a word's first and last character are asked for their place: asking each takes six times
    as long.
    """
    box = pdfium.FS_RECTF()
    place = ctypes.byref(box)
    get_box = pdfium.FPDFText_GetLooseCharBox
    units = _units(text)
    words: list[str] = []
    first = end = 0
    x0 = y0 = x1 = y1 = 0.0

    def closed() -> Iterator[Run]:
        if words:
            yield _run(text, first, " ".join(words), (x0, y0, x1, y1), bounds)
            words.clear()

    for found in WORD.finditer(units):
        if not get_box(text, found.start(), place):
            continue
        left, low, right, up = box.left, box.bottom, box.right, box.top
        if get_box(text, found.end() - 1, place) and box.right > left:
            right, low, up = box.right, min(low, box.bottom), max(up, box.top)
        height = max(up - low, 0.1)
        if words:
            parted = any(mark in units[end : found.start()] for mark in "\r\n")
            same_line = abs((up + low) - (y0 + y1)) < height
            if parted or not same_line or left - x1 > CELL_GAP * height or left < x0 - height:
                yield from closed()
        if words:
            x1, y0, y1 = max(x1, right), min(y0, low), max(y1, up)
        else:
            first, x0, y0, x1, y1 = found.start(), left, low, right, up
        words.append(_word(found.group()))
        end = found.end()
    yield from closed()


def _units(text: Any) -> str:
    """One character per index that pdfium counts: halves of pairs stay apart."""
    count = max(0, pdfium.FPDFText_CountChars(text))
    buffer = (ctypes.c_ushort * (count + 1))()
    if pdfium.FPDFText_GetText(text, 0, count, buffer) == count + 1:
        return "".join(map(chr, buffer[:count]))
    # Characters without a code are left out of the text but not of the count.
    codes = (pdfium.FPDFText_GetUnicode(text, index) for index in range(count))
    return "".join(chr(code) if 0 < code < 0x110000 else " " for code in codes)


def _word(units: str) -> str:
    word = units.translate(SOFT_HYPHENS)
    if SURROGATE.search(word):
        word = word.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return word


def _run(
    text: Any,
    index: int,
    body: str,
    box: tuple[float, float, float, float],
    bounds: tuple[float, float, float, float],
) -> Run:
    x0, y0, x1, y1 = box
    off_page = x1 < bounds[0] or x0 > bounds[2] or y1 < bounds[1] or y0 > bounds[3]
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    colours = (red, green, blue, alpha)
    coloured = pdfium.FPDFText_GetFillColor(text, index, *(ctypes.byref(c) for c in colours))
    pale = bool(coloured) and (
        min(red.value, green.value, blue.value) >= NEAR_WHITE or alpha.value < 10
    )
    return Run(body, x0, y0, x1, y1, hidden=off_page or y1 - y0 < TINY, pale=pale)


def _grounds(page: pypdfium2.PdfPage) -> Iterator[tuple[float, float, float, float]]:
    """Areas that are painted, on which white letters are read well."""
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    for item in page.get_objects(max_depth=2):
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            yield item.get_bounds()
        elif item.type == pdfium.FPDF_PAGEOBJ_PATH:
            colours = (ctypes.byref(c) for c in (red, green, blue, alpha))
            painted = pdfium.FPDFPageObj_GetFillColor(item.raw, *colours)
            if painted and alpha.value and min(red.value, green.value, blue.value) < NEAR_WHITE:
                yield item.get_bounds()
