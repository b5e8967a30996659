"""The best of some choices is found on questions that a budget allows, or none is chosen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.domain import load_pack
from rag.domain.pack import PACKS
from rag.errors import InvalidInput
from rag.learn import racing
from rag.learn.choices import choices
from rag.learn.racing import FIRST, Budget, Race, raced, winner


class Clock:
    """Moves only when something is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(racing.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def race(
    means: Sequence[float], questions: int, budget: Budget, clock: Clock | None = None
) -> tuple[Race, list[tuple[int | None, int]]]:
    """Choices of which each answers so well over what is in use; an answer takes a second."""
    asked: list[tuple[int | None, int]] = []

    async def score(choice: int | None, question: int) -> float:
        asked.append((choice, question))
        if clock is not None:
            clock.now += 1.0
        noise = Random(f"{choice} {question}").uniform(-0.05, 0.05)
        return 0.5 + (0.0 if choice is None else means[choice]) + noise

    told: list[Race] = []
    return asyncio.run(raced(len(means), questions, score, budget, told.append)), asked


@given(
    st.lists(st.integers(-4, 4), min_size=1, max_size=12, unique=True).filter(lambda x: max(x) > 0),
    st.integers(30, 70),
)
def test_where_the_budget_is_free_the_best_wins(tenths: list[int], questions: int) -> None:
    means = [one / 10 for one in tenths]
    budget = Budget(600)
    found, _ = race(means, questions, budget)
    assert winner(found, budget).choice == means.index(max(means))
    assert len(found.in_use) == questions


def test_every_choice_is_asked_what_is_in_use_is_asked(clock: Clock) -> None:
    found, asked = race([0.3, 0.1, -0.2, 0.2], 60, Budget(2), clock)
    for choice, scores in found.left.items():
        assert len(scores) == len(found.in_use)
        in_use = [n for one, n in asked[1:] if one is None]
        assert [n for one, n in asked if one == choice] == in_use
    assert found.answers == len(asked) == clock.now


def test_a_budget_is_spent_on_what_looks_good_and_never_passed(clock: Clock) -> None:
    budget = Budget(4)
    means = [-0.3, -0.1, 0.3, 0.0, -0.2, 0.1, -0.4, 0.2]
    found, asked = race(means, 100, budget, clock)
    assert clock.now <= budget.seconds
    # All were asked the first questions; of the rest the better half, and so on.
    assert {one for one, n in asked if n == FIRST - 1} == {None, *range(len(means))}
    assert 2 in found.left
    assert len(found.left) <= len(means) // 2
    assert winner(found, budget).choice == 2
    # What is left is less than another question takes.
    assert budget.left < 1 + len(found.left)


def test_a_budget_of_too_few_questions_chooses_nothing(clock: Clock) -> None:
    for minutes in (0.01, 1.0):
        clock.now = 0.0
        budget = Budget(minutes)
        found, asked = race([0.3] * 12, 100, budget, clock)
        with pytest.raises(InvalidInput, match=r"spent after \d questions?; 30 would do"):
            winner(found, budget)
    assert len(asked) <= 60
    clock.now = 0.0
    _, asked = race([0.3] * 12, 100, Budget(0.01), clock)
    assert asked == [(None, 0)]


def test_a_first_answer_that_waits_for_much_says_nothing_of_the_others(clock: Clock) -> None:
    clock.now = 0.0
    first = [True]

    async def score(choice: int | None, question: int) -> float:
        clock.now += 20.0 if first.pop() else 0.01
        first.append(False)
        return 0.0 if choice is None else 0.1

    found = asyncio.run(raced(12, 60, score, Budget(1), lambda _: None))
    assert len(found.in_use) == 60
    assert len(found.left) == 12


def test_where_nothing_is_surely_better_nothing_is_chosen() -> None:
    budget = Budget(600)
    found, _ = race([0.0, -0.1, 0.001], 40, budget)
    with pytest.raises(
        InvalidInput, match=r"than what is in use on 40 questions: the best by -0\.001"
    ):
        winner(found, budget)


def test_what_makes_no_difference_here_is_not_tried() -> None:
    pack = load_pack(PACKS / "pumps")
    quoted = [*choices(pack, "answer", composes=False)]
    written = [*choices(pack, "answer", composes=True)]
    assert {one.name for one in quoted} == {"limit", "widen", "max_sentences"}
    assert {one.name for one in written} == {"limit", "widen", "context_tokens", "wording"}
    assert [one.after for one in written if one.name == "wording"] == [
        "answer.brief",
        "answer.quoting",
    ]
    assert all(one.before != one.after for one in (*quoted, *written))
    brief: list[Any] = list(choices(pack, "answer.brief", composes=True))
    assert ("wording", "answer.brief", "answer") in brief
