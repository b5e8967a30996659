"""One row's texts: the same value the same everywhere, nothing else changed, twice is once."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.backends.presidio import Presidio
from rag.config.redaction import RedactionSettings
from rag.learn.redaction import VALUES, Redactor, Scope, within
from rag.redaction import TooHard

FINDER = Presidio(
    RedactionSettings(recognisers=({"kind": "MARKED", "words": ("EMAIL_ADDRESS", "MARKED_1")},)),
    str,
)
GOLDEN = Path(__file__).parents[1] / "golden" / "redaction.json"
MARK = re.compile(r"<[A-Z_]+(?:_\d+)?>")
VALUES_OF = (
    *("ada@example.com", "ADA@example.com", "joe@other.example", "+49 30 901820", "0151/23456789"),
    *("DE89 3704 0044 0532 0130 00", "DE89370400440532013000", "4111 1111 1111 1111"),
    *("93.184.216.34", "86 095 742 719", "15 070649 C 103"),
)
AROUND = (
    *(
        "so",
        "Write to",
        "(",
        ")",
        ".",
        ",",
        "\n",
        '"',
        "is",
        "30 kg",
        "12.05.2024",
        "—",
        "und",
        "é",
    ),
    *("<EMAIL_ADDRESS_1>", "<PHONE_NUMBER>", "<EMAIL_ADDRESS", "_1>", "EMAIL_ADDRESS", "MARKED_1"),
)
Texts = st.lists(st.sampled_from((*VALUES_OF, *AROUND)), max_size=12).map(" ".join)


def redacted(*texts: str, numbered: bool = True) -> list[str]:
    return Scope(FINDER, numbered=numbered).redacted([("answer", text) for text in texts])


@given(st.lists(Texts | st.text(max_size=80), min_size=1, max_size=4), st.booleans())
@settings(max_examples=300)
def test_redacting_what_was_redacted_changes_nothing(texts: list[str], numbered: bool) -> None:
    once = redacted(*texts, numbered=numbered)
    assert redacted(*once, numbered=numbered) == once


@given(st.lists(Texts, min_size=1, max_size=4), st.booleans())
@settings(max_examples=300)
def test_no_value_stays_and_all_the_rest_does(texts: list[str], numbered: bool) -> None:
    known = {text[one.start : one.end] for text in texts for one in FINDER.find(text)}
    for before, after in zip(texts, redacted(*texts, numbered=numbered), strict=True):
        bare = MARK.sub("\0", after)
        for value in known - {"EMAIL_ADDRESS", "MARKED_1"}:
            assert value not in bare
        # What is left stands in what was, in the same order.
        at = 0
        for piece in filter(None, bare.split("\0")):
            at = before.index(piece, at) + len(piece)


def test_a_value_has_one_mark_in_all_texts_of_a_row_however_it_is_written() -> None:
    said = redacted(
        "Pay DE89 3704 0044 0532 0130 00, ask ADA@example.com.",
        "To joe@other.example or ada@example.com; DE89370400440532013000.",
    )
    assert said == [
        "Pay <IBAN_CODE_1>, ask <EMAIL_ADDRESS_1>.",
        "To <EMAIL_ADDRESS_2> or <EMAIL_ADDRESS_1>; <IBAN_CODE_1>.",
    ]
    assert redacted("joe@other.example, ada@example.com", numbered=False) == [
        "<EMAIL_ADDRESS>, <EMAIL_ADDRESS>"
    ]


def test_what_is_found_in_one_text_is_replaced_in_the_others_too() -> None:
    """A number with a letter behind it is none to the library; the answer may quote it so."""
    context, answer = redacted("Call +49 30 901820 now.", "It is “+49 30 901820”/x, not 9018201.")
    assert context == "Call <PHONE_NUMBER_1> now."
    assert answer == "It is “<PHONE_NUMBER_1>”/x, not 9018201."


def test_a_quote_of_a_redacted_passage_is_still_in_it() -> None:
    passage = "The seal is sold by joe@other.example. Call 0151/23456789 before."
    quote = "Call 0151/23456789 before."
    whole, part = redacted(passage, quote)
    assert part in whole


def test_numbers_that_a_text_came_with_are_not_given_again() -> None:
    assert redacted("As <EMAIL_ADDRESS_3> says: ada@example.com") == [
        "As <EMAIL_ADDRESS_3> says: <EMAIL_ADDRESS_4>"
    ]


def test_a_value_that_dresses_as_a_mark_is_replaced() -> None:
    assert redacted("<DE89370400440532013000> <ada@example.com>") == [
        "<<IBAN_CODE_1>> <<EMAIL_ADDRESS_1>>"
    ]


def test_a_list_of_people_is_no_row() -> None:
    many = " ".join(f"person{n}@example.com" for n in range(VALUES + 1))
    with pytest.raises(TooHard):
        redacted(many)


def test_only_the_texts_of_an_item_are_touched() -> None:
    item = {
        "id": "ada@example.com",
        "context_ids": ["ada@example.com"],
        "question": "ada@example.com?",
        "contexts": ["ada@example.com"],
        "prompt": [{"role": "user", "content": "ada@example.com"}],
        "response": "",
    }
    assert within(Redactor(FINDER).scope("evaluation"), item) == {
        "id": "ada@example.com",
        "context_ids": ["ada@example.com"],
        "question": "<EMAIL_ADDRESS_1>?",
        "contexts": ["<EMAIL_ADDRESS_1>"],
        "prompt": [{"role": "user", "content": "<EMAIL_ADDRESS_1>"}],
        "response": "",
    }


def test_the_report_is_as_it_was() -> None:
    """Two rows alike and one of its own; no word of a value is in it."""
    redactor = Redactor(Presidio(RedactionSettings(kinds=("EMAIL_ADDRESS", "PHONE_NUMBER")), str))
    one, other = redactor.scope("label"), redactor.scope("relevance")
    within(
        one,
        {
            "prompt": [{"role": "user", "content": "ada@example.com, ada@example.com"}],
            "completion": "Call +49 30 901820.",
        },
    )
    within(other, {"question": "Whose is ada@example.com?", "title": "", "text": "Nobody's."})
    told = redactor.summed([(one.counts, 2), (other.counts, 1), ({}, 5)])
    said = told.model_dump(mode="json", exclude={"rev", "versions"})
    assert said == json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert told.values == 7
