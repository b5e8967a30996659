"""Follow-ups by rule."""

import pytest

from rag.answer.followup import standalone
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
