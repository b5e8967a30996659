"""What people call a file, and by which media types they mean it; needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class FileKind(StrEnum):
    """What people call the file that a document was read from."""

    PDF = "pdf"
    WORD = "word"
    SPREADSHEET = "spreadsheet"
    SLIDES = "slides"
    WEB = "web"
    MAIL = "mail"
    TEXT = "text"
    IMAGE = "image"
    BOOK = "book"
    DATA = "data"
    OTHER = "other"


_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
_NAMED: Mapping[str, FileKind] = {
    "application/pdf": FileKind.PDF,
    f"{_OFFICE}wordprocessingml.document": FileKind.WORD,
    "application/msword": FileKind.WORD,
    f"{_OPEN}text": FileKind.WORD,
    "application/rtf": FileKind.WORD,
    "text/rtf": FileKind.WORD,
    f"{_OFFICE}spreadsheetml.sheet": FileKind.SPREADSHEET,
    "application/vnd.ms-excel": FileKind.SPREADSHEET,
    f"{_OPEN}spreadsheet": FileKind.SPREADSHEET,
    "text/csv": FileKind.SPREADSHEET,
    "text/tab-separated-values": FileKind.SPREADSHEET,
    f"{_OFFICE}presentationml.presentation": FileKind.SLIDES,
    "application/vnd.ms-powerpoint": FileKind.SLIDES,
    f"{_OPEN}presentation": FileKind.SLIDES,
    "text/html": FileKind.WEB,
    "application/xhtml+xml": FileKind.WEB,
    "message/rfc822": FileKind.MAIL,
    "application/vnd.ms-outlook": FileKind.MAIL,
    "application/epub+zip": FileKind.BOOK,
    "application/json": FileKind.DATA,
    "application/jsonl": FileKind.DATA,
    "application/xml": FileKind.DATA,
    "text/xml": FileKind.DATA,
}
_BY_FAMILY = {"image": FileKind.IMAGE, "text": FileKind.TEXT}


def file_kind(media_type: str) -> FileKind:
    """`other` for what only the parser of a pack reads."""
    family = media_type.partition("/")[0]
    return _NAMED.get(media_type) or _BY_FAMILY.get(family, FileKind.OTHER)
