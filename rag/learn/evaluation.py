"""Asks a pack's evals and says how good the answers are, on questions nothing was fitted to."""

from __future__ import annotations

import hashlib
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from rag.domain import EvalCase, Pack
from rag.types import AnswerEvent, AskRequest, Data, Progress, Turn

Ask = Callable[[str | None, AskRequest], AsyncIterator[AnswerEvent]]

# The floors of the sample domain: a threshold is chosen for these, in this order.
MAX_FALSE_REFUSAL = 0.10
# Of fewer, a single question would be more than what these floors leave for error.
ENOUGH_ANSWERABLE = 10
ENOUGH_UNANSWERABLE = 5
_SPACE = re.compile(r"\s+")


class Outcome(Data):
    """What became of one case when the system was made to answer whatever its confidence."""

    case: EvalCase
    recall: float
    """Share of the expected documents among the ten best hits."""
    cited: float
    """Share of the cited documents that are expected."""
    facts: float
    """Share of the expected facts that the answer states."""
    claims: int
    """Sentences of the answer that claim something."""
    supported: int
    """Those among them that cite a passage which supports them."""
    confidence: float
    answer: str
    milliseconds: float


async def evaluate_pack(
    pack: Pack, ask: Ask, progress: Callable[[Progress], None]
) -> Mapping[str, Any]:
    """Metrics on the reported half, with the threshold calibrated on the other half.

    Groups of paraphrases stay in one half. `facts` counts a refused question as none found. Where a
    half has too few questions, which `note` says, nothing is calibrated: all of them are reported
    at the threshold in use.
    """
    cases = pack.evals()
    started = time.monotonic()
    outcomes: list[Outcome] = []
    for done, case in enumerate(cases, 1):
        outcomes.append(await _outcome(case, ask))
        progress(Progress(phase="evaluate", done=done, total=len(cases), document=case.id))
    fitted = [one for one in outcomes if in_calibration_half(one.case)]
    reported = [one for one in outcomes if not in_calibration_half(one.case)]
    in_use = pack.answer.abstain_below
    note = _too_few(fitted, reported)
    if note:
        fitted, reported = [], outcomes
    threshold = in_use if note else calibrate(fitted)
    return {
        "domain": pack.name,
        "questions": len(cases),
        "note": note,
        "threshold": None if note else threshold,
        "threshold_in_use": in_use,
        **measure(reported, threshold),
        "in_use": measure(reported, in_use),
        "calibration": None if note else measure(fitted, threshold),
        "kinds": _by_kind(reported, threshold),
        "failures": failures(reported, threshold),
        "seconds": round(time.monotonic() - started, 3),
    }


async def _outcome(case: EvalCase, ask: Ask) -> Outcome:
    history = tuple(Turn(role="user", content=question) for question in case.history)
    request = AskRequest(question=case.question, history=history)
    hits: list[str] = []
    answer: Mapping[str, Any] = {}
    started = time.perf_counter()
    async for event in ask(case.as_user, request):
        if event.event == "hits":
            hits = [_path(hit["uri"]) for hit in event.data["hits"]][:10]
        elif event.event == "answer":
            answer = event.data
    cited = {_path(citation["uri"]) for citation in answer["citations"]}
    return Outcome(
        case=case,
        recall=_share(case.documents, hits),
        cited=sum(_names(path, case.documents) for path in cited) / len(cited) if cited else 0.0,
        facts=facts_found(case.facts, answer["answer"]),
        claims=len(answer["claims"]),
        supported=sum(
            bool(one["citations"]) and one["verdict"] == "supported" for one in answer["claims"]
        ),
        confidence=answer["confidence"],
        answer=answer["answer"],
        milliseconds=(time.perf_counter() - started) * 1000,
    )


def in_calibration_half(case: EvalCase) -> bool:
    """Which half a paraphrase group falls in, for ever the same."""
    return hashlib.sha256(f"ratchet-evals/{case.group}".encode()).digest()[0] % 2 == 0


def _too_few(*halves: Sequence[Outcome]) -> str:
    """Why the halves say too little, and what would be enough; empty where they suffice."""
    answerable = [sum(one.case.answerable for one in half) for half in halves]
    unanswerable = [len(half) - count for half, count in zip(halves, answerable, strict=True)]
    if min(answerable) >= ENOUGH_ANSWERABLE and min(unanswerable) >= ENOUGH_UNANSWERABLE:
        return ""
    return (
        f"Too few questions to calibrate a threshold: the half that calibrates it and the half "
        f"that is reported each need {ENOUGH_ANSWERABLE} answerable and {ENOUGH_UNANSWERABLE} "
        f"unanswerable ones. They have {_and(answerable)} answerable and {_and(unanswerable)} "
        "unanswerable ones. "
        f"Groups fall into either half by chance, so {4 * ENOUGH_ANSWERABLE} and "
        f"{4 * ENOUGH_UNANSWERABLE} in as many groups are nearly always enough. "
        "Until then all questions are reported, at the threshold in use."
    )


