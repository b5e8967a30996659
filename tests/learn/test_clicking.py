"""What people opened, as votes: what stood further down was looked at less."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.learn.clicking import CLICK, USUAL, Clicks, Look, looks, steepness
from rag.store.events import Event

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def click(actor: str, chunk_id: str, id: str = "") -> Event:
    return Event(
        id=id or f"{actor} {chunk_id}", trace_id="t", other_trace_id=None, actor=actor, at=NOW,
        rater="user", signal="click", value=None, target={"chunk_id": chunk_id}, correction=None,
        purposes=("retrieval",), review="raw", asker=actor,
    )  # fmt: skip


def trace(*cited: str, hits: tuple[str, ...] = (), id: str = "t") -> dict:
    return {
        "id": id,
        "citations": [{"chunk_id": one} for one in cited],
        "hits": [{"chunk_id": one, "rank_shown": n} for n, one in enumerate(hits or cited, 1)],
    }


def test_who_opened_nothing_has_looked_at_nothing():
    found = looks(trace("a", "b", "a", "c"), "q", [click("ada", "b"), click("bob", "c")])
    assert {(one.actor, one.chunk_id, one.place, one.opened) for one in found} == {
        ("ada", "a", 1, False), ("ada", "b", 2, True), ("ada", "c", 3, False),
        ("bob", "a", 1, False), ("bob", "b", 2, False), ("bob", "c", 3, True),
    }  # fmt: skip
    # What was passed over goes with the click that says so.
    assert {one.event for one in found if one.actor == "ada"} == {"ada b"}
    assert looks(trace("a"), "q", []) == []


def test_what_is_not_cited_was_seen_by_those_who_opened_it_only():
    found = looks(trace("a", hits=("x", "a", "y")), "q", [click("ada", "y"), click("bob", "gone")])
    assert [(one.actor, one.chunk_id, one.place) for one in found] == [
        ("ada", "a", 1), ("ada", "y", 3), ("bob", "a", 1),
    ]  # fmt: skip


def test_a_click_further_down_says_more_against_what_stands_above():
    clicks = Clicks(per_rater=500)
    clicks.add(looks(trace("a", "b"), "q", [click("ada", "b"), click("bob", "b")]))
    votes = {(one.actor, one.vote.chunk_id): one.vote for one in clicks.votes()}
    assert votes["ada", "b"].value == CLICK
    # The first is looked at for sure, by both, and nobody opened it.
    assert votes["ada", "a"].value == votes["bob", "a"].value == -CLICK
    assert votes["ada", "a"].feedback_id == "ada b"


def test_what_stands_below_is_hardly_held_against_it():
    clicks = Clicks(per_rater=500)
    clicks.add(looks(trace("a", "b"), "q", [click("ada", "a"), click("bob", "a")]))
    votes = {(one.actor, one.vote.chunk_id): one.vote.value for one in clicks.votes()}
    assert votes["ada", "b"] == pytest.approx(-CLICK / 2)


def test_the_last_answer_of_a_person_counts_and_nobody_counts_without_end():
    clicks = Clicks(per_rater=1)
    clicks.add(looks(trace("a", "b"), "q", [click("ada", "a")]))
    clicks.add(looks(trace("a", "b", id="later"), "q", [click("ada", "b")]))
    clicks.add(looks(trace("c"), "another question", [click("ada", "c")]))
    told = clicks.votes()
    assert {one.vote.trace_id for one in told} == {"later"}
    assert {one.vote.chunk_id for one in told if one.vote.value > 0} == {"b"}


def people(steep: float, rng: np.random.Generator, questions: int) -> list[list[Look]]:
    """Each passage as it stood at different places for different people."""
    found = []
    for _ in range(questions):
        useful = rng.uniform(0.05, 0.9)
        found.append(
            [
                Look("q", f"p{n}", "t", "c", place, rng.random() < useful * place**-steep, "e")
                for n, place in enumerate(rng.integers(1, 9, 12).tolist())
            ]
        )
    return found


@pytest.mark.parametrize("steep", [0.5, 1.0, 1.6])
def test_how_fast_people_stop_looking_is_told_by_their_clicks(steep: float):
    assert steepness(people(steep, np.random.default_rng(7), 600)) == pytest.approx(steep, abs=0.12)


def test_too_few_clicks_tell_nothing():
    assert steepness(people(0.2, np.random.default_rng(7), 8)) == USUAL
    alike = [[Look("q", f"p{n}", "t", "c", 3, True, "e") for n in range(500)]]
    assert steepness(alike) == USUAL


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ABCDE"), st.sampled_from("qr"), st.sets(st.sampled_from("abcx"))
        ),
        max_size=30,
    )
)
def test_votes_are_bounded_and_each_event_says_one_thing_of_a_passage(asked):
    clicks = Clicks(per_rater=500)
    for n, (actor, digest, opened) in enumerate(asked):
        events = [click(actor, one, f"{n} {one}") for one in sorted(opened)]
        clicks.add(
            looks(trace("a", "b", "c", hits=("a", "b", "c", "x"), id=f"t{n}"), digest, events)
        )
    votes = clicks.votes()
    assert all(-CLICK <= one.vote.value <= CLICK for one in votes)
    keys = [(one.vote.feedback_id, one.vote.chunk_id) for one in votes]
    assert len(keys) == len({*keys})
    persons = [(one.actor, one.digest, one.vote.chunk_id) for one in votes]
    assert len(persons) == len({*persons})
