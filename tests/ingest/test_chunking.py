"""Where documents are cut: sentences, headings, tables, boxes and limits."""

from itertools import pairwise

import pytest

from rag.config import ChunkingSettings
from rag.errors import ConfigError
from rag.ingest.chunking import StructureChunker
from rag.ingest.sentences import split_sentences
from rag.testing.chunker import make_document
from rag.testing.fakes import HashingEmbedder
from rag.types import Block, Box, Document


def chunks(document, size=40, overlap=0, max_tokens=256):
    settings = ChunkingSettings(size=size, overlap=overlap)
    return StructureChunker(HashingEmbedder(max_tokens=max_tokens), settings).chunk(document)


def sentences(text):
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["Dr. Smith came in Jan. 2024.", "See Fig. 3, e.g. the seal.", "Done!"],
        ["Das ist z.B. ein Test.", "Dr. Müller kam am 3. Mai ca. um 5 Uhr an.", "Er ging."],
        ["Er hat bzw. hatte Zeit, d.h. viel.", "Die Pumpe Nr. 5 läuft."],
        ["It was shut in.", "The valve leaked so.", "Why?", "Use 3.5 bar."],
        ['He said "Stop."', "Then he left."],
    ],
)
def test_sentences_of_prose(expected):
    assert sentences(" ".join(expected)) == expected


@pytest.mark.parametrize(
    "expected",
    [
        ["Seal kit A", "Seal kit B"],
        ["- open the valve", "- close the valve", "* wait"],
        ["1. Open it", "2. Close it"],
        ["Part: 12; Price: 3.50", "Part: 13; Price: 4.00"],
    ],
)
def test_lines_that_are_no_prose_stand_alone(expected):
    assert sentences("\n".join(expected)) == expected


def test_wrapped_prose_holds_together():
    text = (
        "The mechanical seal must be replaced whenever\nthe pump leaks at the shaft. Drain.\n\nNew"
    )
    assert sentences(text) == [
        "The mechanical seal must be replaced whenever\nthe pump leaks at the shaft.",
        "Drain.",
        "New",
    ]


@pytest.mark.parametrize("text", ["", " \n\t ", "?", "\x00", "..."])
def test_sentences_of_nearly_nothing(text):
    assert "".join(sentences(text)) == text.strip()


@pytest.mark.parametrize("text", ["?" * 60_000, "a. " * 20_000, "x" * 60_000, "a\n" * 30_000])
def test_sentences_of_monsters_end_and_lose_nothing(text):
    spans = split_sentences(text)
    covered = "".join(text[start:end] for start, end in spans)
    assert "".join(covered.split()) == "".join(text.split())
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_sentences_stay_whole():
    text = " ".join(f"Sentence number {n} speaks about the pump." for n in range(40))
    for chunk in chunks(make_document([("text", 0, text)])):
        assert chunk.text.startswith("Sentence number")
        assert chunk.text.endswith("the pump.")


def test_chunks_are_filled_evenly():
    text = " ".join(f"Sentence number {n} speaks about the pump." for n in range(16))
    sizes = [chunk.tokens for chunk in chunks(make_document([("text", 0, text)]))]
    assert len(sizes) == 4
    assert max(sizes) - min(sizes) <= 7
    assert max(sizes) <= 40


def test_rows_stay_whole_and_share_a_chunk():
    rows = [f"Part: P-{n}; Price: {n}.50 EUR; Stock: {n}" for n in range(20)]
    found = chunks(make_document([("table", 0, "\n".join(rows))]), size=60)
    assert 1 < len(found) < len(rows)
    assert [row for chunk in found for row in chunk.text.splitlines()] == rows
    assert {chunk.kind for chunk in found} == {"table"}


def test_a_row_longer_than_a_chunk_is_cut_between_cells():
    row = "; ".join(f"Column {n}: value {n}" for n in range(40))
    found = chunks(make_document([("table", 0, row)]))
    assert len(found) > 1
    assert all(chunk.text.startswith("Column") for chunk in found)


def test_paragraphs_of_one_section_share_a_chunk_and_sections_do_not():
    document = make_document(
        [
            ("heading", 1, "Seals"),
            ("text", 0, "First paragraph."),
            ("list", 0, "one item"),
            ("heading", 1, "Bearings"),
            ("text", 0, "Second paragraph."),
        ]
    )
    assert [(c.headings, c.text, c.header) for c in chunks(document)] == [
        (("Seals",), "First paragraph.\n\none item", "Pump manual › Seals"),
        (("Bearings",), "Second paragraph.", "Pump manual › Bearings"),
    ]


