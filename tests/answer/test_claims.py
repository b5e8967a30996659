"""Which sentences of an answer claim something, and what each of them cites."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.claims import stated


def cited(answer: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(one.text, one.cited) for one in stated(answer)]


def test_a_marker_belongs_to_its_sentence_on_either_side_of_the_full_stop() -> None:
    assert cited("It weighs 40 kg [1]. Oil is changed yearly. [2][3] It is blue.") == [
        ("It weighs 40 kg.", (1,)),
        ("Oil is changed yearly.", (2, 3)),
        ("It is blue.", ()),
    ]


def test_sentences_share_the_next_marker_of_their_paragraph_and_of_no_other() -> None:
    answer = "The pump is heavy. It weighs 40 kg. [1]\n\nIt looks blue.\n\nIt runs. [2]"
    assert [numbers for _, numbers in cited(answer)] == [(1,), (1,), (), (2,)]


def test_a_marker_that_begins_a_line_belongs_to_what_follows() -> None:
    assert cited("[1] It weighs 40 kg.\n[2] It is blue.") == [
        ("It weighs 40 kg.", (1,)),
        ("It is blue.", (2,)),
    ]


@pytest.mark.parametrize(
    "nothing",
    [
        "",
        "I do not know.",
        "Unfortunately, I cannot find that.",
        "Is it the seal kit?",
        "Here is what I found:",
        "# Answer",
        "The passages do not say so.",
        "Ich weiß es nicht.",
        "Yes.",
    ],
)
def test_what_claims_nothing(nothing: str) -> None:
    assert stated(nothing) == []


@pytest.mark.parametrize(
    "claim",
    ["I do not know why, but it costs 500 euro.", "Yes, 24 months.", "Here are 3 bolts:", "5 [1]"],
)
def test_whatever_states_a_fact_or_cites_claims_something(claim: str) -> None:
    assert len(stated(claim)) == 1


def _without_markers(text: str) -> str:
    return text.replace(" [1]", "").replace(" [2]", "").replace("[1]", "").replace("[2]", "")


@given(st.lists(st.sampled_from(["It is blue", "5 kg", "[1]", "[2]", ". ", "\n\n", "? ", "é😀"])))
def test_places_are_those_of_the_answer_and_never_overlap(pieces: list[str]) -> None:
    answer = "".join(pieces)
    at = 0
    for one in stated(answer):
        assert at <= one.start < one.end <= len(answer)
        assert one.text == " ".join(_without_markers(answer[one.start : one.end]).split()) != ""
        at = one.end
