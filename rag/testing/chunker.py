"""The contract of `rag.protocols.Chunker`: subclass, say how to make yours, and run pytest."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.protocols import Chunker, Embedder
from rag.types import Block, Document

Kind = Literal["heading", "text", "list", "table", "code"]
Pieces = list[tuple[Kind, int, str]]

_VOCABULARY = """pump seal valve pressure leaks must be replaced Dr. e.g. 3.5 bar Nr. z.B. Dichtung
Kreiselpumpenwellenabdichtung 品質管理 日本語の文章。 😀 ??? x=1;"""
_ODD = ["e\u0301", "\u202e", "\x00", "\u00a0"]
_WORDS = st.sampled_from([*_VOCABULARY.split(), *_ODD])
_SENTENCES = st.lists(_WORDS, min_size=1, max_size=40).map(lambda words: " ".join(words) + ". ")
_TEXTS = st.one_of(
    st.lists(_SENTENCES, min_size=1, max_size=8).map("".join),
    st.lists(_SENTENCES, min_size=1, max_size=8).map("\n".join),
    st.text(max_size=300),
    st.text(alphabet="ab?. \n", max_size=1500),
    st.integers(1, 3000).map(lambda length: "x" * length),
)
_KINDS: st.SearchStrategy[Kind] = st.sampled_from(["heading", "text", "list", "table", "code"])
_PIECES = st.lists(st.tuples(_KINDS, st.integers(1, 4), _TEXTS), max_size=8)


def make_document(pieces: Pieces, title: str = "Pump manual", **changes: Any) -> Document:
    """A Document of blocks given as (kind, level, text), headings nested as they come."""
    text = ""
    path: list[tuple[int, str]] = []
    blocks: list[Block] = []
    for kind, level, content in pieces:
        if kind == "heading":
            path = [*(p for p in path if p[0] < level), (level, content)]
        start = len(text)
        text += content
        headings = tuple(name for _, name in path)
        blocks.append(Block(kind=kind, start=start, end=len(text), headings=headings, level=level))
        text += "\n\n"
    return Document(
        title=title, text=text, blocks=tuple(blocks), media_type="text/plain", **changes
    )


class ChunkerContract:
    """What every Chunker promises. Override `chunker` and `embedder` (the one it counts for)."""

    def embedder(self) -> Embedder:
        """The embedder that the chunker counts for."""
        raise NotImplementedError("A contract has none of its own: the subclass names it.")

    def chunker(self) -> Chunker:
        """The implementation under test."""
        raise NotImplementedError("A contract has none of its own: the subclass names it.")

    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        # Every subclass runs the same test; nothing is kept between them.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
    )
    @given(pieces=_PIECES, title=_TEXTS)
    def test_whatever_the_document(self, pieces: Pieces, title: str) -> None:
        """Spans are exact and in order, nothing is lost, nothing is longer than is embedded."""
        document = make_document(pieces, title)
        chunks = self.chunker().chunk(document)
        embedder = self.embedder()
        seen = [False] * len(document.text)
        for ordinal, chunk in enumerate(chunks):
            assert chunk.ordinal == ordinal
            assert chunk.text == document.text[chunk.start : chunk.end]
            assert chunk.text.strip()
            embedded = f"{chunk.header}\n{chunk.text}" if chunk.header else chunk.text
            assert embedder.count_tokens([embedded]) == [chunk.tokens]
            assert chunk.tokens <= embedder.max_tokens
            seen[chunk.start : chunk.end] = [True] * (chunk.end - chunk.start)
        assert all(one.start < other.start for one, other in pairwise(chunks))
        for block in document.blocks:
            if block.kind != "heading":
                for place in range(block.start, block.end):
                    assert seen[place] or document.text[place].isspace()

    def test_the_same_document_is_cut_the_same(self) -> None:
        document = make_document([("heading", 1, "Seals"), ("text", 0, "The seal leaks. " * 80)])
        assert self.chunker().chunk(document) == self.chunker().chunk(document)
        assert self.chunker().fingerprint == self.chunker().fingerprint

    def test_a_document_of_headings_has_chunks(self) -> None:
        document = make_document([("heading", 1, "Seals"), ("heading", 1, "Bearings")])
        chunks = self.chunker().chunk(document)
        embedded = " ".join(chunk.header + " " + chunk.text for chunk in chunks)
        assert "Seals" in embedded
        assert "Bearings" in embedded

    def test_headings_are_embedded_with_what_stands_below(self) -> None:
        document = make_document(
            [("heading", 1, "Seals"), ("heading", 2, "Replacing"), ("text", 0, "Drain the pump.")]
        )
        (chunk,) = self.chunker().chunk(document)
        assert chunk.text == "Drain the pump."
        assert chunk.headings == ("Seals", "Replacing")
        assert "Seals" in chunk.header
        assert "Replacing" in chunk.header

    def test_kinds_and_hidden_text_do_not_mix(self) -> None:
        document = make_document([("text", 0, "Prices:"), ("table", 0, "Part: 1; Price: 2")])
        hidden = document.blocks[0].model_copy(update={"hidden": True})
        document = document.model_copy(update={"blocks": (hidden, document.blocks[1])})
        first, second = self.chunker().chunk(document)
        assert (first.kind, first.hidden) == ("text", True)
        assert (second.kind, second.hidden) == ("table", False)

    def test_an_empty_document_has_no_chunks(self) -> None:
        assert self.chunker().chunk(make_document([])) == []
        assert self.chunker().chunk(make_document([("text", 0, " \n ")])) == []
