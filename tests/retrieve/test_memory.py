"""What people found of passages, added up: nearness, people, and what nobody may do alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.retrieve.fuse import Ranked, remembered
from rag.retrieve.memory import MemoryKnobs, Moved, Note, Vote, boosts, lower_bound

KNOBS = MemoryKnobs(gate=0.6, strength=3.0)
SHARES = st.floats(0, 1)
COUNTS = st.floats(0, 1_000)


def note(chunk_id: str, *values: float, rater: str = "r") -> Note:
    votes = [Vote(f"{rater}{n}", value, f"e{n}") for n, value in enumerate(values)]
    return Note(chunk_id=chunk_id, votes=tuple(votes))


def test_who_praises_several_passages_of_a_question_shares_one_vote_among_them() -> None:
    def by(rater: str, *names: str) -> list[Note]:
        return [Note(chunk_id=name, votes=(Vote(rater, 1.0, "e"),)) for name in names]

    one = boosts([(1.0, by("r", "a"))], KNOBS)["a"].boost
    three = boosts([(1.0, by("r", "a", "b", "c"))], KNOBS)
    assert three["a"].boost == three["b"].boost == three["c"].boost < one
    # Another person's word, another question's, and what somebody found useless are their own.
    against = Note(chunk_id="d", votes=(Vote("r", -1.0, "e"),))
    assert boosts([(1.0, [*by("r", "a"), *by("s", "b"), against])], KNOBS)["a"].boost == one
    assert boosts([(1.0, by("r", "a")), (0.9, by("r", "b"))], KNOBS)["a"].boost == one


@given(COUNTS, COUNTS)
def test_a_lower_bound_is_a_share_and_below_what_was_seen(useful: float, against: float) -> None:
    bound = lower_bound(useful, against)
    assert 0 <= bound <= 1
    if useful + against > 0:
        assert bound <= useful / (useful + against) + 1e-9


@given(st.integers(1, 50), st.integers(0, 50))
def test_more_of_the_same_opinion_is_surer(useful: int, against: int) -> None:
    assert lower_bound(2 * useful, 2 * against) >= lower_bound(useful, against) - 1e-9
    assert lower_bound(useful + 1, against) > lower_bound(useful, against)


def test_a_nearer_question_counts_more_and_one_at_the_gate_nothing() -> None:
    moved = [
        boosts([(similarity, [note("a", 1.0)])], KNOBS)["a"].boost for similarity in (0.7, 0.9, 1.0)
    ]
    assert moved == sorted(moved)
    assert boosts([(0.6, [note("a", 1.0)])], KNOBS) == {}


def test_nobody_moves_anything_down_or_counts_twice() -> None:
    assert boosts([(1.0, [note("a", -1.0, -1.0)])], KNOBS) == {}
    once = boosts([(1.0, [note("a", 1.0)])], KNOBS)["a"]
    again = boosts([(1.0, [note("a", 1.0)]), (0.9, [note("a", 1.0)])], KNOBS)["a"]
    assert again == once
    assert (again.people, again.useful) == (1, 1)
    two = boosts([(1.0, [note("a", 1.0)]), (1.0, [note("a", 1.0, rater="s")])], KNOBS)["a"]
    assert two.boost > once.boost


def test_who_disagrees_takes_away_and_is_told_of() -> None:
    agreed = boosts([(1.0, [note("a", 1.0, 1.0)])], KNOBS)["a"]
    torn = boosts([(1.0, [note("a", 1.0, -1.0)])], KNOBS)["a"]
    assert torn.boost < agreed.boost
    assert (torn.people, torn.useful, torn.events) == (2, 1, ("e0", "e1"))
    assert torn.why.startswith(
        "1 of 2 found it useful, or opened it, for a question as near as 1.00"
    )


def ranked(*scores: float) -> list[Ranked]:
    return [Ranked(f"c{n}", score, n, (), "dbsf") for n, score in enumerate(scores, 1)]


def moved(boost: float) -> Moved:
    return Moved(boost, 0.9, 1, 1, ("e",))


def test_a_passage_that_was_not_found_joins_the_list_unless_a_filter_may_not_want_it() -> None:
    found = remembered(ranked(2.0, 1.0), {"new": moved(1.5)}, found_only=False)
    assert [one.chunk_id for one in found] == ["c1", "new", "c2"]
    found = remembered(ranked(2.0, 1.0), {"new": moved(1.5)}, found_only=True)
    assert [one.chunk_id for one in found] == ["c1", "c2"]


@given(st.lists(st.floats(0, 2), max_size=20), st.dictionaries(st.integers(1, 20), SHARES))
def test_what_is_not_remembered_keeps_its_order(
    scores: list[float], boosted: dict[int, float]
) -> None:
    before = sorted(ranked(*scores), key=lambda one: (-one.score, one.chunk_id))
    names = {f"c{n}": moved(boost) for n, boost in boosted.items() if n <= len(scores)}
    after = remembered(before, names, found_only=True)
    assert sorted(one.chunk_id for one in after) == sorted(one.chunk_id for one in before)
    rest = [one.chunk_id for one in before if one.chunk_id not in names]
    assert [one.chunk_id for one in after if one.chunk_id not in names] == rest
