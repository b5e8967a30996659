"""Readers: what is none is refused in words, and narrowing lets nobody in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from rag.readers import Reader, in_both, named, narrowed
from rag.types import EVERYONE, Principal

TOKENS = st.frozensets(
    st.sampled_from([EVERYONE, "user:ann", "user:bob", "group:hr", "group:it"]), max_size=5
)
PEOPLE = [
    Principal(id=name, groups=groups)
    for name in ("ann", "bob", "eve")
    for groups in (frozenset(), frozenset({"hr"}), frozenset({"it"}))
]


class Form(BaseModel):
    readers: tuple[Reader, ...]


def may_read(person: Principal, readers: frozenset[str]) -> bool:
    return not person.readers.isdisjoint(readers)


@given(readers=TOKENS, before=TOKENS, after=TOKENS)
def test_narrowing_lets_nobody_in(
    readers: frozenset[str], before: frozenset[str], after: frozenset[str]
) -> None:
    left = narrowed(readers, before, after)
    for person in PEOPLE:
        assert may_read(person, readers) or not may_read(person, left)
        if readers <= before and may_read(person, left):
            assert may_read(person, after)


@given(readers=TOKENS, before=TOKENS, after=TOKENS)
def test_who_was_taken_out_is_out(
    readers: frozenset[str], before: frozenset[str], after: frozenset[str]
) -> None:
    left = narrowed(readers, before, after)
    assert EVERYONE in after or not (before - after) & left


@given(one=TOKENS, other=TOKENS)
def test_in_both_lets_in_whom_both_let_in(one: frozenset[str], other: frozenset[str]) -> None:
    for person in PEOPLE:
        if may_read(person, in_both(one, other)):
            assert may_read(person, one)
            assert may_read(person, other)


def test_readers_are_found_wherever_settings_name_them() -> None:
    settings = {
        "path": "/x", "readers": [{"pattern": "hr/**", "allow": ["group:hr", "user:a b"]}],
        "default_readers": ["everyone"], "note": "user", "limit": 3, "secret": None,
    }  # fmt: skip
    assert named(settings) == {"group:hr", "user:a b", "everyone"}


@pytest.mark.parametrize("wrong", ["hr", "Everyone", "group:", "user:a,b", "user:a\n", ""])
def test_what_is_no_reader_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="names no reader; write user:NAME"):
        Form(readers=(wrong,))
