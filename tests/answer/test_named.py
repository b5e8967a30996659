"""What a question names by a number or a code: found nowhere, it is not known."""

import asyncio

import pytest

from rag.answer.evidence import Evidence, Selector
from rag.answer.named import names
from rag.answer.vectors import Vectors
from rag.testing.fakes import HashingEmbedder
from rag.types import Hit, Payload

MACHINES = "\n\n".join(f"Machine number {n} weighs {n}20 kg." for n in range(3))


def hit(text: str, title: str = "Stock", rank: int = 1) -> Hit:
    payload = Payload(
        chunk_id=f"c{rank}", document_id=f"d{rank}", version=1, source="s", readers=("everyone",),
        language="en", title=title, uri="u", text=text, header="", ordinal=0, start=0,
        end=len(text),
    )  # fmt: skip
    return Hit(rank=rank, score=1.0, payload=payload, scores=())


def quoted(question: str, *hits: Hit) -> list[str]:
    async def select() -> Evidence:
        embedder = HashingEmbedder()
        selector = Selector(embedder, Vectors(embedder))
        return await selector.select([question], [], hits, 3)

    return [sentence.text for sentence in asyncio.run(select()).sentences]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("machine number 03", {("machin", "3")}),
        ("Machines 1, 2 and 3", {("machin", "1"), ("machin", "2"), ("machin", "3")}),
        ("the HX-200's seal, an hx 200, the HX-200-pump", {("hx", "200")}),
        ("INC-2024-011 and part 24-4711", {("inc", "2024011"), ("", "244711")}),
        ("in 24 hours, a 30-day return, 3.5 bar, 2023-2024, list 2025, 40kg", set()),
    ],
)
def test_names_are_told_from_quantities(text: str, named: set[tuple[str, str]]) -> None:
    assert names(text).all == named


@pytest.mark.parametrize(
    "question",
    [
        "How much does machine number 3 weigh?",
        "How much does machine 3 weigh?",
        "How much does the HX-200 weigh?",
    ],
)
def test_what_is_named_and_found_nowhere_is_not_known(question: str) -> None:
    assert quoted(question, hit(MACHINES)) == []


def test_only_what_is_named_is_quoted() -> None:
    found = quoted("How much does machine number 2 weigh?", hit(MACHINES))
    assert found == ["Machine number 2 weighs 220 kg."]


def test_a_title_names_what_its_sentences_are_about() -> None:
    found = quoted("How much does the HX-200 weigh?", hit("It weighs 12 kg.", "HX-200 manual"))
    assert found == ["It weighs 12 kg."]


def test_a_number_that_counts_names_nothing() -> None:
    found = quoted("What does machine transport cost for 5 pumps?", hit("Transport costs 90 euro."))
    assert found == ["Transport costs 90 euro."]
