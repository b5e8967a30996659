"""A dataset's rows: one form for equal values, and a name that follows from it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rag.datasets import ROW, Instruction, Label, line, row_hash
from rag.types import Message

ASKED = (Message(role="user", content="What is a ratchet?"),)


def test_the_order_of_keys_changes_no_name() -> None:
    assert row_hash(line({"a": 1, "b": 2})) == row_hash(line({"b": 2, "a": 1}))


@given(st.text())
def test_a_line_is_one_line_that_can_be_read_back(text: str) -> None:
    row = Label(prompt=ASKED, completion=text or "-", label=False)
    written = line(row.model_dump(mode="json"))
    assert "\n" not in written
    assert ROW.validate_json(written) == row


def test_half_a_surrogate_pair_is_told_and_breaks_nothing() -> None:
    assert json.loads(line({"text": "a\ud83d"}).encode()) == {"text": "a?"}


def test_an_empty_answer_is_no_row() -> None:
    with pytest.raises(ValidationError):
        Instruction(prompt=ASKED, completion="")
    with pytest.raises(ValidationError):
        Instruction(prompt=(), completion="A device.")
