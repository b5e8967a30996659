"""Text in pictures, scanned pages and image files, by the tesseract command where it is installed.

What it reads becomes runs with places, as a text layer has them, so that headings, tables and boxes
come about in the same way. The command runs inside the parser's process group and limits.
"""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape
from typing import ClassVar

from PIL import Image, ImageOps, ImageSequence

from rag.backends.drafting import Draft
from rag.backends.pdf_layout import CELL_GAP, Page, Run, lay_out
from rag.config import ParsingSettings
from rag.errors import DocumentRejected, counted
from rag.types import Document, RawDocument

PNG, JPEG, TIFF = "image/png", "image/jpeg", "image/tiff"
FORMATS = {PNG: "PNG", JPEG: "JPEG", TIFF: "TIFF"}
DPI = 300
"""Resolution at which a page is drawn for reading."""
MAX_PIXELS = 50_000_000
"""Largest picture read; a larger page is drawn smaller, a larger image is rejected."""
TIME_SHARE = 0.8
"""How much of a document's wall-clock time reading pictures may take."""
LEAST_CONFIDENCE = 30
"""Below this, in percent, a word is noise in a drawing rather than a word."""
SAME_SIZE = 1.25
"""Letters that differ less are taken for the same size: heights are measured from blots."""
LEADING = 1.2
"""A text layer's boxes span the whole line, letters measured from pixels only themselves."""
LINE = re.compile(
    r"<span class='ocr_(?:line|header|caption|textfloat)'[^>]*title=\"(?P<place>[^\"]*)\">"
    r"(?P<words>.*?)\n\s*</span>\s*(?=<span class='ocr_|</p>)",
    re.DOTALL,
)
WORD = re.compile(
    r"<span class='ocrx_word'[^>]*title='bbox (\d+) (\d+) (\d+) (\d+); x_wconf (\d+)[^']*'[^>]*>"
    r"(.*?)</span>",
    re.DOTALL,
)
NUMBERS = re.compile(r"(bbox|baseline|x_size|x_descenders)((?: -?[\d.]+)+)")
HINT = "Install OCR (Debian: apt install tesseract-ocr), then: rag source retry."


@dataclass(frozen=True)
class _Line:
    """A line of a picture, in pixels from the top left: where letters stand, and how tall."""

    base: float
    descent: float
    size: float
    words: list[tuple[float, float, int, str]]

    @property
    def length(self) -> int:
        return sum(len(word[3]) for word in self.words)


class Ocr:
    """Reads the pictures of one document, as long as its time allows."""

    def __init__(self, program: str, settings: ParsingSettings) -> None:
        self._program = program
        self._languages = settings.ocr_languages
        self._seconds = TIME_SHARE * settings.wall_seconds
        self._deadline = time.monotonic() + self._seconds
        self._read = self._left = 0
        self._confidences: list[int] = []
        self._problem = ""

    @classmethod
    def found(cls, settings: ParsingSettings) -> Ocr | None:
        """A reader for one document; None where the command is absent or OCR is off."""
        program = shutil.which("tesseract") if settings.ocr_languages else None
        return cls(program, settings) if program else None

    def page(self, number: int, picture: Image.Image, scale: float = 1) -> Page:
        """A page with what its picture says; `scale` is in pixels per point, 1 if not known."""
        width, height = picture.width / scale, picture.height / scale
        lines = self._lines(picture, scale) if self._in_time() else []
        runs = [run for line in _settled(lines) for run in _runs(line, scale, height)]
        return Page(number, width, height, runs)

    def note(self, draft: Draft) -> None:
        """Warn that text was guessed from pictures, how surely, and of what was not read."""
        if self._confidences:
            sure = sum(self._confidences) / len(self._confidences)
            draft.warn(
                f"ocr: {counted(self._read, 'page')} read from pictures ({self._languages}), "
                f"{sure:.0f}% sure"
            )
        if self._left:
            draft.warn(
                f"ocr_incomplete: {counted(self._left, 'page')} not read in {self._seconds:g} s"
            )
        if self._problem:
            draft.warn(f"ocr_failed: {self._problem}")

    def why_nothing(self) -> str:
        """Why a document of pictures came to no text."""
        return self._problem or (
            f"it took longer than {self._seconds:g} s" if self._left else "it found no letters"
        )

    def _in_time(self) -> bool:
        if time.monotonic() < self._deadline:
            return True
        self._left += 1
        return False

    def _lines(self, picture: Image.Image, scale: float) -> list[_Line]:
        sent = io.BytesIO()
        picture.save(sent, "PPM")
        known = ["--dpi", str(round(72 * scale))] if scale != 1 else []
        try:
            # One thread, since parsers run side by side already.
            done = subprocess.run(
                [self._program, "-", "-", "-l", self._languages, *known, "hocr"],
                input=sent.getbuffer(),
                capture_output=True,
                timeout=max(0.1, self._deadline - time.monotonic()),
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
                check=False,
            )
        except subprocess.TimeoutExpired:
            self._left += 1
            return []
        if done.returncode:
            said = " ".join(done.stderr.decode(errors="replace").split())[:200]
            self._problem = f"tesseract ended with {done.returncode}: {said or 'no message'}"
            return []
        lines = list(_parsed(done.stdout.decode(errors="replace")))
        self._read += bool(lines)
        self._confidences += [word[2] for line in lines for word in line.words]
        return lines


