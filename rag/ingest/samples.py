"""The smallest documents of each kind, to see whether the parsers here work at all."""

from __future__ import annotations

import io
import zipfile

from rag.types import RawDocument

WORDS = "Every parser reads this sentence."
_SCHEMAS = "http://schemas.openxmlformats.org"
_DOCX = {
    "[Content_Types].xml": f"""<Types xmlns="{_SCHEMAS}/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/word/document.xml" ContentType=
"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>""",
    "_rels/.rels": f"""<Relationships xmlns="{_SCHEMAS}/package/2006/relationships">
<Relationship Id="r1" Target="word/document.xml"
Type="{_SCHEMAS}/officeDocument/2006/relationships/officeDocument"/></Relationships>""",
    "word/document.xml": f"""<w:document xmlns:w="{_SCHEMAS}/wordprocessingml/2006/main">
<w:body><w:p><w:r><w:t>{WORDS}</w:t></w:r></w:p></w:body></w:document>""",
}
_PDF_TEXT = f"BT /F1 12 Tf 72 720 Td ({WORDS}) Tj ET"
_PDF = (
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
    "/Resources << /Font << /F1 5 0 R >> >> >>",
    f"<< /Length {len(_PDF_TEXT)} >>\nstream\n{_PDF_TEXT}\nendstream",
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
)


def samples() -> list[RawDocument]:
    """One document for each parser that must work; every one says WORDS."""
    return [
        _raw("sample.docx", _docx()),
        _raw("sample.html", f"<html><body><p>{WORDS}</p></body></html>".encode()),
        _raw("sample.pdf", _pdf()),
        _raw("sample.csv", f"Text,Number\n{WORDS},1\n".encode()),
    ]


def _raw(name: str, data: bytes) -> RawDocument:
    return RawDocument(key=name, uri=f"ratchet:{name}", name=name, data=data)


def _docx() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in _DOCX.items():
            archive.writestr(name, content)
    return target.getvalue()


def _pdf() -> bytes:
    parts = ["%PDF-1.4\n"]
    offsets: list[int] = []
    for number, content in enumerate(_PDF, 1):
        offsets.append(sum(map(len, parts)))
        parts.append(f"{number} 0 obj\n{content}\nendobj\n")
    table = sum(map(len, parts))
    parts.append(f"xref\n0 {len(_PDF) + 1}\n0000000000 65535 f \n")
    parts.extend(f"{offset:010d} 00000 n \n" for offset in offsets)
    parts.append(f"trailer\n<< /Size {len(_PDF) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n")
    return "".join(parts).encode()
