"""How near is near enough is told by what people rated, or not told at all."""

from __future__ import annotations

import numpy as np
import pytest

from rag.learn.remembering import ENOUGH, USUAL, Rated, fitted, held_out
from rag.retrieve.memory import Note, Vote

TOPICS = 6


def question(topic: int, turn: int, *, alike: float) -> Rated:
    """Of one of some topics, all of which are as alike as told; its own passage comes second."""
    rng = np.random.default_rng(1_000 * topic + turn)
    vector = np.zeros(TOPICS + 1 + 32)
    vector[topic] = np.sqrt(1 - alike)
    vector[TOPICS] = np.sqrt(alike)
    noise = rng.normal(size=32)
    vector[TOPICS + 1 :] = 0.1 * noise / np.linalg.norm(noise)
    vector /= np.linalg.norm(vector)
    shown = [("wrong", 1.0), (f"right {topic}", 0.9)]
    shown += [(f"right {one}", 0.8) for one in range(TOPICS) if one != topic]
    notes = [Note(chunk_id=f"right {topic}", votes=(Vote(f"p{topic} {turn}", 1.0, "e"),))]
    return Rated(vector.astype(np.float16).tobytes(), shown, notes)


def month(*, alike: float, turns: int = 20) -> list[Rated]:
    return [question(topic, turn, alike=alike) for turn in range(turns) for topic in range(TOPICS)]


@pytest.mark.parametrize("alike", [0.0, 0.6, 0.72, 0.82])
def test_questions_that_want_something_else_are_kept_apart(alike: float) -> None:
    knobs, told = fitted(month(alike=alike))
    assert told
    assert alike < knobs.gate < 0.98


def test_where_nothing_can_be_gained_as_little_as_can_be_is_moved() -> None:
    first = [
        one._replace(shown=[(one.notes[0].chunk_id, 2.0), ("wrong", 0.5)])
        for one in month(alike=0.6)
    ]
    knobs, told = fitted(first)
    assert told
    assert (knobs.gate, knobs.strength) == (0.95, 0.25)


def test_with_little_said_it_is_what_is_usual() -> None:
    assert fitted([]) == (USUAL, False)
    assert fitted(month(alike=0.0, turns=5)[: ENOUGH - 1]) == (USUAL, False)
    # Nothing near was ever asked again: nothing is told either.
    alone = [question(n % TOPICS, 0, alike=0.0) for n in range(TOPICS)] * 4
    assert fitted(alone)[1] is False


def test_a_tenth_is_held_out_for_ever_unless_a_dataset_said_otherwise() -> None:
    clusters = [f"cluster {n}" for n in range(2_000)]
    out = {one for one in clusters if held_out(one, {})}
    assert 0.07 < len(out) / len(clusters) < 0.13
    assert out == {one for one in clusters if held_out(one, {})}
    one = next(iter(out))
    assert not held_out(one, {one: "train"})
    assert held_out("anything", {"anything": "test"})
