"""Does a model keep to what answers rely on? A small suite, run against it, and its score card.

The passages are made up, so that no model knows them; the prompts are the pack's.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, cast

from rag.answer.citations import Markers
from rag.answer.context import assemble
from rag.domain import Pack
from rag.errors import RagError
from rag.protocols import Generator
from rag.types import EVERYONE, Citation, Data, Finish, Hit, Message, Payload, Progress

SUITE = "1"
"""Cards of two suites are not compared."""
SHORT_TOKENS = 32
"""What a model may write in the case that tries to make it write more."""
_SLACK = 2.5
"""Tokens are counted at three bytes each, and some models' have twice that."""


class Case(Data):
    """One question. No `fact`: the passages do not tell, and the model should say so."""

    check: str
    question: str
    passages: tuple[str, ...]
    fact: str = ""
    right: int = 0
    """The passage that tells, from 1."""
    language: str = "en"


CASES = (
    Case(
        check="cites",
        question="How much oil does the Velmar 40 gearbox take?",
        passages=(
            "The Velmar 20 gearbox is painted grey and weighs 31 kg.",
            "The Velmar 40 gearbox takes 7.5 litres of oil.",
            "Seals of the Velmar series are sold in packs of ten.",
        ),
        fact="7.5",
        right=2,
    ),
    Case(
        check="cites",
        question="Who signs off a purchase above 900 crowns at Tornby?",
        passages=(
            "At Tornby a purchase above 900 crowns is signed off by the harbour master.",
            "Tornby's canteen opens at seven in the morning.",
        ),
        fact="harbour master",
        right=1,
    ),
    Case(
        check="cites",
        question="When is the Ostrel filter to be replaced?",
        passages=(
            "The Ostrel housing is made of cast iron.",
            "Two Ostrel units can share one drain.",
            "The Ostrel filter is to be replaced every 11 weeks.",
        ),
        fact="11 weeks",
        right=3,
    ),
    Case(
        check="abstains",
        question="What colour is the lid of the Kestrin tank?",
        passages=(
            "The Kestrin tank holds 300 litres.",
            "A Kestrin tank is emptied through the valve at its foot.",
        ),
    ),
    Case(
        check="abstains",
        question="How many people work at the Brindal plant?",
        passages=("Velmar gearboxes are shipped on Tuesdays.", "Seals are kept in a dry place."),
    ),
    Case(
        check="budget",
        question="Describe everything about the Dorvik line, at great length and in every detail.",
        passages=tuple(
            f"The Dorvik {number} has {number * 3} blades, runs at {number}00 turns a minute and "
            f"needs {number} bolts."
            for number in range(1, 7)
        ),
    ),
    Case(
        check="language",
        question="Wie viel wiegt der Motor Alvana 9?",
        passages=("Der Motor Alvana 9 wiegt 62 kg und wird mit zwei Schrauben befestigt.",),
        fact="62",
        right=1,
        language="de",
    ),
    Case(
        check="language",
        question="Quelle est la pression maximale de la vanne Corvane ?",
        passages=("La pression maximale de la vanne Corvane est de 14 bars dans les deux sens.",),
        fact="14",
        right=1,
        language="fr",
    ),
)
CHECKS = ("cites", "abstains", "budget", "streams", "language")

_UNKNOWING = re.compile(
    r"\b(do(es)? not|don't|doesn't|cannot|can't|not|no|unable)\b.{0,40}?"
    r"\b(know|contain|mention|state|say|tell|specif\w+|provid\w+|information|answer|determine)",
    re.IGNORECASE | re.DOTALL,
)
_COMMON = {
    "en": frozenset(
        ["the", "of", "and", "is", "are", "to", "in", "it", "with", "has", "a", "weighs"]
    ),
    "de": frozenset(
        ["der", "die", "das", "und", "ist", "wiegt", "mit", "ein", "eine", "von", "den"]
    ),
    "fr": frozenset(
        ["la", "le", "les", "de", "des", "est", "et", "dans", "pour", "du", "une", "un"]
    ),
}


class CaseResult(Data):
    """What a model answered in one case, and whether that was right."""

    check: str
    question: str
    passed: bool
    answer: str = ""
    why: str = ""
    """What was wrong; a failure of the model by its code."""


class Scores(Data):
    """Each check from 0 to 1, `score` their mean, and every case."""

    suite: str = SUITE
    score: float
    checks: Mapping[str, float]
    cases: tuple[CaseResult, ...]
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass
class _Said:
    text: str = ""
    tokens: tuple[int, int] = (0, 0)
    """read and written"""
    pieces: int = 0
    citations: list[Citation] = field(default_factory=list[Citation])


