"""Plain text and XML: paragraphs as they stand."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownLambdaType=false, reportAttributeAccessIssue=false
from __future__ import annotations

import re
from typing import Any

from lxml import etree

from rag.backends.drafting import Draft

PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
UNDERLINE = re.compile(r"\A(?P<title>\S[^\n]{0,150})\n(?P<line>[=~^\-]{3,})\s*(?:\n|\Z)")
BULLETS = re.compile(
    r"\A(?:[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t]+[^\n]*(?:\n[ \t]+[^\n]*)*(?:\n|\Z))+\Z"
)
MAX_PARAGRAPH = 20_000
"""A longer one is cut at line ends, or anywhere where there are none."""


def add_text(draft: Draft, text: str) -> None:
    """Add paragraphs, each bounded in length; a line underlined with = or - is a heading."""
    for paragraph in PARAGRAPH.split(text):
        body = paragraph.strip("\n")
        if found := UNDERLINE.match(body):
            draft.heading(found["title"], 1 if found["line"][0] == "=" else 2)
            body = body[found.end() :]
        for piece in pieces(body, MAX_PARAGRAPH):
            draft.text(piece, "list" if BULLETS.match(piece[:MAX_PARAGRAPH]) else "text")


def pieces(text: str, limit: int) -> list[str]:
    """`text` in parts of at most `limit` characters, cut at line ends, then spaces."""
    parts: list[str] = []
    while len(text) > limit:
        cut = text.rfind("\n", limit // 2, limit)
        if cut < 0:
            cut = text.rfind(" ", limit // 2, limit)
        cut = cut + 1 if cut >= 0 else limit
        parts.append(text[:cut])
        text = text[cut:]
    return [*parts, text]


def xml_text(source: str) -> str:
    """The character data of an XML document, element by element; no entity is resolved."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root: Any = etree.fromstring(source.encode(), parser=parser)
    return "\n".join(" ".join(part.split()) for part in root.itertext() if part.strip())