def _and(counts: Sequence[int]) -> str:
    return " and ".join(map(str, counts))


def calibrate(outcomes: Sequence[Outcome]) -> float:
    """The threshold with the best balance of refusing what should be and nothing else.

    Among those with a false refusal of at most a tenth, if there are any. Takes answerable and
    unanswerable cases, some of each.
    """
    candidates = sorted({0.0, *(round(one.confidence, 3) for one in outcomes)})
    scored: list[tuple[bool, float, float]] = []
    for threshold in candidates:
        result = measure(outcomes, threshold)
        lost, refused = result["false_refusal"] or 0.0, result["refused_unanswerable"] or 0.0
        scored.append((lost <= MAX_FALSE_REFUSAL * 0.8, refused - lost, -threshold))
    return -max(scored)[2]


def measure(outcomes: Sequence[Outcome], threshold: float) -> dict[str, float | None]:
    """Means over the cases; a confidence below the threshold counts as a refusal.

    None is what no case measures.
    """
    answerable = [one for one in outcomes if one.case.answerable]
    unanswerable = [one for one in outcomes if not one.case.answerable]
    answered = [one for one in answerable if one.confidence >= threshold]
    told = [one for one in outcomes if one.confidence >= threshold and one.claims]
    claims = sum(one.claims for one in told)
    return {
        "answerable": len(answerable),
        "unanswerable": len(unanswerable),
        "recall@10": _mean([one.recall for one in answerable]),
        "citation": _mean([one.cited for one in answered]),
        "supported_claims": round(sum(one.supported for one in told) / claims, 4)
        if claims
        else None,
        "facts": _mean([one.facts * (one.confidence >= threshold) for one in answerable]),
        "facts_when_answered": _mean([one.facts for one in answered]),
        "false_refusal": 1 - len(answered) / len(answerable) if answerable else None,
        "refused_unanswerable": _mean([one.confidence < threshold for one in unanswerable]),
        "milliseconds_p50": _median([one.milliseconds for one in outcomes]),
    }


def failures(outcomes: Sequence[Outcome], threshold: float) -> list[dict[str, Any]]:
    """The cases that went wrong, and how, for whoever improves the domain."""
    found: list[dict[str, Any]] = []
    for one in outcomes:
        refused = one.confidence < threshold
        if one.case.answerable:
            wrong = "refused" if refused else "fact missing" if one.facts < 1 else ""
            if one.recall < 1:
                wrong = "document not found"
        else:
            wrong = "" if refused else "answered the unanswerable"
        if wrong:
            found.append(
                {
                    "id": one.case.id,
                    "kind": one.case.kind.value,
                    "wrong": wrong,
                    "question": one.case.question,
                    "confidence": one.confidence,
                    "answer": one.answer,
                    "expected": [list(fact) for fact in one.case.facts],
                    "documents": list(one.case.documents),
                }
            )
    return found


def facts_found(facts: Sequence[Sequence[str]], answer: str) -> float:
    """The share of facts of which any spelling stands in the answer, as whole words."""
    if not facts:
        return 0.0
    text = _folded(answer)
    found = 0
    for spellings in facts:
        found += any(
            re.search(rf"(?<!\w){re.escape(_folded(spelling))}(?!\w)", text)
            for spelling in spellings
        )
    return found / len(facts)


def _by_kind(outcomes: Sequence[Outcome], threshold: float) -> dict[str, Any]:
    kinds: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        kinds[one.case.kind.value].append(one)
    return {kind: measure(found, threshold) for kind, found in sorted(kinds.items())}


def _share(expected: Sequence[str], hits: Sequence[str]) -> float:
    if not expected:
        return 0.0
    return sum(any(_names(hit, (path,)) for hit in hits) for path in expected) / len(expected)


def _names(hit: str, documents: Sequence[str]) -> bool:
    return any(hit.endswith("/" + path) for path in documents)


def _path(uri: str) -> str:
    return unquote(uri)


def _folded(text: str) -> str:
    return _SPACE.sub(" ", text.casefold().replace("\u00a0", " ").replace("\u202f", " "))


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _median(values: Sequence[float]) -> float | None:
    ordered = sorted(values)
    return round(ordered[len(ordered) // 2], 3) if ordered else None
