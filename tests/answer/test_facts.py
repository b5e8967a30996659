"""Numbers, dates, names and denials are read exactly, and compared exactly."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.answer.facts import contradicts, facts, missing
from rag.answer.words import words


def lost(claim: str, *said: str) -> list[str]:
    told = {word for text in said for word in words(text)}
    return missing(facts(claim), [facts(text) for text in said], told)


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("The bolts take 45 Nm.", "Tighten the bolts to 45 Nm."),
        ("It costs 1,200 euro.", "Price: 1.200,00 €"),
        ("It costs $300 million.", "a $300,000,000 school"),
        ("It lasts two years.", "a 2-year warranty"),
        ("It runs at 200 to 300 bar.", "200-300 bar"),
        ("It holds 12 kg.", "a mass of 12kg"),
        ("At most 5 bar.", "no more than 5 bar"),
        ("Since 2025.", "Since 1 March 2025."),
        ("On March 1, 2025.", "on 2025-03-01"),
        ("Am 1. März 2025.", "seit 01.03.2025"),
        ("In March 2025.", "on the 1st of March 2025"),
        ("On 3/4/2025.", "on 4 March 2025"),
        ("The HX-200 is by Otto Klein.", "Otto Klein built the HX-200."),
        ("It takes 3.5 bar.", "3,5 bar"),
        ("It is at -3 °C.", "down to -3 °C"),
    ],
)
def test_the_same_fact_is_found_however_it_is_written(claim: str, said: str) -> None:
    assert lost(claim, said) == []


@pytest.mark.parametrize(
    ("claim", "said", "named"),
    [
        ("The bolts take 54 Nm.", "Tighten the bolts to 45 Nm.", "54 Nm"),
        ("It lasts 24 months.", "It lasts 24 hours.", "24 months"),
        ("It takes at least 5 bar.", "It takes at most 5 bar.", "at least 5 bar"),
        ("It costs 1,250 euro.", "It costs 1,200 euro.", "1,250 euro"),
        ("It began on 2 March 2025.", "It began on 1 March 2025.", "2 March 2025"),
        ("It began on 1 March 2025.", "It began in March 2025.", "1 March 2025"),
        ("The pump by Otto Klein.", "The pump by Otto Gross.", "Klein"),
        ("The HX-200 is blue.", "The HX-300 is blue.", "hx-200"),
        ("It is at 3 °C.", "It is at -3 °C.", "3 °C"),
        ("Part 8800-Q fits.", "Part 8800-R fits.", "8800-q"),
    ],
)
def test_another_fact_is_named(claim: str, said: str, named: str) -> None:
    assert lost(claim, said) == [named]


def test_capitals_name_nothing_where_every_noun_has_one() -> None:
    assert facts("Man prüft das Gehäuse.").names == ("Gehäuse",)
    assert facts("Man prüft das Gehäuse.", capitals=False).names == ()


@pytest.mark.parametrize(
    ("one", "other", "word"),
    [
        ("The warranty covers seals.", "The warranty does not cover seals.", "cover"),
        ("Seals are not covered by the warranty.", "The warranty does not cover seals.", ""),
        ("Parts can be returned.", "Parts cannot be returned.", "return"),
        ("Das gilt für Dichtungen.", "Das gilt nicht für Dichtungen.", "dichtungen"),
        ("It takes not more than 5 bar.", "It takes 5 bar.", ""),
        ("Replace it yearly.", "If it is not replaced it leaks; replace it yearly.", ""),
        ("It is sold with a hose.", "It is sold without a hose.", "hose"),
    ],
)  # fmt: skip
def test_a_denial_is_seen_from_either_side(one: str, other: str, word: str) -> None:
    assert contradicts(one, other) == word
    assert contradicts(other, one) == word


@given(st.text(max_size=300))
@example("0/0A")
def test_any_text_is_read_and_agrees_with_itself(text: str) -> None:
    assert lost(text, text) == []
    assert contradicts(text, text) == ""


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_two_whole_numbers_are_the_same_or_not(one: int, other: int) -> None:
    assert bool(lost(f"It has {one:,} parts.", f"It has {other} parts.")) == (one != other)
