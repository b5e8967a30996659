"""Expansion: synonyms both ways, acronyms, and questions that ask two things."""

from rag.domain import Synonyms
from rag.retrieve.expand import MAX_QUESTION, Expander, gist

EXPANDER = Expander(
    Synonyms(
        groups=(("mechanical seal", "shaft seal"), ("impeller", "runner")),
        acronyms={"NPSH": "net positive suction head"},
    )
)


def test_a_plain_question_is_one_query() -> None:
    queries = EXPANDER.expand("How often is the oil changed?")
    assert [query.dense for query in queries] == ["How often is the oil changed?"]
    assert queries[0].sparse == "How often is the oil changed?"


def test_synonyms_reach_the_words_and_the_canonical_term_the_vectors() -> None:
    queries = EXPANDER.expand("Which Shaft Seal fits?")
    assert "mechanical seal" in queries[0].sparse
    assert queries[1].dense == "Which mechanical seal fits?"


def test_acronyms_work_both_ways() -> None:
    assert "net positive suction head" in EXPANDER.expand("Required NPSH?")[0].sparse
    assert "NPSH" in EXPANDER.expand("Required net positive suction head?")[0].sparse


def test_a_term_inside_a_word_is_not_a_term() -> None:
    assert EXPANDER.words("Who is the frontrunner?") == []


def test_two_questions_are_also_searched_apart() -> None:
    texts = [
        q.dense for q in EXPANDER.expand("What is the flow of HX, and how long is it covered?")
    ]
    assert texts[0].startswith("What is the flow of HX, and")
    assert texts[1:] == ["What is the flow of HX", "how long is it covered"]


def test_a_joined_noun_is_not_split() -> None:
    assert len(EXPANDER.expand("Which oils and greases are approved?")) == 1


def test_a_part_that_names_nothing_is_about_what_the_question_names() -> None:
    texts = [
        query.dense
        for query in EXPANDER.expand("What is the flow of the AL-40, and how large is its crate?")
    ]
    assert "how large is its crate AL-40" in texts


def test_of_a_question_too_long_to_be_read_its_beginning_and_its_end_are_searched_for() -> None:
    long = "What follows is a mail. " + "blah " * 4_000 + "How long is the warranty?"
    short = gist(long)
    assert len(short) <= MAX_QUESTION
    assert short.startswith("What follows is a mail.")
    assert short.endswith("How long is the warranty?")
    assert gist(short) == short
    assert gist("x" * 20_000) != "x" * 20_000
    assert gist("How long is the warranty?") == "How long is the warranty?"
