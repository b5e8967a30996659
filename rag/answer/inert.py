"""Text of documents and models made inert: it may be read, and nothing in it acts.

A document cannot end the passage it stands in, nor speak as system or user to a model. An answer
loads and links nothing where a client renders Markdown or HTML, and carries no address but those
that its sources write out, so that nothing an answer knows can leave in an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set

LINK_REMOVED = "(link removed)"
LONGEST = 2_000
"""Characters of a word that a stream holds back at most."""
# What a chat template or our own prompts take for an end: `<|im_end|>`, `[INST]`, `</passage>`.
_CONTROL = re.compile(
    r"<(?=\|)|(?<=\|)>|<(?=<sys>>|</sys>>)|<(?=/?\s*(?:passage|system|user|assistant|s)\b[^<]{0,200}>)"
    r"|\[(?=/?inst\])",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]*:)?//[^\s<>\"'`]+"
    r"|\bwww\.[^\s<>\"'`]+"
    r"|\b(?:mailto|data|javascript):[^\s<>\"'`]+"
    r"|\b(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/|\?[^\s<>\"'`])[^\s<>\"'`]*",
    re.IGNORECASE,
)
_ACTIVE = re.compile(r"!+(?=\[)|(?<=\])(?=\()|(?<=\])(?=:\s)|<(?=[/!?]?[a-z])", re.IGNORECASE)
_INSTEAD = {"!": "", "": " ", "<": "‹"}
_WORD = re.compile(r"\S+$")


def quoted(text: str) -> str:
    """Text of a document as a prompt may hold it: no part of it can be taken for the prompt's."""
    return _CONTROL.sub(lambda found: {"<": "‹", ">": "›", "[": "("}[found[0]], text)


def addresses(texts: Iterable[str]) -> frozenset[str]:
    """Every address that the texts write out."""
    return frozenset(_bare(found[0]) for text in texts for found in _ADDRESS.finditer(text))


def inert(text: str, known: Set[str]) -> str:
    """The text with nothing that a client would load or run, and no address that is not known."""

    def kept(found: re.Match[str]) -> str:
        address = _bare(found[0])
        return found[0] if address in known else LINK_REMOVED + found[0][len(address) :]

    return _ACTIVE.sub(lambda found: _INSTEAD[found[0][:1]], _ADDRESS.sub(kept, text))


class Inert:
    """`inert` for text that comes in pieces: each word waits for its end."""

    def __init__(self, known: Set[str]) -> None:
        self.known = known
        self._held = ""

    def feed(self, piece: str) -> str:
        """Text that may be shown now."""
        text = self._held + piece
        word = _WORD.search(text)
        if word and len(word[0]) > LONGEST:
            # No prose; broken up, so that what comes next cannot add to it.
            text, word = f"{text} ", None
        at = word.start() if word else len(text)
        self._held = text[at:]
        return inert(text[:at], self.known)

    def end(self) -> str:
        text, self._held = self._held, ""
        return inert(text, self.known)


def _bare(address: str) -> str:
    """Without what ends the sentence or the brackets that it stands in."""
    return address.rstrip(".,;:!?)]}*_")
