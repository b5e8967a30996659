"""What hits are worth, by ids where they are cut as what was rated, and by what they hold where
they are not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.learn.measuring import Place, Wanted, gains, held, ndcg, worth
from rag.types import Hit, Payload

LENGTH = 60
OLD, NEW = "old cut", "new cut"


def hit(name: str, place: Place) -> Hit:
    return Hit(
        rank=1,
        score=1.0,
        scores=(),
        payload=Payload(
            chunk_id=name,
            source="docs",
            readers=(),
            language="en",
            title="",
            uri="",
            text="",
            header="",
            ordinal=0,
            **place._asdict(),
        ),
    )


def cut(marks: Sequence[int], document: str = "d", version: int = 1) -> list[Place]:
    """A document of sixty characters, cut at these."""
    edges = sorted({0, LENGTH, *marks})
    return [Place(document, version, *edges[n : n + 2]) for n in range(len(edges) - 1)]


marks = st.lists(st.integers(1, LENGTH - 1), max_size=8)
values = st.lists(st.floats(0, 1), min_size=9, max_size=9)


def wanted_of(places: Sequence[Place], useful: Sequence[float]) -> Wanted:
    named = {str(n): one for n, one in enumerate(places)}
    return Wanted(dict(zip(named, useful, strict=False)), {}, OLD, named)


@given(marks, values, st.randoms())
def test_the_same_cut_is_worth_what_its_ids_are(marks, values, random) -> None:
    places = cut(marks)
    wanted = wanted_of(places, values)
    order = list(enumerate(places))
    random.shuffle(order)
    hits = [hit(str(n), one) for n, one in order]
    by_id = worth([(str(n), "d") for n, _ in order], wanted)
    assert ndcg(hits, wanted, OLD) == by_id
    assert ndcg(hits, wanted, NEW) == pytest.approx(by_id)


@given(marks, values, st.lists(st.tuples(st.integers(0, 59), st.integers(1, 60)), max_size=20))
def test_no_cut_is_worth_more_than_what_was_rated(marks, values, spans) -> None:
    wanted = wanted_of(cut(marks), values)
    found = [Place("d", 1, start, max(start + 1, end)) for start, end in spans]
    hits = [hit(f"x{n}", one) for n, one in enumerate(found)]
    assert 0 <= ndcg(hits, wanted, NEW) <= 1 + 1e-9
    # Each part of a rated passage is counted once.
    assert sum(held(found, wanted)) <= sum(wanted.passages.values()) + 1e-9
    assert all(one <= 1 + 1e-9 for one in held(found, wanted))


def test_a_hit_is_worth_the_part_that_it_is_the_first_to_hold() -> None:
    wanted = wanted_of(cut([20, 40]), [0.0, 1.0, 0.0])

    def gained(*spans: tuple[int, int]) -> list[float]:
        return held([Place("d", 1, *span) for span in spans], wanted)

    assert gained((0, 60), (20, 40)) == [1.0, 0.0]
    assert gained((15, 25), (20, 30), (25, 60), (0, 60)) == [0.25, 0.25, 0.5, 0.0]
    assert gained((0, 20), (40, 60)) == [0.0, 0.0]
    # What lies between is still to be found.
    assert gained((25, 35), (0, 60)) == [0.5, 0.5]


def test_a_hit_counts_for_one_passage_and_one_version() -> None:
    both = wanted_of(cut([20, 40]), [1.0, 0.5, 0.0])
    assert held([Place("d", 1, 0, 60)], both) == [1.0]
    assert held([Place("d", 1, 10, 30)], both) == [0.75]
    assert held([Place("d", 2, 0, 60), Place("e", 1, 0, 60)], both) == [0.0, 0.0]


def test_a_wanted_document_counts_once_in_any_cut() -> None:
    hits = [hit("a", Place("d", 3, 0, 9)), hit("b", Place("d", 3, 9, 20))]
    for wanted in (Wanted({}, {"d": 1.0}), Wanted({"x": 1.0}, {"d": 1.0}, OLD)):
        assert gains(hits, wanted, NEW) == [1.0, 0.0]


def test_a_passage_of_the_same_id_in_another_cut_is_another_one() -> None:
    wanted = Wanted({"a": 1.0}, {}, OLD, {"a": Place("d", 1, 0, 10)})
    elsewhere = [hit("a", Place("d", 1, 10, 20)), hit("b", Place("d", 1, 0, 10))]
    assert gains(elsewhere, wanted, OLD) == [1.0, 0.0]
    assert gains(elsewhere, wanted, NEW) == [0.0, 1.0]
