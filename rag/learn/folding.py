"""Folds of questions, so that what is fitted is measured on what it cannot have learned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NEAR = 0.8
"""The cosine above which questions belong together."""
SEED = 20_261_122


def folds_of(
    questions: NDArray[np.float32], useful: NDArray[np.bool_], folds: int
) -> NDArray[np.int64]:
    """The fold of each question; those that are near, or share a useful passage, are in one.

    `questions` are unit vectors, a row each; `useful` has a column for each passage.
    """
    return folded(groups_of(questions, useful), folds)


def folded(groups: NDArray[np.int64], folds: int) -> NDArray[np.int64]:
    """The fold of each question; those of a group are in one."""
    names = np.unique(groups)
    fold = np.random.default_rng(SEED).permutation(np.arange(len(names)) % folds)
    return fold[np.searchsorted(names, groups)]


def groups_of(questions: NDArray[np.float32], useful: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Which questions belong together, by a number for each: those that are near, or share a useful
    passage."""
    parents = np.arange(len(questions))

    def root(n: int) -> int:
        while parents[n] != n:
            parents[n] = parents[parents[n]]
            n = int(parents[n])
        return n

    def join(one: int, other: int) -> None:
        first, second = sorted((root(one), root(other)))
        parents[second] = first

    for n in range(len(questions)):
        for other in np.flatnonzero(questions[:n] @ questions[n] > NEAR):
            join(n, int(other))
    for passage in np.flatnonzero(useful.sum(axis=0) > 1):
        first, *others = np.flatnonzero(useful[:, passage])
        for other in others:
            join(int(first), int(other))
    return np.array([root(n) for n in range(len(questions))])
