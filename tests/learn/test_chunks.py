"""Cuts are tried around the one in use, measured by what a model is given, and chosen surely."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import InvalidInput
from rag.learn.chunks import LEAST, Cut, Passage, Sought, around, chosen, holds
from rag.learn.measuring import Place

MANUAL = "file:///docs/manual.pdf"


def passage(text: str, tokens: int, start: int = 0, uri: str = MANUAL, version: int = 1) -> Passage:
    return Passage(Place(uri, version, start, start + len(text)), uri, text, tokens)


@given(st.integers(24, 600), st.integers(0, 200), st.integers(24, 8000))
def test_cuts_to_try_are_others_that_fit(size: int, overlap: int, limit: int) -> None:
    now = Cut(min(size, limit), min(overlap, size // 3))
    cuts = around(now, limit)
    assert now not in cuts
    assert len({*cuts}) == len(cuts) <= 10
    assert all(min(LEAST, limit) <= one.size <= limit for one in cuts)
    assert all(one.overlap < one.size // 3 for one in cuts)


def test_facts_count_in_the_documents_that_are_named() -> None:
    sought = Sought(facts=[["28 m³/h"], ["38 m", "38 metres"]], paths=["manual.pdf"])
    both = passage("At most 28 m³/h, and 38 metres.", 10)
    assert holds([both], sought, 1000) == 1.0
    assert holds([passage("At most 28 m³/h.", 10)], sought, 1000) == 0.5
    assert holds([both._replace(uri="file:///docs/other-manual.pdf")], sought, 1000) == 0.0


def test_what_comes_sooner_counts_more_however_long_passages_are() -> None:
    sought = Sought(facts=[["28 m³/h"]], paths=["manual.pdf"])
    other, wanted = passage("Something else.", 30), passage("28 m³/h", 30)
    assert holds([wanted, other], sought, 120) == 1.0
    assert holds([other, wanted], sought, 120) == pytest.approx(2 / 3)
    # What does not fit is left out, and what comes after it is not.
    assert holds([passage("A long one.", 500), wanted], sought, 120) == 1.0
    assert holds([wanted._replace(tokens=100)], sought, 120) == pytest.approx(1 / 3)


def test_of_what_was_found_useful_each_part_counts_once() -> None:
    place = Place(MANUAL, 1, 10, 30)
    sought = Sought(rated={place: 1.0, Place("elsewhere", 1, 0, 10): 0.25})
    half = passage("x" * 10, 1, start=10)
    assert holds([half, half], sought, 100) == pytest.approx(0.5 / 1.25)
    assert holds([passage("x" * 60, 1)], sought, 100) == pytest.approx(1 / 1.25)
    assert holds([passage("x" * 60, 1, version=2)], sought, 100) == 0.0


def test_only_what_is_surely_better_is_chosen() -> None:
    before = np.array([0.0, 1.0] * 20)
    surely, perhaps = before + 0.1, before + np.array([1.0, -0.9] * 20)
    best = chosen(before, {Cut(90, 0): perhaps, Cut(256, 0): surely})
    assert best == (Cut(256, 0), 0.5, pytest.approx(0.6))
    with pytest.raises(InvalidInput, match="Of 1 other cut none is surely better"):
        chosen(before, {Cut(90, 0): perhaps})
