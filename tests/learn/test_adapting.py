"""A query adapter learns what many questions have in common, and nothing where there is nothing."""

from __future__ import annotations

import numpy as np

from rag.learn.adapting import Fit, Floats, adapted

SIZE = 16


def unit(rows: Floats) -> Floats:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def fit(turned: bool, count: int = 240) -> Fit:
    """Questions whose passages lie where they do, turned one way; or anywhere."""
    rng = np.random.default_rng(3)
    pool = unit(rng.normal(size=(count, SIZE)))
    if turned:
        # What people ask leans one way, which says nothing of what they look for.
        questions = unit(pool + 0.9 * np.eye(SIZE)[0] + rng.normal(size=pool.shape) * 0.2)
    else:
        questions = unit(rng.normal(size=(count, SIZE)))
    return adapted(questions, [{n: 1.0} for n in range(count)], pool)


def test_what_questions_have_in_common_is_learned() -> None:
    found = fit(True)
    assert found.mix > 0
    assert found.after > found.before
    assert found.matrix.shape == (SIZE, SIZE)
    # What leads astray counts for less than it did.
    assert found.matrix[0, 0] < np.delete(found.matrix.diagonal(), 0).mean()


def test_where_nothing_can_be_learned_nothing_is_turned() -> None:
    found = fit(False)
    assert (found.mix, found.steps) == (0.0, 0)
    assert found.after == found.before
    assert (found.matrix == np.eye(SIZE)).all()


def test_equal_ratings_give_an_equal_adapter() -> None:
    assert (fit(True).matrix == fit(True).matrix).all()


def test_questions_that_share_a_passage_are_never_learned_from_and_measured_with() -> None:
    """Each is asked again in other words; alone, these would seem to gain whatever is learned."""
    rng = np.random.default_rng(5)
    pool = unit(rng.normal(size=(60, SIZE)))
    questions = unit(rng.normal(size=(60, SIZE)))
    again = unit(questions + 0.1 * rng.normal(size=questions.shape))
    useful = [{n: 1.0} for n in range(60)]
    found = adapted(np.concatenate([questions, again]), useful * 2, pool)
    assert found.mix == 0
