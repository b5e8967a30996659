"""Documents that contradict one another: told with their dates, the newer preferred."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from rag.answer.citations import cite_sentence
from rag.answer.conflicts import conflicts, names_a_year, newest
from rag.answer.evidence import Evidence, Selector
from rag.answer.vectors import Vectors
from rag.testing.fakes import HashingEmbedder
from rag.types import Conflict, Hit, Payload

OLD, NEW = 1_600_000_000.0, 1_700_000_000.0


def hit(number: int, text: str, title: str = "Terms", at: float | None = None) -> Hit:
    payload = Payload(
        chunk_id=f"c{number}", document_id=f"d{number}", version=1, source="s",
        readers=("everyone",), language="en", title=title, uri=f"u{number}", text=text, header="",
        ordinal=0, start=0, end=len(text), modified_at=at,
    )  # fmt: skip
    return Hit(rank=number, score=1.0, payload=payload, scores=())


def chosen(question: str, hits: Sequence[Hit]) -> Evidence:
    async def select() -> Evidence:
        embedder = HashingEmbedder()
        return await Selector(embedder, Vectors(embedder)).select([question], [], hits, 1)

    return asyncio.run(select())


def told(question: str, *hits: Hit) -> tuple[str, tuple[Conflict, ...]]:
    """What is quoted, and what contradicts it."""
    evidence = chosen(question, hits)
    used = newest(evidence.sentences, evidence.pool, hits)
    citations = [cite_sentence(n, one, hits) for n, one in enumerate(used, 1)]
    return used[0].text, conflicts(citations, used, evidence.pool, hits)


WARRANTY = "How long is the warranty on the pump?"
SHORT = "The warranty on the pump lasts 24 months."
LONG = "The warranty on the pump lasts 36 months."


@pytest.mark.parametrize("turned", [False, True])
def test_the_newer_document_is_quoted_and_the_older_told(turned: bool) -> None:
    hits = [hit(1, SHORT, at=OLD), hit(2, LONG, at=NEW)]
    quoted, (conflict,) = told(WARRANTY, *(reversed(hits) if turned else hits))
    assert quoted == LONG
    assert conflict.other.quote == SHORT
    assert (conflict.n, conflict.other.n) == (1, 2)
    assert conflict.dated == ("2023-11-14", "2020-09-13")
    assert conflict.newer is True


def test_years_in_names_count_more_than_when_a_file_was_written() -> None:
    hits = hit(1, SHORT, "Terms 2025", OLD), hit(2, LONG, "Terms 2024", NEW)
    quoted, (conflict,) = told(WARRANTY, *hits)
    assert quoted == SHORT
    assert (conflict.dated, conflict.newer) == (("2025", "2024"), True)


@pytest.mark.parametrize("at", [None, OLD])
def test_which_is_newer_may_not_be_known(at: float | None) -> None:
    _, (conflict,) = told(WARRANTY, hit(1, SHORT, at=at), hit(2, LONG, at=at and at + 60))
    assert conflict.newer is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The seal is replaced every year by us.", "The seal is not replaced every year by us."),
        (
            "The offer for the pump ends on 3 May 2026.",
            "The offer for the pump ends on 4 May 2026.",
        ),
        ("The large pump costs EUR 1,200.50 net.", "The large pump costs EUR 1,300.50 net."),
    ],
)
def test_denials_dates_and_amounts_contradict(one: str, other: str) -> None:
    assert told(one, hit(1, one), hit(2, other))[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (SHORT, SHORT),
        (SHORT, "The warranty on the pump lasts two years, 24 months."),
        (SHORT, "The warranty on the motor of a large valve lasts 36 months."),
        ("The pump HX-200 weighs 40 kg when empty.", "The pump HX-300 weighs 60 kg when empty."),
        ("Machine number 3 weighs 40 kg empty.", "Machine number 4 weighs 60 kg empty."),
        ("The large pump costs EUR 1,200 net.", "The large pump costs EUR 1.200 net."),
        ("The large pump holds 40 l of oil.", "The large pump holds 40 l of oil and 3 kg of sand."),
    ],
)
def test_what_is_the_same_or_about_something_else_contradicts_nothing(one: str, other: str) -> None:
    assert not told(one, hit(1, one), hit(2, other))[1]


def test_an_answer_that_says_both_disagrees_once() -> None:
    hits = hit(1, SHORT), hit(2, LONG)
    pool = chosen(WARRANTY, hits).pool
    used = [replace(one, score=1.0) for one in pool]
    citations = [cite_sentence(n, one, hits) for n, one in enumerate(used, 1)]
    (conflict,) = conflicts(citations, used, pool, hits)
    assert (conflict.n, conflict.other.quote) == (1, LONG)


def test_one_document_does_not_contradict_itself() -> None:
    assert not told(WARRANTY, hit(1, f"{SHORT} {LONG}"))[1]


def test_a_question_about_a_year_is_about_that_year() -> None:
    assert names_a_year("How long was the warranty in 2024?")
    assert not names_a_year("How long is the warranty of order 20245?")
