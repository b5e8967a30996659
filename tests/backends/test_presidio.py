"""What patterns find in English and German, what they leave, and that no text takes them long."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.backends.presidio import MARGIN, WINDOW, Presidio
from rag.config.redaction import RedactionSettings
from rag.errors import ConfigError
from rag.redaction import Kind, TooHard

LABELLED = Path(__file__).parents[1] / "golden" / "personal.jsonl"
USUALLY = Presidio(RedactionSettings(), str)
ALL = Presidio(RedactionSettings(kinds=get_args(Kind)), str)
PIECES = (
    *("ada@example.com", "+49 30 901820", "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111"),
    *("93.184.216.34", "86 095 742 719", "word", "12", "@", ".", ":", "-", " ", "\n", "é", "1.5"),
)
Texts = st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join) | st.text(max_size=200)


def found(finder: Presidio, text: str) -> list[list[str]]:
    return sorted([one.kind, text[one.start : one.end]] for one in finder.find(text))


@pytest.mark.parametrize("line", LABELLED.read_text(encoding="utf-8").splitlines())
def test_labelled_sentences_are_read_as_they_were(line: str) -> None:
    """`wrong` is what is replaced though it is nobody's, `missed` what no pattern knows."""
    one = json.loads(line)
    assert found(USUALLY, one["text"]) == sorted([*one["values"], *one["wrong"]])
    assert all(value in one["text"] for value in one["missed"])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("DNI 12345678Z", "ES_NIF"),
        ("PESEL 44051401359", "PL_PESEL"),
        ("00:1A:2B:3C:4D:5E", "MAC_ADDRESS"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "CRYPTO"),
        ("ITIN 912-73-1234", "US_ITIN"),
        ("NHS 943 476 5919", "UK_NHS"),
        ("Karte A123456780", "DE_HEALTH_INSURANCE"),
        ("Steuernummer 181/815/08155", "DE_TAX_NUMBER"),
    ],
)
def test_what_is_not_usual_is_found_where_it_is_asked_for(text: str, kind: Kind) -> None:
    wanted = Presidio(RedactionSettings(kinds=(kind,)), str)
    assert [one.kind for one in wanted.find(text)] == [kind]
    assert not USUALLY.find(text) or kind in ("US_ITIN", "UK_NHS", "PL_PESEL")


@given(Texts)
def test_spans_are_in_order_apart_and_within_the_text(text: str) -> None:
    before = 0
    for one in ALL.find(text):
        assert before <= one.start < one.end <= len(text)
        before = one.end


@pytest.mark.parametrize("at", [0, WINDOW - 15, WINDOW - 1, WINDOW, WINDOW + 15, 3 * WINDOW - 7])
def test_values_are_found_wherever_windows_end(at: int) -> None:
    for value in ("ada.lovelace@example.com", "DE89 3704 0044 0532 0130 00", "+49 30 901820"):
        text = f"{'so ' * at}"[:at] + f" {value} " + "so " * WINDOW
        assert [one[1] for one in found(ALL, text)] == [value]


def test_nothing_is_found_in_part_where_a_window_begins() -> None:
    """The end of a long number, seen alone, would be a shorter one."""
    for at in range(WINDOW - MARGIN - 30, WINDOW + 30, 7):
        text = ("so " * WINDOW)[:at] + " 99999999994111111111111111 " + "so " * WINDOW
        assert found(USUALLY, text) == []


@pytest.mark.parametrize(
    "piece",
    [
        *("a.", "a@", "a@a.", "a@a-", "1", "1 ", "1-", "(1", "::", "1:", "f:", "1.", "A1", "AB12 "),
        *("+", "+1", "4111 ", "0049 ", "030/", "!#$%&", "a!#.@1:- ", " ", "é.", "a.a.a.a.a.@ "),
        f"{'a.' * 1_900}@ ",
        f"x@{'a-' * 1_900} ",
    ],
)
def test_hostile_texts_take_time_by_their_length_alone(piece: str) -> None:
    """Quadratic in it, this would not end before the test is stopped; one window would raise."""
    text = (piece * 50_000)[:50_000]
    assert ALL._find(text) is not None


