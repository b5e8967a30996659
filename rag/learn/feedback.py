"""What a verdict is about, found in the trace of the answer: only what its person was shown."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, cast

from rag.errors import InvalidInput, NotFound
from rag.feedback import (
    Correction,
    OfAnswer,
    OfChunk,
    OfCitation,
    OfMissing,
    OfPair,
    OfSpan,
    Rated,
    Target,
    Verdict,
)

Trace = Mapping[str, Any]


def rated(trace: Trace, target: Target) -> Rated:
    """The target with what the trace knows of it. `trace` is as its person may see it now.

    Raises NotFound for what was not shown or may not be shown any more, InvalidInput for a span
    beyond the answer. The other answer of a pair and a missing document are the caller's to check.
    """
    match target:
        case OfCitation():
            return _citation(trace, target.n)
        case OfChunk():
            hit = _hit(trace, target.chunk_id)
            return Rated(kind="chunk", span=cast("tuple[int, int]", tuple(hit["span"])), **_of(hit))
        case OfMissing():
            name = " ".join(target.name.split())
            return Rated(kind="missing_document", document_id=target.document_id, name=name)
        case OfAnswer():
            answer_of(trace)
            return Rated(kind="answer")
        case OfPair():
            answer_of(trace)
            return Rated(kind="pair", other_trace_id=target.other_trace_id)
        case OfSpan():
            if not target.start < target.end <= len(answer_of(trace)):
                raise InvalidInput("The span is not within the answer.")
            return Rated(kind="span", span=(target.start, target.end))


def answer_of(trace: Trace) -> str:
    """The answer's text. Raises NotFound where none was made or it may not be shown any more."""
    if not trace["answer"] or not trace["answer_sha"]:
        raise NotFound("This trace has no answer that can be shown.")
    return cast("str", trace["answer"])


def check_correction(trace: Trace, correction: Correction | None) -> None:
    """Raises NotFound for a passage that the answer's person was not shown."""
    for chunk_id in correction.chunk_ids if correction else ():
        _hit(trace, chunk_id)


def check_pair(trace: Trace, other: Trace) -> None:
    """Raises InvalidInput unless both answer one question of one domain."""
    answer_of(other)
    if trace["id"] == other["id"]:
        raise InvalidInput("An answer is not compared with itself.")
    siblings = other["id"] in trace["sibling_ids"] or trace["id"] in other["sibling_ids"]
    alike = ("domain",) if siblings else ("domain", "query_standalone")
    if any(_folded(trace[name]) != _folded(other[name]) for name in alike):
        raise InvalidInput("The two answers are to different questions.")


def subject(trace_id: str, verdict: Verdict) -> str:
    """Equal for verdicts on the same target, so that the last of them counts.

    A pair is the same from either side. An implicit signal never replaces a verdict.
    """
    of = verdict.target
    match of:
        case OfAnswer():
            place = f"{trace_id} answer"
        case OfCitation():
            place = f"{trace_id} citation {of.n}"
        case OfChunk():
            place = f"{trace_id} chunk {of.chunk_id}"
        case OfSpan():
            place = f"{trace_id} span {of.start} {of.end}"
        case OfPair():
            place = " ".join(("pair", *sorted((trace_id, of.other_trace_id))))
        case OfMissing():
            named = of.document_id or hashlib.sha256(_folded(of.name).encode()).hexdigest()
            place = f"{trace_id} missing {named}"
    return place if verdict.explicit else f"{verdict.signal} {place}"


def _citation(trace: Trace, n: int) -> Rated:
    for one in trace["citations"]:
        if one["n"] == n:
            hit = _hit(trace, one["chunk_id"])
            return Rated(kind="citation", n=n, span=tuple(one["span"]), **_of(hit))
    raise NotFound(f"The answer has no citation {n}.")


def _hit(trace: Trace, chunk_id: str) -> Mapping[str, Any]:
    for hit in trace["hits"]:
        if hit["chunk_id"] == chunk_id and not hit.get("removed"):
            return hit
    raise NotFound("No such passage was shown with this answer.")


def _of(hit: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "chunk_id": hit["chunk_id"],
        "document_id": hit["doc_id"],
        "version": hit["doc_version"],
        "rank_shown": hit["rank_shown"],
    }


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
