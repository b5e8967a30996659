"""Follow-ups by rule."""

from dataclasses import replace

import pytest

from rag.answer.evidence import cut
from rag.answer.followup import standalone, touched
from rag.answer.words import words
from rag.types import Turn

BEFORE = [
    Turn(role="user", content="What does the HX-200 weigh?"),
    Turn(role="assistant", content="40 kg."),
]


@pytest.mark.parametrize("question", ["And how long is its warranty?", "What about oil?", "Price?"])
def test_what_refers_back_takes_the_question_before_along(question: str) -> None:
    assert standalone(question, BEFORE) == f"What does the HX-200 weigh? {question}"


@pytest.mark.parametrize(
    "question",
    ["How many days of parental leave does the handbook grant?", "Torque of the HX-300?"],
)
def test_what_stands_alone_is_left_alone(question: str) -> None:
    assert standalone(question, BEFORE) == question


def test_without_history_nothing_is_added() -> None:
    assert standalone("And its price?", []) == "And its price?"


POOL = tuple(
    replace(one, context_words=frozenset(words("Pump HX-200")))
    for one in cut("The HX-200 weighs 40 kg. Its oil is changed every year. Order seals by phone.")
)


@pytest.mark.parametrize(
    "question", ["Who won the football world cup?", "And who won that world cup in football then?"]
)
def test_another_subject_is_none_that_the_passages_touch(question: str) -> None:
    assert standalone(question, BEFORE) != question, "no rule can tell"
    assert not touched(question, POOL)


@pytest.mark.parametrize(
    "question",
    ["How long does it last?", "And when is its oil changed?", "Which seals fit the pump?"],
)
def test_what_the_passages_touch_or_says_too_little_to_tell(question: str) -> None:
    assert touched(question, POOL)
