"""Of the settings that join two lists the one is chosen that surely does better, or none."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from rag.domain import RetrievalKnobs
from rag.errors import InvalidInput
from rag.learn.configuring import Listed, choices, searched
from rag.learn.measuring import Wanted
from rag.types import Candidates, Scored


def listed(wanted: str, count: int = 40) -> list[Listed]:
    """The words find one passage first, the meaning another one."""

    def scored(scores: Mapping[str, float]) -> tuple[Scored, ...]:
        return tuple(Scored(chunk_id=name, score=score) for name, score in scores.items())

    dense = scored({**{f"d{n}": 1 - n / 20 for n in range(10)}, "words": 0.4})
    sparse = scored({"words": 9.0, "d3": 8.5, **{f"s{n}": 1 - n / 20 for n in range(9)}})
    found = Candidates(dense=dense, sparse=sparse)
    documents = {one.chunk_id: f"of {one.chunk_id}" for one in (*dense, *sparse)}
    return [Listed([found], documents, Wanted({wanted: 1.0}))] * count


def test_what_finds_the_wanted_passage_counts_for_more() -> None:
    by_words = searched(listed("words"), RetrievalKnobs(sparse_weight=0.5))
    assert by_words.knobs["sparse_weight"] > 0.5
    assert by_words.after > by_words.before
    by_meaning = searched(listed("d0"), RetrievalKnobs(sparse_weight=3.0))
    assert by_meaning.knobs["sparse_weight"] < 3.0
    assert by_meaning.after == pytest.approx(1.0)


def test_where_nothing_is_better_nothing_is_chosen() -> None:
    with pytest.raises(InvalidInput, match="surely better"):
        searched(listed("d0"), RetrievalKnobs(sparse_weight=0.0))


def test_a_document_counts_by_its_best_passage() -> None:
    one = listed("words")[0]
    by_document = one._replace(wanted=Wanted({}, {"of words": 1.0}))
    found = searched([by_document] * 40, RetrievalKnobs(sparse_weight=0.0))
    assert found.after == searched(listed("words"), RetrievalKnobs(sparse_weight=0.0)).after


def test_a_shallower_list_is_as_if_less_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    in_use = RetrievalKnobs(limit=10, candidates=50)
    assert {one["candidates"] for one in choices(in_use)} == {50, 25, 12}
    assert {one["candidates"] for one in choices(RetrievalKnobs(limit=40))} == {50, 40}
    assert {one["candidates"] for one in choices(RetrievalKnobs(candidates=5))} == {5}

    def scored(names: list[str]) -> tuple[Scored, ...]:
        return tuple(Scored(chunk_id=one, score=1 - n / 100) for n, one in enumerate(names))

    # What both lists have far down is before what one has first, unless they end before it.
    deep = [f"b{n}" for n in range(20)]
    dense = scored(["wanted", *(f"d{n}" for n in range(24)), *deep])
    sparse = scored([*(f"s{n}" for n in range(25)), *deep])
    documents = {one.chunk_id: one.chunk_id for one in (*dense, *sparse)}
    question = Listed([Candidates(dense=dense, sparse=sparse)], documents, Wanted({"wanted": 1.0}))
    monkeypatch.setattr("rag.learn.configuring.CHOICES", ({"fusion": "rrf", "rrf_k": 60},))
    found = searched([question] * 40, RetrievalKnobs(fusion="rrf", rrf_k=60))
    assert found.knobs["candidates"] == 25
    assert found.before < found.after
