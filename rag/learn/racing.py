"""Which of some choices answers best, asked for as long as a budget lasts.

Successive halving (Jamieson and Talwalkar, "Non-stochastic best arm identification and
hyperparameter optimization", 2016) over questions: all choices are asked a few questions, and of
those that did worse as many are left out as the rest of the budget does not allow, but never more
than half at once. Every choice is compared with what is in use on the very same questions.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import numpy as np

from rag.errors import InvalidInput, counted

FIRST = 8
"""Questions that every choice is asked before any is left out; then twice as many each time."""
ENOUGH = 30
"""Questions below which nothing is chosen."""
Score = Callable[[int | None, int], Awaitable[float]]
"""What a choice, or what is in use, answers to a question is worth: both by their numbers."""


class Budget:
    """Minutes that may be spent, from now on."""

    def __init__(self, minutes: float) -> None:
        self.seconds = minutes * 60
        self._since = time.monotonic()

    @property
    def spent(self) -> float:
        return time.monotonic() - self._since

    @property
    def left(self) -> float:
        return self.seconds - self.spent


class Race(NamedTuple):
    """How far it came: one score for each question that was asked."""

    in_use: Sequence[float]
    left: dict[int, Sequence[float]]
    """Of the choices that were not left out."""
    answers: int
    """Written in all, those of what was left out included."""


class Winner(NamedTuple):
    choice: int
    before: float
    """Mean score of what is in use, and of the choice, on the questions that it was chosen on."""
    after: float


Told = Callable[[Race], None]


async def raced(choices: int, questions: int, score: Score, budget: Budget, told: Told) -> Race:
    """Ask until every question was asked or the budget likely does not allow another one.

    There is one question at least.
    """
    in_use: list[float] = []
    left: dict[int, list[float]] = {one: [] for one in range(choices)}
    until = min(FIRST, questions)
    # The first answer waits for what is read once only, and says nothing of the others.
    await score(None, 0)
    answers, warm = 1, budget.spent

    def each() -> float:
        return (budget.spent - warm) / (answers - 1) if answers > 1 else 0.0

    def allows(more: int) -> bool:
        return budget.left > 0 and budget.left >= more * each()

    while left:
        for question in range(len(in_use), until):
            if not allows(1 + len(left)):
                return Race(in_use, {**left}, answers)
            before = await score(None, question)
            answers += 1
            if not question and not allows(len(left)):
                # Only now is it known what one takes.
                break
            for choice, scores in left.items():
                scores.append(await score(choice, question))
                answers += 1
            in_use.append(before)
            told(Race(in_use, {**left}, answers))
        if len(in_use) < until or until == questions:
            break
        to_the_end = (questions - until) * each()
        affordable = int(budget.left / to_the_end) - 1 if to_the_end else choices
        best = sorted(left, key=lambda one: (-sum(left[one]), one))
        kept = {*best[: max(affordable, len(left) // 2, 1)]}
        left = {one: scores for one, scores in left.items() if one in kept}
        until = min(2 * until, questions)
    return Race(in_use, {**left}, answers)


def winner(race: Race, budget: Budget) -> Winner:
    """The choice with the highest gain that is surely one, less a standard error.

    Raises InvalidInput where there is none, or too few questions were asked. The gain is of what it
    was chosen on, so it promises nothing: the gate measures it on other questions.
    """
    asked = len(race.in_use)
    if asked < ENOUGH:
        raise InvalidInput(
            f"The budget of {budget.seconds / 60:g} minutes was spent after "
            f"{counted(asked, 'question')}; {ENOUGH} would do.",
            hint="Give it more minutes: --budget.",
        )
    before = np.array(race.in_use)
    gains = {one: np.array(scores) - before for one, scores in race.left.items()}
    surely = {one: float(gain.mean() - gain.std() / np.sqrt(asked)) for one, gain in gains.items()}
    best = min(surely, key=lambda one: (-surely[one], one), default=None)
    if best is None or surely[best] <= 0:
        gained = f": the best by {gains[best].mean():+.3f}" if best is not None else ""
        raise InvalidInput(
            f"None of the choices answers surely better than what is in use "
            f"on {counted(asked, 'question')}{gained}.",
            hint="Nothing is to be done: what is in use does well.",
        )
    mean = float(before.mean())
    return Winner(best, mean, mean + float(gains[best].mean()))
