"""Each claim's verdict, on a hashing embedder: what counts here are words and exact facts."""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.support import Checker, mean, supported
from rag.answer.vectors import Vectors
from rag.testing.fakes import HashingEmbedder
from rag.types import Citation, Claim, Hit
from tests.retrieve.test_widen import hit

PASSAGE = (
    "The warranty of the turbine pump lasts 24 months from delivery. "
    "It does not cover seals. Claims go to Otto Klein.\n"
    "Pump: HX-200; Torque: 45 Nm; Price: 1,200 euro\n"
    "Pump: HX-300; Torque: 54 Nm; Price: 1,400 euro\n"
)
HITS = [hit(1, text=PASSAGE, title="Warranty", start=0, end=len(PASSAGE))]


def citation(hit: Hit, n: int = 1, quote: str = "") -> Citation:
    payload = hit.payload
    return Citation(
        n=n, document_id=payload.document_id, document=payload.title, uri=payload.uri,
        version=1, chunk_id=payload.chunk_id, page=None, span=(0, 9), quote=quote or payload.text,
    )  # fmt: skip


def check(answer: str, hits: Sequence[Hit] = HITS, quote: str = "") -> list[Claim]:
    checker = Checker(Vectors(HashingEmbedder()), "en")
    citations = [citation(one, n, quote) for n, one in enumerate(hits, 1)]
    return asyncio.run(checker.check(answer, citations, hits, turns=nullcontext()))


def verdict(answer: str) -> tuple[str, str]:
    (claim,) = check(answer)
    return claim.verdict, claim.reason


@pytest.mark.parametrize(
    "claim",
    [
        "The warranty of the turbine pump lasts 24 months [1].",
        "Claims go to Otto Klein [1].",
        "The warranty does not cover seals [1].",
        "The torque of the HX-200 is 45 Nm [1].",
        "The price of the HX-300 is 1.400 euro [1].",
    ],
)
def test_what_the_passage_says_is_supported(claim: str) -> None:
    assert verdict(claim)[0] == "supported"


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        ("The warranty of the turbine pump lasts 36 months [1].", "36 months"),
        ("The warranty of the turbine pump lasts 24 hours [1].", "24 hours"),
        ("The warranty covers seals [1].", "'cover' is denied"),
        ("Claims go to Anna Gross [1].", "Anna, Gross"),
        ("The torque of the HX-200 is 54 Nm [1].", "54 Nm"),
        ("Bananas are yellow in the summer sun [1].", "Bananas, yellow"),
        ("The warranty of the turbine pump lasts 24 months.", "cites nothing"),
    ],
)
def test_what_it_does_not_say_is_not_supported_and_the_reason_names_it(
    claim: str, why: str
) -> None:
    told, reason = verdict(claim)
    assert told != "supported"
    assert why in reason


def test_a_quote_is_supported_whatever_it_says() -> None:
    (claim,) = check("- See (2), o rly. [1]", quote="See [2], o rly")
    assert (claim.verdict, claim.score) == ("supported", 1.0)


def test_a_quote_less_its_denial_is_no_quote() -> None:
    (claim,) = check("It does cover seals. [1]", quote="It does not cover seals.")
    assert claim.verdict != "supported"


def test_a_claim_is_checked_against_what_it_cites_and_nothing_else() -> None:
    other = hit(2, text="The casing is blue.", title="Paint", start=0, end=19)
    said = "The warranty of the turbine pump lasts 24 months"
    right, wrong = check(f"{said} [1]. {said} [2].", [*HITS, other])
    assert (right.verdict, right.citations) == ("supported", (1,))
    assert (wrong.verdict, wrong.citations) == ("unsupported", (2,))


def test_removing_leaves_the_rest_where_its_claims_say() -> None:
    answer = "It lasts 24 months [1]. Bananas sing 7 songs. Claims go to Otto Klein [1].\nDone?"
    text, claims = supported(answer, check(answer))
    assert text == "It lasts 24 months [1]. Claims go to Otto Klein [1].\nDone?"
    assert [text[slice(*one.span)] for one in claims if one.span] == [
        "It lasts 24 months [1].",
        "Claims go to Otto Klein [1].",
    ]
    assert [one.text for one in claims if one.span is None] == ["Bananas sing 7 songs."]
    assert mean(claims) == mean([one for one in claims if one.span])


def test_nothing_claimed_has_no_score() -> None:
    assert check("I do not know.") == []
    assert mean([]) is None


@given(st.text(max_size=200))
def test_any_answer_is_checked_and_cut(answer: str) -> None:
    claims = check(f"{answer} [1]")
    assert all(0 <= one.score <= 1 for one in claims)
    text, kept = supported(answer, [])
    assert (text, kept) == (answer.rstrip(), [])
