"""Widening and near-duplicates."""

from rag.domain import RetrievalKnobs
from rag.retrieve.duplicates import distinct
from rag.retrieve.fuse import fuse
from rag.retrieve.widen import widen
from rag.types import Block, Candidates, Document, Hit, Scored
from tests.retrieve.test_fuse import payload

TEXT = "Intro.\n\nStep one.\n\nStep two.\n\nStep three.\n\nOther section."
SPANS = [(0, 6), (8, 17), (19, 28), (30, 41), (43, 57)]
HEADINGS = [("A",), ("B",), ("B",), ("B",), ("C",)]
DOCUMENT = Document(
    title="t",
    text=TEXT,
    media_type="text/plain",
    blocks=tuple(
        Block(kind="text", start=start, end=end, headings=path)
        for (start, end), path in zip(SPANS, HEADINGS, strict=True)
    ),
)


def hit(number: int = 1, **payload_fields: object) -> Hit:
    given = payload(number).model_copy(update=payload_fields)
    found = Candidates(dense=(Scored(score=1.0, chunk_id=given.chunk_id),))
    return fuse(found, RetrievalKnobs())[0].hit(1, given)


def test_a_short_section_is_given_whole_and_exactly() -> None:
    wide = widen(hit(start=19, end=28), DOCUMENT, 1)
    assert wide.context == "Step one.\n\nStep two.\n\nStep three."
    assert TEXT[wide.context_start :].startswith(wide.context)
    assert wide.scores[-1].stage == "widen"


def test_where_pages_begin_is_told() -> None:
    pages = (1, 1, 2, 2, 3)
    blocks = tuple(
        block.model_copy(update={"page": page})
        for block, page in zip(DOCUMENT.blocks, pages, strict=True)
    )
    wide = widen(hit(start=19, end=28), DOCUMENT.model_copy(update={"blocks": blocks}), 1)
    assert wide.pages == ((8, 1), (19, 2))


def test_another_section_is_never_reached() -> None:
    assert widen(hit(start=0, end=6), DOCUMENT, 3).context == ""


def test_a_long_section_gives_only_neighbours() -> None:
    paragraphs = ["x" * 900] * 5
    blocks, at = [], 0
    for paragraph in paragraphs:
        blocks.append(Block(kind="text", start=at, end=at + len(paragraph)))
        at += len(paragraph) + 2
    long = DOCUMENT.model_copy(update={"text": "\n\n".join(paragraphs), "blocks": tuple(blocks)})
    middle = blocks[2]
    wide = widen(hit(start=middle.start, end=middle.end), long, 1)
    assert wide.context_start == blocks[1].start
    assert wide.context_start + len(wide.context) == blocks[3].end


def test_hidden_text_is_never_pulled_in() -> None:
    blocks = tuple(
        block.model_copy(update={"hidden": block.start == 30}) for block in DOCUMENT.blocks
    )
    wide = widen(hit(start=19, end=28), DOCUMENT.model_copy(update={"blocks": blocks}), 1)
    assert "three" not in wide.context


def test_near_duplicates_go_but_other_numbers_stay() -> None:
    words = "the warranty period of the pump is counted from delivery and covers all wear parts"
    hits = [
        hit(1, text=f"{words} for 24 months"),
        hit(2, text=f"{words} for 24 months."),
        hit(3, text=f"{words} for 36 months"),
        hit(4, text="something else entirely"),
    ]
    kept = distinct(hits, 0.8, 10)
    assert [one.payload.document_id for one in kept] == ["d1", "d3", "d4"]
    assert len(distinct(hits, 0.8, 2)) == 2
