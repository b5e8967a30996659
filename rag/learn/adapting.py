"""A linear query adapter: turns questions towards the passages that people found useful.

Fitted by gradient steps on cached vectors: a softmax over all passages that were shown, as in
contrastive training. How many steps, and how much of it is mixed with doing nothing, is what does
best on clusters of questions that each fold did not learn from; often that is none at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.learn.folding import folds_of
from rag.learn.measuring import DEEP

Floats = NDArray[np.float32]
ENOUGH = 50
"""Questions with a useful passage below which nothing is fitted."""
FOLDS = 3
STEPS = 12
RATE = 3e-4
HEAT = 0.05
"""What cosines are divided by."""
MIXES = (0.5, 1.0)
_DISCOUNTS = 1 / np.log2(np.arange(2, DEEP + 2, dtype=np.float32))


class Fit(NamedTuple):
    """An adapter, and what it is worth on clusters that the folds did not learn from."""

    matrix: Floats
    mix: float
    """How much of it there is; 0 where none does better than doing nothing."""
    steps: int
    before: float
    """Mean nDCG@10 of a search by vectors alone, among all passages that were shown."""
    after: float


class Learned(NamedTuple):
    """Unit vectors of questions and of the pool of passages, a row each, and how useful each
    passage is for each question, its row adding up to 1."""

    questions: Floats
    pool: Floats
    useful: Floats

    def of(self, places: NDArray[np.bool_]) -> Learned:
        return Learned(self.questions[places], self.pool, self.useful[places])


def adapted(questions: Floats, useful: Sequence[Mapping[int, float]], pool: Floats) -> Fit:
    """`questions` and `pool` are unit vectors, a row each; `useful` names rows of the pool, each
    with how useful it is. Equal ones give an equal fit."""
    share = np.zeros((len(questions), len(pool)), dtype=np.float32)
    for n, said in enumerate(useful):
        for place, value in said.items():
            share[n, place] = value
    share /= share.sum(axis=1, keepdims=True)
    learned = Learned(questions, pool, share)
    folds = folds_of(questions, share > 0, FOLDS)
    nothing = np.zeros((questions.shape[1],) * 2, dtype=np.float32)
    before = np.zeros(len(questions))
    gains = np.zeros((STEPS, len(MIXES), len(questions)))
    for fold in np.unique(folds):
        apart = folds == fold
        if apart.all():
            # All belong together, so nothing can be told.
            break
        kept = learned.of(apart)
        before[apart] = _worth(kept, nothing)
        for step, turn in enumerate(_steps(learned.of(~apart))):
            for n, mix in enumerate(MIXES):
                gains[step, n, apart] = _worth(kept, mix * turn) - before[apart]
    surely = gains.mean(axis=2) - gains.std(axis=2) / np.sqrt(len(questions))
    step, n = (int(one) for one in np.unravel_index(int(surely.argmax()), surely.shape))
    told, alone = float(before.mean()), np.eye(questions.shape[1], dtype=np.float32)
    if surely[step, n] <= 0:
        return Fit(alone, 0.0, 0, told, told)
    *_, turn = (one for _, one in zip(range(step + 1), _steps(learned), strict=False))
    gain = float(gains[step, n].mean())
    matrix = (alone + MIXES[n] * turn).astype(np.float32)
    return Fit(matrix, MIXES[n], step + 1, told, told + gain)


def _steps(learned: Learned) -> Iterator[Floats]:
    """What is added to a question's vector, a matrix, after each step of Adam."""
    size = learned.questions.shape[1]
    turn = np.zeros((size, size), dtype=np.float32)
    mean, square = np.zeros_like(turn), np.zeros_like(turn)
    for step in range(1, STEPS + 1):
        turned = learned.questions + learned.questions @ turn.T
        length = np.linalg.norm(turned, axis=1, keepdims=True)
        unit = turned / length
        chance = unit @ learned.pool.T
        chance /= HEAT
        chance -= chance.max(axis=1, keepdims=True)
        np.exp(chance, out=chance)
        chance /= chance.sum(axis=1, keepdims=True)
        chance -= learned.useful
        slope = (chance @ learned.pool) / HEAT
        slope = (slope - (slope * unit).sum(axis=1, keepdims=True) * unit) / length
        gradient = slope.T @ learned.questions / len(learned.questions)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient * gradient
        step_size = np.sqrt(square / (1 - 0.999**step)) + 1e-8
        turn = turn - RATE * (mean / (1 - 0.9**step)) / step_size
        yield turn


def _worth(kept: Learned, turn: Floats) -> NDArray[np.float64]:
    turned = kept.questions + kept.questions @ turn.T
    return worth(turned.astype(np.float32, copy=False), kept.pool, kept.useful)


def worth(questions: Floats, pool: Floats, useful: Floats) -> NDArray[np.float64]:
    """nDCG@10 of each question, by vectors alone: a row each, as `pool` has of each passage;
    `useful` says how useful each passage is for each question."""
    scores = questions @ pool.T
    deep = min(DEEP, scores.shape[1])
    best = np.argpartition(-scores, deep - 1, axis=1)[:, :deep]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    gains = np.take_along_axis(useful, np.take_along_axis(best, order, axis=1), axis=1)
    ideal = -np.sort(-useful, axis=1)[:, :deep]
    discounts = _DISCOUNTS[:deep]
    return (gains @ discounts / (ideal @ discounts)).astype(np.float64)
