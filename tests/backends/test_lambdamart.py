"""What trees look at: finite whatever was found, and the same in whatever order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.backends.lambdamart import FEATURES, LambdaMartReranker, features
from rag.errors import ConfigError
from rag.testing.reranker import QUESTION, found
from rag.types import Hit, Score

numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


@st.composite
def hits(draw: st.DrawFn) -> list[Hit]:
    texts = draw(st.lists(st.text(max_size=60) | st.sampled_from((QUESTION, "pump")), max_size=8))
    made: list[Hit] = []
    for hit in found(tuple(texts)):
        scores = tuple(
            Score(stage=stage, rank=draw(st.integers(1, 60)), score=draw(numbers))
            for stage in draw(st.sets(st.sampled_from(("dense", "bm25", "fusion", "memory"))))
        )
        payload = hit.payload.model_copy(
            update={
                "document_id": draw(st.sampled_from("ab")),
                "title": draw(st.text(max_size=10)),
                "ordinal": draw(st.integers(0, 10_000)),
                "modified_at": draw(st.none() | numbers),
            }
        )
        made.append(hit.model_copy(update={"scores": scores, "payload": payload}))
    return made


@given(st.text(max_size=80) | st.just(QUESTION), hits())
def test_every_hit_has_a_finite_row(question: str, some: list[Hit]) -> None:
    rows = features(question, some)
    assert rows.shape == (len(some), len(FEATURES))
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()


@given(st.just(QUESTION), hits(), st.randoms())
def test_the_order_of_the_hits_changes_no_row(question: str, some: list[Hit], by: object) -> None:
    order = list(range(len(some)))
    by.shuffle(order)  # type: ignore[attr-defined]
    shuffled = features(question, [some[n] for n in order])
    assert (shuffled == features(question, some)[order]).all()


def test_what_the_question_asks_for_is_found_in_texts() -> None:
    rows = features(QUESTION, found())
    terms = rows[:, FEATURES.index("terms")]
    assert terms.argmax() == 0
    assert terms[2] == 0
    assert rows[0, FEATURES.index("phrase")] > rows[1, FEATURES.index("phrase")] > 0
    # Where nothing says anything about a hit it says nothing for it.
    assert rows[1, FEATURES.index("words_place")] == 0
    assert rows[2, FEATURES.index("words_place")] == pytest.approx(1 / 3)


def test_a_file_that_is_no_reranker_is_a_config_error(tmp_path: Path) -> None:
    file = tmp_path / "reranker.json"
    with pytest.raises(ConfigError, match="No reranker in"):
        LambdaMartReranker(file)
    file.write_text('{"learner": {}}')
    with pytest.raises(ConfigError, match="damaged"):
        LambdaMartReranker(file)
