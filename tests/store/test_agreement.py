"""How far people agree: of one person the last word counts, whichever equal answer it was on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.store.agreement import Agreements, weight
from rag.store.inbox import Inbox, Wanted
from rag.store.opinions import alpha
from tests.store.test_gaps import START, Told, told

__all__ = ("told",)
SAME = {"answered": True, "answer_sha": "equal"}


def test_alpha_is_krippendorffs() -> None:
    # Krippendorff's own example of two observers and ten units, values 0 and 1: alpha .095.
    both = [(0, 2)] * 5 + [(2, 0)] * 1 + [(1, 1)] * 4
    assert alpha(both) == pytest.approx(0.095, abs=0.001)
    assert alpha([(2, 0), (0, 3)]) == 1.0
    assert alpha([(1, 0), (0, 1)]) is None
    assert alpha([(2, 0), (3, 0)]) == 1.0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20))
def test_alpha_does_not_care_which_is_good(units: list[tuple[int, int]]) -> None:
    found = alpha(units)
    assert found == alpha([(down, up) for up, down in units])
    assert found is None or found <= 1


def test_who_agrees_with_whom_is_told(told: Told) -> None:
    for about, opinions in ((1, (1, 1, -1)), (2, (1, 1, 1))):
        for who, value in zip("abc", opinions, strict=True):
            told.rate(who, told.ask(who, about, **SAME), value=value)
    told.rate("a", told.ask("a", 3, **SAME), value=-1)
    found = Agreements(told.database).of("sample", None, None)
    assert (found.opinions, found.people, found.units, found.cut) == (7, 3, 2, False)
    assert found.alpha == alpha([(2, 1), (3, 0), (0, 1)])
    assert [(one.month, one.opinions, one.units) for one in found.periods] == [("2026-01", 7, 2)]
    raters = {one.by[0]: one for one in found.raters}
    assert [one.by[0] for one in found.raters] == ["a", "b", "c"]
    assert [(raters[who].compared, raters[who].agreed) for who in "abc"] == [(2, 1), (2, 1), (2, 1)]
    assert raters["c"].weight == weight(1, 1, expert=False) < raters["a"].weight
    [disputed] = found.disputed
    assert (disputed.up, disputed.down) == (2, 1)
    said = Inbox(told.database).page("sample", Wanted(unit=disputed.unit), 9)
    assert [one.feedback.value for one in said] == [-1.0, 1.0, 1.0]


def test_the_last_word_counts_and_what_is_taken_back_does_not(told: Told) -> None:
    told.rate("a", told.ask("a", 1, **SAME), value=1)
    mine = told.ask("b", 1, **SAME)
    said = told.rate("b", mine, value=-1)
    assert len(Agreements(told.database).of("sample", None, None).disputed) == 1
    again = told.rate("b", told.ask("b", 1, **SAME), value=1)
    found = Agreements(told.database).of("sample", None, None)
    assert (found.opinions, found.disputed) == (2, ())
    [last] = Inbox(told.database).page("sample", Wanted(), 1)
    told.pass_time()
    told.log.retract("b-of-this-folder", last.feedback.trace_id, again)
    found = Agreements(told.database).of("sample", None, None)
    assert len(found.disputed) == 1, "what was said of the equal answer before stands"
    told.pass_time()
    told.log.retract("b-of-this-folder", mine, said)
    found = Agreements(told.database).of("sample", None, None)
    assert (found.opinions, found.people) == (1, 1)


def test_other_words_questions_domains_and_times_are_others(told: Told) -> None:
    told.rate("a", told.ask("a", 1, **SAME), value=1)
    told.rate("b", told.ask("b", 1, answered=True, answer_sha="other"), value=-1)
    told.rate("b", told.ask("b", 2, **SAME), value=-1)
    assert Agreements(told.database).of("sample", None, None).units == 0
    later = Agreements(told.database).of("sample", told.now, told.now + timedelta(1))
    assert later.opinions == 1
    assert Agreements(told.database).of("sample", None, START).opinions == 0
    assert Agreements(told.database).of("other", None, None).opinions == 0
