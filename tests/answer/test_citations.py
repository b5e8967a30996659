"""Markers: only the server mints citations, however the model's text arrives."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rag.answer.citations import Markers, cite_sentence, spoken
from rag.answer.evidence import Sentence
from rag.types import Box, Hit
from tests.retrieve.test_widen import hit

HITS: list[Hit] = [
    hit(1, text="The pump weighs 40 kg. It is blue.", start=100, end=134, page=3),
    hit(2, text="Oil is changed yearly.", start=7, end=29),
]


def say(*pieces: str) -> tuple[str, Markers]:
    markers = Markers(HITS)
    text = "".join(markers.feed(piece)[0] for piece in pieces) + markers.end()[0]
    return text, markers


def test_markers_become_citations_in_order_of_use() -> None:
    text, markers = say("Oil yearly [2]. It weighs 40 kg [1], still yearly [2].")
    assert text == "Oil yearly [1]. It weighs 40 kg [2], still yearly [1]."
    assert [citation.document_id for citation in markers.citations] == ["d2", "d1"]
    assert [citation.n for citation in markers.citations] == [1, 2]


def test_a_citation_quotes_the_sentence_that_supports_at_its_exact_place() -> None:
    _, markers = say("The pump weighs 40 kg [1].")
    (citation,) = markers.citations
    assert citation.quote == "The pump weighs 40 kg."
    assert citation.span == (100, 122)
    assert citation.page == 3


def test_a_marker_nobody_minted_never_arrives() -> None:
    text, markers = say("True [1]. Made up [3]. Also [99] and [0].")
    assert text == "True [1]. Made up . Also  and ."
    assert len(markers.citations) == 1


def test_lists_and_ranges_are_markers_too() -> None:
    text, markers = say("Both [1, 2]. Again [2-1][1–2]. Never [1234] nor [7, 9].")
    assert text == "Both [1][2]. Again [1][2]. Never  nor ."
    assert len(markers.citations) == 2


def test_numbers_that_a_document_brackets_are_no_markers_of_ours() -> None:
    assert spoken("See [2] for the drawing, [a] and [1, 3].") == (
        "See (2) for the drawing, [a] and (1, 3)."
    )


def test_a_citation_names_the_page_its_sentence_is_on() -> None:
    boxes = tuple(Box(page=page, x0=0, y0=0, x1=1, y1=1) for page in (3, 4))
    paged = HITS[0].model_copy(
        update={
            "pages": ((100, 3), (123, 4)),
            "payload": HITS[0].payload.model_copy(update={"boxes": boxes}),
        }
    )
    sentence = Sentence(0, 123, 134, "It is blue.", (), frozenset(), 1, 0, obsolete=False)
    citation = cite_sentence(1, sentence, [paged])
    assert citation.page == 4
    assert [box.page for box in citation.boxes] == [4]


def test_a_marker_cut_in_two_by_the_stream_is_still_one() -> None:
    assert say("weighs 40 kg [", "1", "]", " and [2", "].")[0] == "weighs 40 kg [1] and [2]."


def test_brackets_that_are_no_markers_stay() -> None:
    assert say("an array[i] and [see below] and [")[0] == "an array[i] and [see below] and ["


@given(st.text(st.sampled_from("ab [12]9.【】"), max_size=40), st.lists(st.integers(0, 40)))
def test_cutting_the_stream_anywhere_changes_nothing(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut <= len(text)), len(text)]
    pieces = [text[a:b] for a, b in pairwise(edges)]
    assert say(*pieces)[0] == say(text)[0]
