"""Fusion: deterministic, fair to either list, and able to say why."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.domain import RetrievalKnobs
from rag.retrieve.fuse import fuse, merge
from rag.types import Candidates, Payload, Scored


def payload(number: int) -> Payload:
    return Payload(
        chunk_id=str(UUID(int=number)), document_id=f"d{number}", version=1, source="s",
        readers=("everyone",), language="en", title=f"t{number}", uri=f"file:///{number}",
        text=f"text {number}", header="", ordinal=0, start=0, end=6,
    )  # fmt: skip


def scored(*pairs: tuple[int, float]) -> tuple[Scored, ...]:
    ranked = sorted(pairs, key=lambda pair: (-pair[1], str(UUID(int=pair[0]))))
    return tuple(Scored(score=score, chunk_id=str(UUID(int=number))) for number, score in ranked)


def order(candidates: Candidates, **knobs: object) -> list[int]:
    hits = fuse(candidates, RetrievalKnobs.model_validate(knobs))
    return [UUID(hit.chunk_id).int for hit in hits]


def test_what_both_lists_like_wins_under_every_fusion() -> None:
    found = Candidates(
        dense=scored((1, 0.9), (2, 0.8), (3, 0.1)), sparse=scored((2, 9.0), (4, 8.0), (1, 1.0))
    )
    for fusion in ("dbsf", "rrf", "convex"):
        assert order(found, fusion=fusion)[0] == 2, fusion


def test_rrf_is_the_published_formula() -> None:
    found = Candidates(dense=scored((1, 0.9), (2, 0.8)), sparse=scored((2, 5.0)))
    hits = fuse(found, RetrievalKnobs(fusion="rrf", rrf_k=60))
    assert hits[0].score == pytest.approx(1 / 62 + 1 / 61)
    assert hits[1].score == pytest.approx(1 / 61)


def test_a_weight_of_zero_silences_a_list() -> None:
    found = Candidates(dense=scored((1, 0.9), (2, 0.8)), sparse=scored((2, 5.0), (1, 1.0)))
    assert order(found, sparse_weight=0.0) == [1, 2]
    assert order(found, dense_weight=0.0) == [2, 1]


def test_the_story_names_stage_rank_and_score() -> None:
    found = Candidates(dense=scored((1, 0.9), (2, 0.8)), sparse=scored((2, 5.0)))
    best = fuse(found, RetrievalKnobs())[0].hit(1, payload(2))
    assert [(score.stage, score.rank) for score in best.scores] == [
        ("dense", 2),
        ("bm25", 1),
        ("fusion", 1),
    ]
    assert best.scores[0].score == 0.8
    assert all(score.why for score in best.scores)


def test_nothing_found_and_one_list_only() -> None:
    assert order(Candidates()) == []
    assert order(Candidates(dense=scored((1, 0.5)))) == [1]


@given(
    st.lists(st.tuples(st.integers(1, 12), st.sampled_from([0.0, 0.25, 0.5, 1.0])), max_size=12),
    st.lists(st.tuples(st.integers(1, 12), st.sampled_from([0.0, 1.0, 2.0])), max_size=12),
    st.sampled_from(["dbsf", "rrf", "convex"]),
)
def test_order_is_by_score_then_id_and_nothing_is_lost(dense, sparse, fusion) -> None:
    found = Candidates(dense=scored(*dict(dense).items()), sparse=scored(*dict(sparse).items()))
    hits = fuse(found, RetrievalKnobs(fusion=fusion))
    keys = [(-hit.score, hit.chunk_id) for hit in hits]
    assert keys == sorted(keys)
    assert {UUID(hit.chunk_id).int for hit in hits} == dict(dense).keys() | dict(sparse).keys()
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))


def test_merging_keeps_the_best_of_each_query() -> None:
    one = fuse(Candidates(dense=scored((1, 0.9), (2, 0.2))), RetrievalKnobs())
    two = fuse(Candidates(dense=scored((2, 0.9), (3, 0.2))), RetrievalKnobs())
    merged = merge([one, two])
    assert [UUID(one.chunk_id).int for one in merged] == [1, 2, 3]
    assert [one.score for one in merged] == [one[0].score, two[0].score, two[1].score]
