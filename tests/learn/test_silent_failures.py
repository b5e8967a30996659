"""Where each silent failure of a library is planted and seen caught: renaming a test fails this.

Rows are those of the table in docs/datasets.md. What the library itself does is in tests/consumers.
"""

from pathlib import Path
from types import FunctionType

import pytest

from tests.bad_input.test_covered import names_in
from tests.learn import planting
from tests.learn.test_preflight import PLANTED

LINES = "learn/test_preflight.py::test_what_is_planted_is_found"
SHOWN = "consumers/test_consumers.py::test_what_is_planted_is_shown_by_the_consumer"
UNMINDED = "consumers/test_consumers.py::test_trl_does_not_mind_and_the_checks_do"
CUT = (
    "consumers/test_consumers.py::"
    "test_trl_cuts_the_answers_of_long_conversations_and_trains_on_the_context"
)

COVERED: dict[int, tuple[str, tuple[FunctionType, ...], tuple[str, ...]]] = {
    1: ("rows_dropped", (planting.long_rows,),
        ("consumers/test_consumers.py::test_trl_drops_rows_whose_prompt_is_long",)),
    2: ("answer_cut", (planting.long_rows,), (CUT,)),
    3: ("context_trained", (planting.long_rows,), (CUT,)),
    4: ("two_shapes", (planting.two_shapes,), (LINES, SHOWN)),
    5: ("null_content", (planting.tool_call,), (LINES, SHOWN)),
    6: ("same_answers", (planting.same, planting.one_class), (LINES, UNMINDED)),
    7: ("not_bool", (planting.as_number,), (LINES, SHOWN)),
    8: ("openai_formatting", (planting.openai_formatting,), (
        "learn/test_preflight.py::test_a_formatting_that_adds_words_is_found",
        "consumers/test_consumers.py::"
        "test_llama_factory_adds_words_where_it_reads_openais_shape")),
    9: ("turns", (planting.twice,), (LINES, SHOWN)),
    10: ("columns", (planting.event_behind, planting.event_first), (LINES, SHOWN)),
    11: ("label_ignored", (planting.labelled,), (LINES, SHOWN)),
    12: ("not_bool", (planting.as_text,), (LINES, SHOWN)),
    13: ("empty_messages", (planting.emptied,), (LINES,)),
}  # fmt: skip
DOCS = Path(__file__).parents[2] / "docs" / "datasets.md"


@pytest.mark.parametrize("number", range(1, 14))
def test_each_silent_failure_is_planted_and_caught(number: int) -> None:
    word, plants, places = COVERED[number]
    for place in places:
        path, _, name = place.partition("::")
        assert name in names_in(path), place
    if LINES in places:
        caught = {plant: code for _, _, plant, code in PLANTED}
        assert word in {caught[plant] for plant in plants}
    told = DOCS.read_text(encoding="utf-8")
    assert f"| {number} | " in told
    assert f"`{word}`" in told
