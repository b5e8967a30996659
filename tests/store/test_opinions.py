"""What a build gathers: one opinion per person, how far people agree, how much each counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.store.opinions import Opinion, Opinions


@pytest.fixture
def opinions(tmp_path: Path) -> Iterator[Opinions]:
    opened = Opinions(tmp_path / "opinions.db")
    yield opened
    opened.close()


def say(
    opinions: Opinions, key: str, actor: str, value: float, *, at: str = "1", expert: bool = False
) -> None:
    opinions.add("label", key, f"cluster of {key}", {"k": key})
    opinions.think(key, Opinion(actor, value, expert, f"{actor}-{key}-{at}", at))


def scores(opinions: Opinions) -> dict[str, float]:
    opinions.settle(1_000)
    return {one.key: round(one.score, 3) for one in opinions.scored("label")}


def test_the_last_opinion_of_a_person_counts_whatever_the_order(opinions: Opinions) -> None:
    say(opinions, "a", "ada", 1, at="2")
    say(opinions, "a", "ada", -1, at="1")
    assert scores(opinions) == {"a": 1.0}


def test_an_expert_counts_twice(opinions: Opinions) -> None:
    say(opinions, "a", "ada", 1)
    say(opinions, "a", "eve", -1, expert=True)
    opinions._sql.execute("DELETE FROM rater")
    assert [round(one.score, 3) for one in opinions.scored("label")] == [-0.333]


def test_who_is_mostly_against_the_others_counts_less(opinions: Opinions) -> None:
    for n in range(20):
        for actor in ("ada", "bea", "cid"):
            say(opinions, f"k{n:02}", actor, 1)
        say(opinions, f"k{n:02}", "mal", -1)
    found = scores(opinions)
    # Four agreements are everybody's to begin with: 4 of 24 are left.
    assert found["k00"] == round((3 - 4 / 24) / (3 + 4 / 24), 3)
    assert opinions.raters() == (4, 1)


def test_one_person_is_heard_so_often_and_no_more(opinions: Opinions) -> None:
    for n in range(10):
        say(opinions, f"k{n}", "mal", 1)
    say(opinions, "k0", "ada", -1)
    assert opinions.settle(3) == 7
    assert [one.key for one in opinions.scored("label")] == ["k0", "k1", "k2"]


def test_agreement_is_krippendorffs_alpha(opinions: Opinions) -> None:
    assert opinions.agreement() is None
    # The nominal example of two observers and ten units in Krippendorff's "Computing
    # Krippendorff's Alpha-Reliability" (2011), section B: alpha is .095.
    first, second = (0, 1, 0, 0, 0, 0, 0, 0, 1, 0), (1, 1, 1, 0, 0, 1, 0, 0, 0, 0)
    for n, pair in enumerate(zip(first, second, strict=True)):
        for actor, value in zip(("meg", "owen"), pair, strict=True):
            say(opinions, f"k{n}", actor, 1 if value else -1)
    assert opinions.agreement() == pytest.approx(0.095, abs=0.001)


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc"), st.sampled_from((-1, 1)))))
def test_whatever_is_said_twice_changes_nothing(said: list[tuple[int, str, int]]) -> None:
    once, twice = Opinions(Path(":memory:")), Opinions(Path(":memory:"))
    try:
        for key, actor, value in said:
            say(once, str(key), actor, value)
        for key, actor, value in [*said, *said]:
            say(twice, str(key), actor, value)
        once.settle(2), twice.settle(2)
        assert [*once.scored("label")] == [*twice.scored("label")]
    finally:
        once.close()
        twice.close()


def test_what_was_gathered_when_it_was_cut_off_is_not_there(opinions: Opinions) -> None:
    with opinions.gathering("trace-1"):
        say(opinions, "a", "ada", 1)

    def killed() -> None:
        with opinions.gathering("trace-2"):
            say(opinions, "b", "ada", 1)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        killed()
    assert opinions.noted("after") == "trace-1"
    assert scores(opinions) == {"a": 1.0}
