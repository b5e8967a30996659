"""What a document is by its content, whatever its name claims, and what its bytes spell."""

from __future__ import annotations

import io
import re
from contextlib import closing
from pathlib import PurePath
from typing import Any, cast

import olefile

from rag.errors import DocumentRejected
from rag.ingest import archives

TEXT = "text/plain"
PDF = "application/pdf"
DOC, XLS, PPT = "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"
MSG = "application/vnd.ms-outlook"
HTML, EML = "text/html", "message/rfc822"
XML = "application/xml"

MEDIA_TYPE_BY_SUFFIX = {
    ".pdf": PDF,
    ".docx": archives.TYPE_BY_FOLDER["word/"],
    ".docm": archives.TYPE_BY_FOLDER["word/"],
    ".xlsx": archives.TYPE_BY_FOLDER["xl/"],
    ".xlsm": archives.TYPE_BY_FOLDER["xl/"],
    ".pptx": archives.TYPE_BY_FOLDER["ppt/"],
    ".pptm": archives.TYPE_BY_FOLDER["ppt/"],
    ".odt": "application/vnd.oasis.opendocument.text",
    ".epub": "application/epub+zip",
    ".doc": DOC,
    ".xls": XLS,
    ".ppt": PPT,
    ".msg": MSG,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".eml": EML,
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": TEXT,
    ".text": TEXT,
    ".log": TEXT,
    ".rst": "text/x-rst",
    ".org": "text/org",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
    ".xml": XML,
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".gif": "image/gif",
    ".zip": "application/zip",
}
TEXT_TYPES = {
    TEXT, HTML, XML, "text/markdown", "text/x-rst", "text/org", "text/csv",
    "text/tab-separated-values", "application/json", "application/jsonl",
}  # fmt: skip
"""Decoded here, so that every parser of them gets UTF-8. Mail is not: its parts name their own."""

MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ", "application/x-executable"),
    (b"\xca\xfe\xba\xbe", "application/x-executable"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"{\\rtf", "application/rtf"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
TEXTUAL_MAGIC = {b"BM", b"MZ", b"BZh", b"ID3", b"GIF8"}
"""Also beginnings of ordinary words: believed only before bytes that are no text."""
MAIL_HEAD = re.compile(
    rb"\A(?:From [^\r\n]+\r?\n)?(?:[A-Za-z0-9-]{2,60}:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*){2,}"
)
MAIL_FIELDS = re.compile(rb"(?im)^(?:from|received|return-path|mime-version|message-id):")
HTML_HEAD = re.compile(
    rb"(?is)\A\s*(?:<\?xml[^>]{0,200}>\s*|<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html|head|body)\b"
)
BINARY_CONTROL = bytes(set(range(32)) - {9, 10, 12, 13, 27})


def named_type(name: str) -> str | None:
    """The media type that a file name promises."""
    return MEDIA_TYPE_BY_SUFFIX.get(PurePath(name.lower()).suffix)


def media_type(data: bytes, name: str, declared: str | None) -> str:
    """The media type of non-empty `data`; for text, the name and then `declared` decide the kind.

    A zip is called application/zip: what it holds is for `archives.inspect` to say.
    """
    if b"%PDF-" in data[:1024]:
        return PDF
    if data[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        return "application/zip"
    if data[:8] == OLE:
        return _ole_type(data, name)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    textual = looks_textual(data)
    for magic, kind in MAGIC:
        if data.startswith(magic) and not (textual and magic in TEXTUAL_MAGIC):
            return kind
    if not textual:
        return "application/octet-stream"
    promised = named_type(name) or declared
    if promised in TEXT_TYPES - {TEXT} or promised == EML:
        return promised
    if HTML_HEAD.match(data[:4096]):
        return HTML
    head = MAIL_HEAD.match(data[:8192])
    if head and MAIL_FIELDS.search(head.group()):
        return EML
    return TEXT


def looks_textual(data: bytes) -> bool:
    """False for bytes that are no text in any encoding."""
    sample = data[:65_536]
    if sample.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) or wide(sample):
        return True
    controls = len(sample) - len(sample.translate(None, BINARY_CONTROL))
    return controls <= 0.1 * len(sample)


def wide(sample: bytes) -> str | None:
    """The UTF-16 of text without a byte order mark: zeros on one side of nearly every pair."""
    sample = sample[:65_536]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    pairs = max(1, len(sample) // 2)
    if odd > 0.4 * pairs and even < 0.05 * pairs:
        return "utf-16-le"
    if even > 0.4 * pairs and odd < 0.05 * pairs:
        return "utf-16-be"
    return None


def _ole_type(data: bytes, name: str) -> str:
    """Which of the old compound formats. Raises DocumentRejected(encrypted | corrupt)."""
    try:
        with closing(cast(Any, olefile).OleFileIO(io.BytesIO(data))) as ole:
            streams: set[str] = {"/".join(parts) for parts in ole.listdir()}
    except Exception as error:
        raise DocumentRejected(
            "corrupt", f"'{name}' is a damaged file ({error}).", hint="Save it anew and retry."
        ) from error
    if "EncryptedPackage" in streams:
        raise DocumentRejected(
            "encrypted", f"'{name}' is encrypted.", hint="Remove the password and retry."
        )
    if "WordDocument" in streams:
        return DOC
    if "PowerPoint Document" in streams:
        return PPT
    if streams & {"Workbook", "Book"}:
        return XLS
    if any(stream.startswith("__properties_version1.0") for stream in streams):
        return MSG
    return "application/octet-stream"