class ImageParser:
    """Reads png, jpg and tiff files by OCR; in boxes of an image, a point is a pixel."""

    media_types: ClassVar[frozenset[str]] = frozenset(FORMATS)

    def __init__(self, settings: ParsingSettings) -> None:
        self._settings = settings

    def parse(self, raw: RawDocument, media_type: str) -> Document:
        draft = Draft(media_type)
        with _opened(raw, media_type) as image:
            frames: int = getattr(image, "n_frames", 1)
            if media_type == PNG and frames > 1:
                raise _unreadable(raw.name, "is animated")
            draft.pages = count = frames if media_type == TIFF else 1
            if count > self._settings.max_pages:
                raise DocumentRejected(
                    "page_limit",
                    f"'{raw.name}' has {count:,} pages; {self._settings.max_pages:,} are read.",
                    hint="Split the document or raise parsing.max_pages.",
                )
            ocr = Ocr.found(self._settings)
            pages = [] if ocr is None else list(_pages(raw.name, image, count, ocr))
        require_text(raw.name, pages, ocr, "is an image")
        lay_out(draft, pages)
        if ocr is not None:
            ocr.note(draft)
        return draft.build()


def require_text(name: str, pages: list[Page], ocr: Ocr | None, what: str) -> None:
    """Raises DocumentRejected(no_text_layer) if no page holds text."""
    if any(page.runs for page in pages):
        return
    if ocr is None:
        raise DocumentRejected("no_text_layer", f"'{name}' {what}.", hint=HINT)
    raise DocumentRejected(
        "no_text_layer",
        f"'{name}' {what}, and OCR gave none: {ocr.why_nothing()}.",
        hint="Scan it with more contrast, check parsing.ocr_languages, or add the text itself.",
    )


def _opened(raw: RawDocument, media_type: str) -> Image.Image:
    """The image with only its head read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(raw.data), formats=[FORMATS[media_type]])
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _unreadable(raw.name, "has too many pixels") from error
    except Exception as error:
        raise _unreadable(raw.name, "is a damaged image") from error


def _pages(name: str, image: Image.Image, count: int, ocr: Ocr) -> Iterator[Page]:
    frames = ImageSequence.Iterator(image)
    for number in range(1, count + 1):
        try:
            frame = frames[number - 1]
            if frame.width * frame.height > MAX_PIXELS:
                raise _unreadable(name, f"has more than {MAX_PIXELS:,} pixels on a page")
            picture = _grey(ImageOps.exif_transpose(frame) or frame)
        except (OSError, SyntaxError, ValueError) as error:
            raise _unreadable(name, "is a damaged image") from error
        yield ocr.page(number, picture)


def _grey(image: Image.Image) -> Image.Image:
    """The image in shades of grey, on white where it is transparent."""
    if not image.has_transparency_data:
        return image.convert("L")
    with_alpha = image.convert("LA")
    ground = Image.new("L", image.size, 255)
    ground.paste(with_alpha.getchannel("L"), mask=with_alpha.getchannel("A"))
    return ground


def _unreadable(name: str, what: str) -> DocumentRejected:
    return DocumentRejected(
        "pixels", f"'{name}' {what}.", hint="Save it as an ordinary png or pdf."
    )


def _parsed(hocr: str) -> Iterator[_Line]:
    """The lines of tesseract's answer, without words that are none."""
    for line in LINE.finditer(hocr):
        facts = {name: [float(n) for n in rest.split()] for name, rest in NUMBERS.findall(line[1])}
        words = [
            (float(x0), float(x1), int(sure), unescape(re.sub(r"<[^>]*>", "", text)).strip())
            for x0, _, x1, _, sure, text in WORD.findall(line[2])
            if int(sure) >= LEAST_CONFIDENCE
        ]
        words = [word for word in words if word[3].strip("|_")]  # rules of a table
        if words and {"bbox", "x_size"} <= facts.keys():
            base = facts["bbox"][3] + facts.get("baseline", [0, 0])[1]
            descent = facts.get("x_descenders", [0])[0]
            yield _Line(base, descent, facts["x_size"][0], words)


def _settled(lines: list[_Line]) -> list[_Line]:
    """Lines of nearly the size of most letters get that size."""
    sizes = sorted(line.size for line in lines for _ in range(line.length))
    if not sizes:
        return []
    body = sizes[len(sizes) // 2]
    return [
        replace(line, size=body) if body / SAME_SIZE < line.size < body * SAME_SIZE else line
        for line in lines
    ]


def _runs(line: _Line, scale: float, page_height: float) -> Iterator[Run]:
    """Words of a line without a wide gap, in points from the bottom left."""
    margin = (LEADING - 1) / 2 * line.size
    y0 = page_height - (line.base + line.descent + margin) / scale
    y1 = y0 + LEADING * line.size / scale
    start = end = 0.0
    words: list[str] = []
    for x0, x1, _, text in line.words:
        if words and x0 - end > CELL_GAP * LEADING * line.size:
            yield Run(" ".join(words), start / scale, y0, end / scale, y1)
            words = []
        if not words:
            start = x0
        words.append(text)
        end = x1
    if words:
        yield Run(" ".join(words), start / scale, y0, end / scale, y1)
