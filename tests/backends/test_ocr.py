"""OCR by the real tesseract where it is installed, by a false one for its faults, and without."""

import io
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from rag.backends.ocr import ImageParser
from rag.backends.pdf import PdfParser
from rag.config import ParsingSettings
from rag.errors import DocumentRejected
from rag.types import Document, RawDocument
from tests.backends.test_pdf import BODY, HEAD, LONG, ROWS, TITLE, made, table

real = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="tesseract is not installed (tesseract-ocr)"
)


def printed() -> bytes:
    return made(
        Paragraph("Pump manual", TITLE),
        Paragraph("Storage", HEAD),
        Paragraph("Keep the turbine pump TX-9 dry and at eleven degrees. " * 4, BODY),
        table(ROWS),
        Paragraph("Start", HEAD),
        Paragraph(LONG, BODY),
    )


def picture(data: bytes, dpi: int = 200) -> Image.Image:
    """The first page as a scanner would give it."""
    with closing(pypdfium2.PdfDocument(data)) as pdf:
        return pdf[0].render(scale=dpi / 72, grayscale=True).to_pil().copy()


def scan(*, text: str = "", turned: bool = False) -> bytes:
    """A PDF of one picture, behind a page of `text` if there is any."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4)
    if text:
        canvas.setFont("Helvetica", 10)
        canvas.drawString(72, 700, text)
        canvas.showPage()
    if turned:
        canvas.setPageSize(A4[::-1])
        canvas.setPageRotation(90)
        canvas.translate(A4[1], 0)
        canvas.rotate(90)
    canvas.drawImage(ImageReader(picture(printed())), 0, 0, *A4)
    canvas.showPage()
    canvas.showPage()
    canvas.save()
    return target.getvalue()


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def read(name: str, data: bytes, **settings: object) -> Document:
    chosen = ParsingSettings.model_validate(settings)
    raw = RawDocument(key=name, uri=f"memory:{name}", name=name, data=data)
    kinds = {".png": "image/png", ".jpg": "image/jpeg", ".tif": "image/tiff"}
    kind = kinds.get(Path(name).suffix, "application/pdf")
    parser = PdfParser if kind == "application/pdf" else ImageParser
    return parser(chosen).parse(raw, kind)


def outline(document: Document) -> list[tuple[str, int | None, str]]:
    return [(b.kind, b.page, document.text[b.start : b.end]) for b in document.blocks]


@real
def test_a_scan_is_read_as_its_text_layer_would_be() -> None:
    """6: the same headings, paragraphs and tables, at the same places."""
    expected, document = read("a.pdf", printed()), read("scan.pdf", scan())
    assert [kind for kind, _, _ in outline(document)] == [kind for kind, _, _ in outline(expected)]
    for block, like in zip(document.blocks, expected.blocks, strict=True):
        text = document.text[block.start : block.end]
        assert text.split()[0] == expected.text[like.start : like.end].split()[0]
        (box,), (there,) = block.boxes, like.boxes
        places = zip((box.x0, box.y0, box.x1, box.y1), (there.x0, there.y0, there.x1, there.y1),
                     strict=True)  # fmt: skip
        assert all(abs(one - other) < 5 for one, other in places)
        assert block.page == 1
    assert document.pages == 2
    (warning,) = document.warnings
    assert warning.startswith("ocr: 1 page read from pictures (eng), 9")


@real
def test_only_pages_without_text_are_read_as_pictures() -> None:
    document = read("mixed.pdf", scan(text="The cover letter."))
    assert outline(document)[0] == ("text", 1, "The cover letter.")
    assert any(page == 2 and "eleven degrees" in text for _, page, text in outline(document))
    assert document.warnings[0].startswith("ocr: 1 page")


@real
def test_on_a_turned_page_the_words_are_read_and_not_placed_wrongly() -> None:
    document = read("turned.pdf", scan(turned=True))
    assert "eleven degrees" in document.text
    assert all(block.page == 1 and not block.boxes for block in document.blocks)


@real
@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.tif", "TIFF")])
def test_an_image_is_read(name: str, kind: str) -> None:
    document = read(name, saved(picture(printed()), kind))
    assert "eleven degrees" in document.text
    assert document.pages == 1
    assert document.blocks[0].boxes[0].page == 1
    assert document.blocks[0].boxes[0].x1 > 595  # pixels, of which the page is 1654 wide


@real
def test_a_transparent_image_and_one_that_lies_on_its_side_are_read() -> None:
    page = picture(printed())
    clear = Image.new("LA", page.size, (0, 0))
    clear.putalpha(page.point(lambda shade: 255 - shade))
    assert "eleven degrees" in read("a.png", saved(clear, "PNG")).text
    exif = Image.Exif()
    exif[0x0112] = 8
    lying = saved(page.transpose(Image.Transpose.ROTATE_270), "JPEG", exif=exif)
    assert "eleven degrees" in read("a.jpg", lying).text


@real
def test_the_pages_of_a_tiff_are_pages_and_counted() -> None:
    second = picture(made(Paragraph("Quite another page about gaskets.", BODY)))
    data = saved(picture(printed()), "TIFF", save_all=True, append_images=[second])
    document = read("a.tif", data)
    assert document.pages == 2
    assert any(page == 2 and "gaskets" in text for _, page, text in outline(document))
    with pytest.raises(DocumentRejected) as caught:
        read("a.tif", data, max_pages=1)
    assert caught.value.reason == "page_limit"


@real
def test_a_picture_without_letters_and_a_language_that_is_not_there_are_no_text() -> None:
    blank = saved(Image.new("L", (300, 300), 255), "PNG")
    assert "found no letters" in refused("a.png", blank).message
    wrong = refused("scan.pdf", scan(), ocr_languages="xqz")
    assert "xqz" in wrong.message
    assert "ocr_languages" in wrong.hint


# --- without it, and with one that misbehaves ------------------------------------------------


def refused(name: str, data: bytes, **settings: object) -> DocumentRejected:
    with pytest.raises(DocumentRejected) as caught:
        read(name, data, **settings)
    assert caught.value.reason == "no_text_layer"
    return caught.value


@pytest.fixture
def tesseract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a shell script in its place."""

    def put(script: str) -> None:
        path = tmp_path / "tesseract"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return put