def test_a_heading_like_the_title_is_not_said_twice():
    document = make_document([("heading", 1, "Pump manual"), ("text", 0, "Text.")])
    assert [chunk.header for chunk in chunks(document)] == ["Pump manual"]


def test_a_heading_with_nothing_below_is_a_chunk():
    document = make_document(
        [("heading", 1, "Seals"), ("heading", 2, "Spare parts"), ("heading", 1, "Bearings")]
    )
    assert [(c.text, c.header) for c in chunks(document)] == [
        ("Spare parts", "Pump manual › Seals"),
        ("Bearings", "Pump manual"),
    ]


def test_a_long_header_leaves_room_for_the_text():
    long = "very " * 60 + "long"
    document = make_document(
        [("heading", 1, long), ("heading", 2, "Replacing it"), ("text", 0, "word " * 60)], long
    )
    for chunk in chunks(document, size=40):
        assert len(chunk.header.split()) <= 40 / 3
        assert chunk.tokens <= 40
    below = [chunk for chunk in chunks(document) if chunk.text.startswith("word")]
    assert all(chunk.header.endswith("Replacing it") for chunk in below)
    # What the header could not hold is embedded as text.
    assert sum(c.text.count("very") for c in chunks(document)) == 60


def test_overlap_repeats_whole_sentences():
    text = " ".join(f"Sentence {n} is here." for n in range(30))
    found = chunks(make_document([("text", 0, text)]), overlap=8)
    for one, other in pairwise(found):
        assert other.start < one.end
        assert other.text.startswith("Sentence")
        assert 0 < len(text[other.start : one.end].split()) <= 8


def test_a_chunk_knows_its_page_and_the_boxes_of_its_lines():
    lines = [f"Line number {n} of the page ends." for n in range(12)]
    text = "\n".join(lines)
    boxes = tuple(Box(page=3, x0=0, y0=n, x1=9, y1=n + 1) for n in range(12))
    block = Block(kind="list", start=0, end=len(text), page=3, boxes=boxes)
    document = Document(title="", text=text, blocks=(block,), media_type="application/pdf")
    found = chunks(document, size=30)
    assert len(found) > 1
    assert [box for chunk in found for box in chunk.boxes] == list(boxes)
    assert all(chunk.page == 3 for chunk in found)
    assert [len(chunk.boxes) for chunk in found] == [len(c.text.splitlines()) for c in found]


def test_boxes_that_are_not_per_line_are_all_kept():
    text = "One sentence here. Another sentence there."
    box = Box(page=1, x0=0, y0=0, x1=9, y1=9)
    block = Block(kind="text", start=0, end=len(text), page=1, boxes=(box,))
    document = Document(title="", text=text, blocks=(block,), media_type="application/pdf")
    assert [chunk.boxes for chunk in chunks(document)] == [(box,)]


def test_text_that_no_block_covers_is_in_no_chunk():
    text = "Shown. SECRET Shown too."
    blocks = (Block(kind="text", start=0, end=6), Block(kind="text", start=14, end=24))
    document = Document(title="", text=text, blocks=blocks, media_type="text/plain")
    assert [chunk.text for chunk in chunks(document)] == ["Shown.", "Shown too."]


def test_an_endless_word_is_cut():
    found = chunks(make_document([("text", 0, "x" * 10_000)]))
    assert sum(len(chunk.text) for chunk in found) == 10_000
    assert max(len(chunk.text) for chunk in found) <= 40 * 8


def test_the_fingerprint_tells_what_would_cut_otherwise():
    embedder = HashingEmbedder()
    prints = {
        StructureChunker(embedder, ChunkingSettings(size=100)).fingerprint,
        StructureChunker(embedder, ChunkingSettings(size=101)).fingerprint,
        StructureChunker(embedder, ChunkingSettings(size=100, overlap=5)).fingerprint,
        StructureChunker(HashingEmbedder(128), ChunkingSettings(size=100)).fingerprint,
        StructureChunker(HashingEmbedder(64, 99), ChunkingSettings(size=100)).fingerprint,
    }
    assert len(prints) == 5


def test_an_embedder_that_reads_too_little_is_a_config_error():
    with pytest.raises(ConfigError, match="reads 8 tokens"):
        StructureChunker(HashingEmbedder(max_tokens=8), ChunkingSettings())
