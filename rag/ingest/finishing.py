"""What every Document keeps to, whichever parser made it."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import lru_cache
from pathlib import PurePath
from typing import Any, cast

from py3langid import langid

from rag.config import ParsingSettings
from rag.errors import DocumentRejected
from rag.types import Block, Document, RawDocument

MAX_BLOCKS = 200_000
MAX_TITLE = 300
LANGUAGE_SAMPLE = 5_000
LANGUAGE_NEEDS = 40
"""Letters below which a language is a guess."""
LANGUAGE_CONFIDENCE = 0.6
LANGUAGES = frozenset({
    "ar", "bg", "bn", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et", "eu", "fa", "fi",
    "fr", "ga", "gl", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kk",
    "km", "kn", "ko", "lt", "lv", "mk", "ml", "mr", "ms", "nl", "no", "pa", "pl", "pt", "ro",
    "ru", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi",
    "zh",
})  # fmt: skip

INVISIBLE = {
    "control": r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]+",
    "bidirectional": "[\u202a-\u202e\u2066-\u2069]+",
    "zero-width": "[\u200b\u2060-\u2064\ufeff]+",
    "tag": "[\U000e0000-\U000e007f]+",
    "combining": "(?<=[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{8})"
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+",
    "surrogate": "[\ud800-\udfff]+",
}
"""Characters that a reader does not see. The original bytes are kept; search gets none of these."""
REMOVED = re.compile("|".join(f"(?P<{k.replace('-', '_')}>{v})" for k, v in INVISIBLE.items()))
SOFTENED = str.maketrans({"\x0c": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n"})


def finish(
    document: Document, raw: RawDocument, warnings: tuple[str, ...], settings: ParsingSettings
) -> Document:
    """The document cleaned, within limits, with title and language. Raises DocumentRejected."""
    if len(document.text) > settings.max_text_chars or len(document.blocks) > MAX_BLOCKS:
        raise DocumentRejected(
            "resource_limit",
            f"'{raw.name}' holds more text than one document may have.",
            hint="Split the document or raise parsing.max_text_chars.",
        )
    text, blocks, found = _visible(document.text, document.blocks)
    if not any(character.isalnum() for character in text):
        raise DocumentRejected(
            "no_text", f"'{raw.name}' holds no text.", hint="Check that it is the right document."
        )
    _check_blocks(text, blocks)
    notes = [*warnings, *document.warnings]
    if found:
        notes.append(f"control_characters: {', '.join(found)} removed")
    if any(block.hidden for block in blocks) or {"tag", "zero-width"} & set(found):
        notes.append("hidden_text")
    title = _plain(raw.title or document.title or _first_heading(text, blocks))
    return document.model_copy(
        update={
            "text": text,
            "blocks": blocks,
            "title": (title or PurePath(raw.name).stem or raw.name)[:MAX_TITLE],
            "language": language(text) if document.language == "und" else document.language,
            "modified_at": document.modified_at or raw.modified_at,
            "warnings": tuple(dict.fromkeys(notes)),
        }
    )


def language(text: str) -> str:
    """The ISO 639-1 code of a text's beginning, or `und` where it is too short to tell."""
    sample = text[:LANGUAGE_SAMPLE]
    if sum(character.isalpha() for character in sample) < LANGUAGE_NEEDS:
        return "und"
    return str(_identifier().classify(sample)[0])


@lru_cache(maxsize=1)
def _identifier() -> Any:
    """The model, read once. Rare languages are left out: part lists get mistaken for them."""
    identifier: Any = cast(Any, langid).LanguageIdentifier.from_model_file(
        cast(Any, langid).MODEL_FILE, norm_probs=True, min_confidence=LANGUAGE_CONFIDENCE
    )
    identifier.set_languages(LANGUAGES)
    return identifier


def _visible(text: str, blocks: tuple[Block, ...]) -> tuple[str, tuple[Block, ...], list[str]]:
    """Text and blocks without what nobody sees, spans moved along; and what kinds there were."""
    text = text.translate(SOFTENED)
    starts: list[int] = []
    lost: list[int] = []
    kinds: set[str] = set()
    total = 0
    for match in REMOVED.finditer(text):
        kinds.add((match.lastgroup or "").replace("_", "-"))
        starts.append(match.start())
        lost.append(total)
        total += len(match.group())
    lost.append(total)
    if not starts and not any(_dirty(block) for block in blocks):
        return text, blocks, []

    def moved(offset: int) -> int:
        index = bisect_left(starts, offset)
        if index == 0:
            return offset
        run = lost[index] - lost[index - 1]
        return offset - lost[index - 1] - min(run, offset - starts[index - 1])

    cleaned = tuple(
        block.model_copy(
            update={
                "start": moved(block.start),
                "end": moved(block.end),
                "headings": tuple(_plain(heading) for heading in block.headings),
                "rows": tuple(tuple(_plain(cell) for cell in row) for row in block.rows),
            }
        )
        for block in blocks
    )
    return REMOVED.sub("", text), tuple(b for b in cleaned if b.end > b.start), sorted(kinds)


def _dirty(block: Block) -> bool:
    cells = (cell for row in block.rows for cell in row)
    return any(REMOVED.search(part) for part in (*block.headings, *cells))


def _plain(text: str) -> str:
    return REMOVED.sub("", text.translate(SOFTENED)).strip()


def _first_heading(text: str, blocks: tuple[Block, ...]) -> str:
    for block in blocks:
        if block.kind == "heading":
            return " ".join(text[block.start : block.end].split())
    return ""


def _check_blocks(text: str, blocks: tuple[Block, ...]) -> None:
    """A parser whose blocks do not fit its text is broken, whatever the document."""
    end = 0
    for block in blocks:
        if not end <= block.start < block.end <= len(text):
            raise ValueError(f"Block {block.start}:{block.end} does not fit its document.")
        end = block.end
