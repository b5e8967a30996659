"""Bytes to text: the right encoding where it can be known, a warning where it was guessed."""

from __future__ import annotations

import codecs
import re

import charset_normalizer

from rag.errors import DocumentRejected

MAX_REPLACED = 0.05
"""Above this share of unreadable characters a text is no longer what its author wrote."""
DECLARED = re.compile(rb"""(?i)(?:charset|encoding)\s*=\s*["']?\s*([a-z0-9_.:-]{2,40})""")
UTF7 = re.compile(r"\+[A-Za-z0-9+/]{3,}-")
SAMPLE = 200_000
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(
    data: bytes, name: str, *, wide: str | None = None, markup: bool = False
) -> tuple[str, tuple[str, ...]]:
    """The text of `data` and warnings. Raises DocumentRejected(encoding).

    `wide` is UTF-16 recognised without a mark; `markup` allows a declaration inside the text.
    """
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return _replacing(data, encoding, name)
    if wide:
        text, warnings = _replacing(data, wide, name)
        return text, (*warnings, f"encoding: read as {wide} without a byte order mark")
    declared = DECLARED.search(data[:2048]) if markup else None
    if declared and (text := _strictly(data, declared.group(1).decode())) is not None:
        return text, ()
    if (text := _strictly(data, "utf-8")) is not None:
        return _utf7(text)
    if _mostly_utf8(data[:SAMPLE]):
        return _replacing(data, "utf-8", name)
    guess = charset_normalizer.from_bytes(data[:SAMPLE]).best()
    if guess is None:
        return _replacing(data, "utf-8", name)
    text, warnings = _replacing(data, guess.encoding, name)
    return text, (*warnings, f"encoding: guessed {guess.encoding}")


def _mostly_utf8(data: bytes) -> bool:
    """Whether words beyond ASCII are UTF-8 more often than not, or nearly so.

    Such words do not come about by chance: no other encoding spells whole words that way.
    """
    foreign = [word for word in data.split() if not word.isascii()]
    spelt = sum(1 for word in foreign if _strictly(word, "utf-8") is not None)
    return 3 * spelt >= len(foreign)


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        return None


def _replacing(data: bytes, encoding: str, name: str) -> tuple[str, tuple[str, ...]]:
    text = data.decode(encoding, errors="replace")
    share = text.count("�") / max(1, len(text))
    if share > MAX_REPLACED:
        raise DocumentRejected(
            "encoding",
            f"'{name}' mixes encodings: {share:.0%} of its characters cannot be read.",
            hint="Save it as UTF-8 and retry.",
        )
    if "�" in text:
        return text, (f"encoding: {share:.2%} of characters could not be read as {encoding}",)
    return text, ()


def _utf7(text: str) -> tuple[str, tuple[str, ...]]:
    """Text that reads as ASCII but spells letters as UTF-7 does."""
    if not text.isascii() or not (runs := UTF7.findall(text[:SAMPLE])):
        return text, ()
    try:
        letters = [run.encode().decode("utf-7") for run in runs]
        if all(not piece.isascii() and piece.isalpha() for piece in letters):
            return text.encode().decode("utf-7"), ("encoding: guessed utf-7",)
    except UnicodeError:
        return text, ()
    return text, ()