def test_what_takes_too_long_is_not_taken_for_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    finder = Presidio(RedactionSettings(), str)
    finder.find("1@")
    monkeypatch.setattr("rag.backends.presidio.SECONDS", 1e-9)
    with pytest.raises(TooHard):
        finder.find("a." * 1_900 + "@")


def test_words_are_whole_in_any_case_and_in_any_letters() -> None:
    words = ("Ada Lovelace", "Öz", "C++", "naïve")
    finder = Presidio(
        RedactionSettings(kinds=(), recognisers=({"kind": "N", "words": words},)), str
    )
    text = "ADA\n lovelace, Adalovelace, ÖZ özer C++ NAÏVE naïvely"
    assert [one[1] for one in found(finder, text)] == ["ADA\n lovelace", "C++", "NAÏVE", "ÖZ"]


def test_many_words_are_still_words() -> None:
    words = tuple(f"Person Number{n}" for n in range(10_000))
    finder = Presidio(
        RedactionSettings(kinds=(), recognisers=({"kind": "N", "words": words},)), str
    )
    assert found(finder, "It was person  number9876!") == [["N", "person  number9876"]]


@pytest.mark.parametrize(
    ("pattern", "why"), [("(a", "missing"), ("(?<=a)b", "perl operator"), (r"(a)\1", "escape")]
)
def test_an_expression_that_re2_cannot_read_is_named_by_its_place(pattern: str, why: str) -> None:
    own = ({"kind": "A", "words": ("x",)}, {"kind": "B", "pattern": pattern})
    with pytest.raises(ConfigError, match=rf"^redaction\.recognisers\.1\.pattern: .*{why}"):
        Presidio(RedactionSettings(recognisers=own), str)


def test_the_surer_it_has_to_be_the_less_is_found() -> None:
    text = "ada@example.com, +49 30 901820, from 93.184.216.34"
    for score, kinds in [
        (0.4, {"EMAIL_ADDRESS", "PHONE_NUMBER", "IP_ADDRESS"}),
        (0.5, {"EMAIL_ADDRESS", "IP_ADDRESS"}),
        (0.9, {"EMAIL_ADDRESS"}),
    ]:
        finder = Presidio(RedactionSettings(min_score=score), str)
        assert {one.kind for one in finder.find(text)} == kinds


def test_the_revision_is_of_everything_that_matters_and_keyed() -> None:
    said = RedactionSettings()
    base = Presidio(said, lambda text: f"{hash(text) & (2**64 - 1):016x}").revision
    for other in (
        {"allow": ("x",)},
        {"kinds": ("CRYPTO",)},
        {"min_score": 0.6},
        {"phone_regions": ("FR",)},
        {"recognisers": ({"kind": "N", "words": ("Ada",)},)},
    ):
        changed = Presidio(
            RedactionSettings(**other), lambda text: f"{hash(text) & (2**64 - 1):016x}"
        )
        assert changed.revision != base
    again = Presidio(
        RedactionSettings(optional=True), lambda text: f"{hash(text) & (2**64 - 1):016x}"
    )
    assert again.revision == base


def test_nothing_is_fetched_and_nothing_read_before_it_is_needed() -> None:
    """In a process of its own, as the library may be loaded in this one already."""
    code = """
import socket, sys
def refused(*args, **kwargs): raise AssertionError("a connection")
socket.socket.connect = socket.getaddrinfo = refused
from rag.backends.presidio import Presidio
from rag.config.redaction import RedactionSettings
finder = Presidio(RedactionSettings(), str)
assert "presidio_analyzer" not in sys.modules and "spacy" not in sys.modules
assert [one.kind for one in finder.find("ada@pumps.example")] == ["EMAIL_ADDRESS"]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
