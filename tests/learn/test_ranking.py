"""Trees learn what makes hits useful in general, and nothing where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest

from rag.backends.lambdamart import FEATURES, trees_of
from rag.learn.ranking import Asked, Fit, ranked, scored

SIZE = 16
SHOWN = 10
FOUND = 30
TERMS = FEATURES.index("terms")


def asked(count: int, tells: str | None, seed: int = 3) -> list[Asked]:
    """Questions whose useful passage is the one of most `tells`, wherever the search has it."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, SIZE)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found: list[Asked] = []
    for n, vector in enumerate(vectors):
        rows = rng.random((FOUND, len(FEATURES)), dtype=np.float32)
        rows[:, FEATURES.index("fused")] = np.linspace(1, 0, FOUND)
        names = [f"{n}/{place}" for place in range(FOUND)]
        of = rng.random(SHOWN) if tells is None else rows[:SHOWN, FEATURES.index(tells)]
        useful = {names[int(of.argmax())]: 1.0}
        found.append(Asked(vector, rows, names, useful, frozenset(names[:SHOWN])))
    return found


def test_what_makes_hits_useful_in_general_is_learned() -> None:
    found = ranked(asked(120, "terms"))
    assert found.trees > 0
    assert found.after > found.before + 0.2
    # Also of questions that had no part in it.
    others = asked(40, "terms", seed=4)
    trees = trees_of(found.written)
    first = sum(
        one.names[int(scored(trees, one.rows)[:SHOWN].argmax())] in one.useful for one in others
    )
    assert first > 25


def test_where_nothing_can_be_learned_the_order_stays() -> None:
    found = ranked(asked(120, None))
    assert (found.trees, found.written, found.after) == (0, b"", found.before)


def test_equal_ratings_give_equal_trees() -> None:
    def grown() -> Fit:
        return ranked(asked(60, "terms"))

    assert grown().written == grown().written


def test_questions_that_share_a_passage_are_never_learned_from_and_measured_with() -> None:
    """Each is asked again in other words; whoever knew its passages by heart would seem to gain."""
    rng = np.random.default_rng(5)
    alone = asked(60, None)
    again = [
        one._replace(
            vector=(vector := one.vector + 0.1 * rng.normal(size=SIZE).astype(np.float32))
            / np.linalg.norm(vector)
        )
        for one in alone
    ]
    assert ranked([*alone, *again]).trees == 0


def test_what_was_never_shown_is_no_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that nobody saw may say anything: the trees are the same."""
    monkeypatch.setattr("rag.learn.ranking.TREES", (10,))
    few = asked(60, "terms")
    rng = np.random.default_rng(6)
    others = [one._replace(rows=one.rows.copy()) for one in few]
    for one in others:
        rows = one.rows[SHOWN:]
        rows[:] = rng.random(rows.shape, dtype=np.float32) * 0.01
    grown = ranked(few)
    assert grown.trees == 10
    assert grown.written == ranked(others).written


def test_more_of_what_speaks_for_a_hit_never_moves_it_down() -> None:
    """Here, what was rated says the opposite of what everybody knows."""
    contrary = asked(120, "terms")
    for one in contrary:
        one.rows[:, TERMS] = 1 - one.rows[:, TERMS]
    assert ranked(contrary).trees == 0
