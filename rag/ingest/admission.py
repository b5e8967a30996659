"""The one door to every parser: checks before it, the promises of a Document after it.

Before: size, content type, archive bombs, nesting, encoding. After: text there is, without
characters that deceive, within limits, with blocks that fit it, a title and a language.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from pathlib import PurePath

from rag.config import ParsingSettings
from rag.errors import DocumentFailed, DocumentRejected
from rag.ingest import archives, sniff
from rag.ingest.decoding import decode
from rag.ingest.finishing import finish
from rag.protocols import Parser
from rag.types import Document, RawDocument

MAX_DEPTH = 500
"""Deepest markup or JSON read; parsers recurse."""
VOID = "area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr|p|li|td|tr|th|dt|dd"
TAG = re.compile(rf"<(?P<close>/?)(?!(?:{VOID})\b)[a-zA-Z][^<>]*?(?P<empty>/?)>", re.IGNORECASE)
JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
QUOTE_DEPTH = re.compile(r"(?m)^[ \t]*((?:>[ \t]?){100,}|(?:(?:[-*+]|\d+[.)])[ \t]+){100,})")
INDENT_DEPTH = re.compile(r"(?m)^[ \t]{2000,}(?:[-*+]|\d+[.)])[ \t]")
FOREIGN_ARCHIVES = ("application/gzip", "application/x-", "application/vnd.rar")


PARSER_BROKEN = "parser_broken"
"""The reason of a failure that lies in the installation or the machine, not in the document."""
MACHINE_ERRORS = {
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOSPC,
    errno.ENOEXEC, errno.EROFS,
}  # fmt: skip
"""Parsers read bytes in memory: what the system itself refuses is no matter of the document."""
NOT_LOADED = re.compile(r"shared (?:object|library)|^dlopen\(", re.IGNORECASE)


class Reader:
    """Reads any document with the first parser that names its media type."""

    def __init__(self, parsers: Sequence[Parser], settings: ParsingSettings) -> None:
        self._settings = settings
        self._parsers: dict[str, Parser] = {}
        for parser in parsers:
            for media_type in parser.media_types:
                self._parsers.setdefault(media_type, parser)

    def read(self, raw: RawDocument) -> Document:
        """The finished Document. Raises DocumentRejected or DocumentFailed, nothing else."""
        admitted, media_type, warnings = self.admit(raw)
        parser = self._parsers.get(media_type)
        if parser is None:
            raise _unsupported(raw.name, media_type)
        try:
            document = parser.parse(admitted, media_type)
            return finish(document, raw, warnings, self._settings)
        except (DocumentRejected, DocumentFailed, MemoryError, RecursionError):
            raise
        except Exception as error:
            if _installation(error):
                raise DocumentFailed(
                    PARSER_BROKEN,
                    f"'{raw.name}' was not read: its parser does not work here ({_brief(error)}).",
                    hint="The document is not at fault. Run: rag doctor.",
                ) from error
            raise DocumentRejected(
                "corrupt",
                f"'{raw.name}' cannot be read as {media_type} ({_brief(error)}).",
                hint="Open it in its own program, save it anew and retry.",
            ) from error

    def admit(self, raw: RawDocument) -> tuple[RawDocument, str, tuple[str, ...]]:
        """The document as a parser may have it, what it is, and warnings.

        Raises DocumentRejected.
        """
        data, name = raw.data, raw.name
        if not data:
            raise DocumentRejected(
                "empty_file", f"'{name}' has no bytes.", hint="Check how it was written."
            )
        kind = sniff.media_type(data, name, raw.media_type)
        warnings: list[str] = []
        if kind == "application/zip":
            container = archives.inspect(data, name)
            data, kind = container.data, container.media_type
            warnings.extend(container.warnings)
        elif kind in sniff.TEXT_TYPES:
            markup = kind in {sniff.HTML, sniff.XML}
            text, doubts = decode(data, name, wide=sniff.wide(data), markup=markup)
            if "\x00" in text:
                text = text.replace("\x00", "")
                doubts = (*doubts, "control_characters: NUL removed")
            text = text.replace("\r\n", "\n").replace("\r", "\n")
            _check_depth(text, kind, name)
            data = text.encode(errors="replace")
            warnings.extend(doubts)
        promised = sniff.named_type(name)
        if promised and promised != kind:
            if kind == "application/octet-stream":
                raise DocumentRejected(
                    "corrupt",
                    f"'{name}' does not hold what its name says.",
                    hint="Save it anew and retry.",
                )
            warnings.append(f"extension_mismatch: the content is {kind}")
        return raw.model_copy(update={"data": data}), kind, tuple(warnings)


def _check_depth(text: str, kind: str, name: str) -> None:
    """Raises DocumentRejected(nesting) for what would exhaust a parser that recurses."""
    deep = False
    if kind in {sniff.HTML, sniff.XML}:
        deep = _markup_depth(text) > MAX_DEPTH
    elif kind == "application/json":
        deep = _json_depth(text) > MAX_DEPTH
    elif kind == "text/markdown":
        nested = QUOTE_DEPTH.search(text) or INDENT_DEPTH.search(text)
        deep = nested is not None or _markup_depth(text) > MAX_DEPTH
    if deep:
        raise DocumentRejected(
            "nesting", f"'{name}' is nested too deeply.", hint="Flatten its structure and retry."
        )


def _markup_depth(text: str) -> int:
    depth = deepest = 0
    for tag in TAG.finditer(text):
        if tag["close"]:
            depth = max(0, depth - 1)
        elif not tag["empty"]:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def _json_depth(text: str) -> int:
    depth = deepest = 0
    for token in JSON_TOKEN.finditer(text):
        first = token.group()[0]
        if first in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in "]}":
            depth -= 1
    return deepest


def _unsupported(name: str, media_type: str) -> DocumentRejected:
    if media_type.startswith("image/"):
        return DocumentRejected(
            "pixels",
            f"'{name}' is an image of a kind that is not read ({media_type}).",
            hint="Save it as png, jpg or tiff, or add a text version of it.",
        )
    hint = "Save it as PDF, docx, xlsx, pptx, HTML, Markdown or text."
    if media_type in {sniff.DOC, sniff.PPT}:
        hint = "Reading it needs LibreOffice; save it as docx, pptx or PDF."
    elif media_type == "application/zip" or media_type.startswith(FOREIGN_ARCHIVES):
        hint = "If it is an archive, unpack it and add the documents inside."
    suffix = PurePath(name).suffix or "no extension"
    return DocumentRejected(
        "unsupported", f"'{name}' ({suffix}, {media_type}) is not read.", hint=hint
    )


def _installation(error: BaseException | None) -> bool:
    """True where a library is missing or cannot be loaded, or the machine refuses it something."""
    if isinstance(error, ImportError):
        return True
    if isinstance(error, OSError) and (
        error.errno in MACHINE_ERRORS or NOT_LOADED.search(str(error))
    ):
        return True
    return error is not None and _installation(error.__cause__)


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