def test_without_the_command_a_scan_is_no_text_and_the_package_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    for name, data in (("scan.pdf", scan()), ("a.png", saved(picture(printed()), "PNG"))):
        rejection = refused(name, data)
        assert name in rejection.message
        assert "apt install tesseract-ocr" in rejection.hint
    assert read("mixed.pdf", scan(text="The cover letter.")).text == "The cover letter."


def test_without_languages_it_is_off(tesseract: Callable[[str], None]) -> None:
    tesseract("exit 3")
    assert "ended with" not in refused("scan.pdf", scan(), ocr_languages="").message
    with pytest.raises(ValueError, match="ocr_languages"):
        ParsingSettings(ocr_languages="--psm")


def test_a_failing_command_costs_only_the_pictures(tesseract: Callable[[str], None]) -> None:
    tesseract("echo no such language >&2; exit 3")
    assert "ended with 3: no such language" in refused("scan.pdf", scan()).message
    document = read("mixed.pdf", scan(text="The cover letter."))
    assert document.text == "The cover letter."
    assert document.warnings == ("ocr_failed: tesseract ended with 3: no such language",)


def test_time_for_pictures_is_bounded(tesseract: Callable[[str], None]) -> None:
    tesseract("exec /bin/sleep 60")
    assert "longer than 0.8 s" in refused("scan.pdf", scan(), wall_seconds=1).message
    document = read("mixed.pdf", scan(text="The cover letter."), wall_seconds=1)
    assert document.warnings == ("ocr_incomplete: 1 page not read in 0.8 s",)


ANIMATED = {"save_all": True, "append_images": [Image.new("L", (9, 9), 9)]}
IMAGES: dict[str, Callable[[], bytes]] = {
    "large.png": lambda: saved(Image.new("1", (9_000, 9_000)), "PNG"),
    "huge.png": lambda: saved(Image.new("1", (14_000, 14_000)), "PNG"),
    "animated.png": lambda: saved(Image.new("L", (9, 9)), "PNG", **ANIMATED),
    "cut.jpg": lambda: saved(picture(printed()), "JPEG")[:20_000],
    "cut.tif": lambda: saved(picture(printed()), "TIFF")[:20_000],
    "head.png": lambda: b"\x89PNG\r\n\x1a\n",
}


@pytest.mark.parametrize("name", IMAGES)
def test_46_an_image_that_is_too_large_animated_or_cut_is_rejected(
    tesseract: Callable[[str], None], name: str
) -> None:
    tesseract("exit 3")
    with pytest.raises(DocumentRejected) as caught:
        read(name, IMAGES[name]())
    assert caught.value.reason == "pixels"
