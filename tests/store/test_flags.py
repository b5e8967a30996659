"""What looks odd is flagged when it is said, and nothing else comes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rag.store.flags import AGAIN, ALIKE, BURST, OTHERS, alike, words
from rag.store.inbox import Inbox, Wanted
from tests.store.test_gaps import Told, told

__all__ = ("told",)


def flagged(told: Told, kind: str) -> list[str]:
    """The ids of what is flagged so, the newest first, page by page."""
    inbox = Inbox(told.database)
    found = page = inbox.page("sample", Wanted.model_validate({"flag": kind}), 2)
    while page:
        last = page[-1].feedback.id
        page = inbox.page("sample", Wanted.model_validate({"flag": kind}), 2, last)
        found = [*found, *page]
    assert all(kind in {flag.kind for flag in one.flags} for one in found)
    return [one.feedback.id for one in found]


def test_many_within_a_few_minutes_are_a_burst(told: Told) -> None:
    told.step = timedelta(seconds=5)
    early = told.rate("a", told.ask("a", 1, answered=True), value=1)
    told.step = timedelta(minutes=6)
    other = told.rate("b", told.ask("b", 1, answered=True), value=1)
    told.step = timedelta(seconds=2)
    many = [told.rate("a", told.ask("a", n, answered=True), value=1) for n in range(2, BURST + 1)]
    assert flagged(told, "burst") == []
    many.append(told.rate("a", told.ask("a", 1, answered=True), value=1))
    assert flagged(told, "burst") == many[::-1]
    assert {early, other}.isdisjoint(many)


def test_the_same_words_again_and_again_are_flagged(told: Told) -> None:
    said = [
        told.rate("a", told.ask("a", n, answered=True), value=-1, comment=comment)
        for n, comment in enumerate(["This is plainly wrong", "this IS plainly wrong!"] * ALIKE)
    ][: ALIKE + 1]
    for n in range(ALIKE):
        told.rate("b", told.ask("b", n, answered=True), value=-1, comment="wrong")
        told.rate("c", told.ask("c", n, answered=True), value=-1, comment=f"{n} is not {n * 7} m")
    assert set(flagged(told, "alike")) >= set(said)
    assert len(flagged(told, "alike")) == 2 * ALIKE


def test_the_same_question_rated_again_and_again_is_flagged(told: Told) -> None:
    said = [told.rate("a", told.ask("a", 1, answered=True), value=1) for _ in range(AGAIN - 1)]
    told.rate("b", told.ask("b", 1, answered=True), value=1)
    told.rate("a", told.ask("a", 2, answered=True), value=1)
    assert flagged(told, "again") == []
    said.append(told.rate("a", told.ask("a", 1, answered=True), value=1))
    assert flagged(told, "again") == said[::-1]
    # A second verdict on one answer is no further question.
    again = told.ask("d", 3, answered=True)
    for n in range(AGAIN + 1):
        told.rate("d", again, value=(-1) ** n)
    assert flagged(told, "again") == said[::-1]


def test_one_against_all_is_flagged_until_somebody_agrees(told: Told) -> None:
    same = {"answered": True, "answer_sha": "equal"}
    for who in ["b", "c", "d"][:OTHERS]:
        told.rate(who, told.ask(who, 1, **same), value=1)
    alone = told.rate("a", told.ask("a", 1, **same), value=-1)
    told.rate("f", told.ask("f", 1, answered=True, answer_sha="other"), value=-1)
    assert flagged(told, "against") == [alone]
    [one] = Inbox(told.database).page("sample", Wanted(flag="against"), 9)
    assert [(flag.kind, flag.count) for flag in one.flags] == [("against", OTHERS)]
    assert one.state == "raw", "a flag changes nothing"
    told.rate("e", told.ask("e", 1, **same), value=-1)
    assert flagged(told, "against") == []


def test_what_is_replaced_is_flagged_no_more(told: Told) -> None:
    same = {"answered": True, "answer_sha": "equal"}
    for who in ("b", "c", "d"):
        told.rate(who, told.ask(who, 1, **same), value=1)
    mine = told.ask("a", 1, **same)
    told.rate("a", mine, value=-1)
    told.rate("a", mine, value=1)
    assert flagged(told, "against") == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("this is wrong", "This is WRONG.", True),
        ("the pump weighs 40 kg now", "the pump weighs 40 kg", True),
        ("the pump weighs 40 kg", "the flange weighs 12 g", False),
        ("", "", False),
    ],
)
def test_examples_of_alike(one: str, other: str, same: bool) -> None:
    assert alike(words(one), words(other)) is same
