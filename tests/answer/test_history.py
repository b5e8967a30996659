"""What was said before, within a budget: the nearer, the more."""

import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from rag.answer.history import LONGEST, brief, summarised
from rag.types import Turn

ANSWER = "The weight is forty. [1] Its flange is blue. [2]"


def talk(*pairs: tuple[str, str]) -> list[Turn]:
    return [
        Turn(role=role, content=content)
        for question, answer in pairs
        for role, content in (("user", question), ("assistant", answer))
    ]


def words(text: str) -> int:
    return len(text.split())


def test_the_newest_are_whole_and_the_older_in_brief() -> None:
    history = talk(("How heavy?", ANSWER), ("And blue?", ANSWER), ("Why?", ANSWER))
    assert summarised(history, words, 1_000) == history
    told = summarised(history, words, 26)
    assert [turn.content for turn in told] == [
        "How heavy?", "The weight is forty.", "And blue?", "The weight is forty.", "Why?", ANSWER,
    ]  # fmt: skip
    assert [turn.content for turn in summarised(history, words, 22)] == [
        "And blue?", "The weight is forty.", "Why?", ANSWER,
    ]  # fmt: skip
    assert summarised(history, words, 3) == []
    assert summarised([], words, 3) == []


@pytest.mark.parametrize(
    ("text", "first"),
    [("", ""), ("  \n", ""), ("One.", "One."), ("x" * 900, "x" * (LONGEST - 1) + "…")],
)
def test_in_brief_is_the_first_sentence(text: str, first: str) -> None:
    assert brief(text) == first


TURNS = st.lists(
    st.builds(
        Turn,
        role=st.sampled_from(("user", "assistant")),
        content=st.lists(st.sampled_from(("a", "b.", "C")), max_size=12).map(" ".join),
    ),
    max_size=12,
)


@given(TURNS, st.integers(-5, 60))
@run(max_examples=150, deadline=None, derandomize=True, database=None)
def test_it_fits_and_is_the_end_of_what_was_said(history: list[Turn], budget: int) -> None:
    told = summarised(history, words, budget)
    assert sum(words(turn.content) for turn in told) <= max(budget, 0)
    last = history[len(history) - len(told) :]
    whole = 0
    for was, now in zip(last, told, strict=True):
        assert now.role == was.role
        assert now.content in (was.content, brief(was.content))
        if was.role == "user":
            assert now == was
    for was, now in zip(last[::-1], told[::-1], strict=True):
        if now != was:
            break
        whole += 1
    shortened = [now != was for was, now in zip(last, told, strict=True)]
    assert not any(shortened[len(told) - whole :])
    if told and len(told) < len(history):
        assert told[0].role == "user", "an answer without its question tells nothing"