async def conformance(
    pack: Pack,
    generator: Generator,
    short: Generator,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Scores:
    """Run the suite. `short` is the same model, allowed to write `SHORT_TOKENS` tokens."""
    results: list[CaseResult] = []
    read = written = 0
    for done, case in enumerate(CASES):
        progress(Progress(phase="conformance", done=done, total=len(CASES), document=case.question))
        asked = pack.model_copy(update={"language": case.language})
        asking = short if case.check == "budget" else generator
        try:
            said = await _said(asked, case, asking)
        except RagError as error:
            why = f"{error.code}: {error.message}"[:300]
            results += [_result(case.check, case, "", why), *_streamed(case, None)]
            continue
        read, written = read + said.tokens[0], written + said.tokens[1]
        why = _wrong(case, said, asking)
        results += [_result(case.check, case, said.text, why), *_streamed(case, said)]
    checks = {
        check: round(fmean(one.passed for one in results if one.check == check), 4)
        for check in CHECKS
    }
    return Scores(
        score=round(fmean(checks.values()), 4),
        checks=checks,
        cases=tuple(results),
        prompt_tokens=read,
        completion_tokens=written,
    )


def _result(check: str, case: Case, answer: str, why: str) -> CaseResult:
    return CaseResult(
        check=check, question=case.question, passed=not why, answer=answer[:2_000], why=why
    )


def _streamed(case: Case, said: _Said | None) -> list[CaseResult]:
    """Whether the answers of one check came in pieces; the others would count the same again."""
    if case.check != "cites":
        return []
    if said is None:
        return [_result("streams", case, "", "there was no answer")]
    why = "" if said.pieces > 1 else "it came all at once"
    return [_result("streams", case, said.text, why)]


async def _said(pack: Pack, case: Case, generator: Generator) -> _Said:
    hits = [_hit(number, text, case.language) for number, text in enumerate(case.passages, 1)]
    room = generator.context_window - generator.max_output_tokens
    messages, given = assemble(pack, case.question, hits, (), generator.count_tokens, room)
    return await _read(generator, messages, given)


async def _read(generator: Generator, messages: Sequence[Message], given: Sequence[Hit]) -> _Said:
    said = _Said()
    markers = Markers(given)
    ends: list[Finish] = []
    stream = cast("AsyncGenerator[str]", generator.stream(messages, given, ends.append))
    async with aclosing(stream) as pieces:
        async for piece in pieces:
            said.pieces += 1
            text, minted = markers.feed(piece)
            said.text += text
            said.citations += minted
    text, minted = markers.end()
    said.text += text
    said.citations += minted
    told = ends[-1] if ends else Finish()
    count = generator.count_tokens
    said.tokens = (
        told.prompt_tokens or sum(count(message.content) for message in messages),
        told.completion_tokens or count(said.text),
    )
    return said


def _wrong(case: Case, said: _Said, generator: Generator) -> str:
    """Why the answer is not as it should be; empty when it is."""
    cited = {int(citation.document_id) for citation in said.citations}
    if case.check == "budget":
        written = generator.count_tokens(said.text)
        most = SHORT_TOKENS * _SLACK
        return f"about {written} tokens, {SHORT_TOKENS} were allowed" if written > most else ""
    if not case.fact:
        if cited:
            return "it cites passages that do not tell"
        return "" if _UNKNOWING.search(said.text) else "it does not say that it does not know"
    if case.fact.casefold() not in said.text.casefold():
        return f"it does not say '{case.fact}'"
    if case.check == "language":
        spoken = _language(said.text)
        return "" if spoken == case.language else f"it answers in '{spoken}'"
    return "" if cited == {case.right} else f"it cites {sorted(cited) or 'nothing'}"


def _language(text: str) -> str:
    words = re.findall(r"\w+", text.casefold())
    counts = {code: sum(word in common for word in words) for code, common in _COMMON.items()}
    return max(counts, key=lambda code: counts[code])


def _hit(number: int, text: str, language: str) -> Hit:
    payload: dict[str, Any] = {
        "chunk_id": f"conformance-{number}",
        "document_id": str(number),
        "version": 1,
        "source": "conformance",
        "readers": (EVERYONE,),
        "language": language,
        "title": f"Sheet {number}",
        "uri": f"conformance:{number}",
        "text": text,
        "header": f"Sheet {number}",
        "ordinal": 0,
        "start": 0,
        "end": len(text),
    }
    return Hit(rank=number, score=1.0, payload=Payload.model_validate(payload), scores=())
