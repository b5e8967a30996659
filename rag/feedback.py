"""The nouns of feedback: what a person says of an answer, and what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from rag.types import Data


class OfAnswer(Data):
    kind: Literal["answer"] = "answer"


class OfCitation(Data):
    """One citation, by the number that the answer shows."""

    kind: Literal["citation"] = "citation"
    n: int = Field(ge=1, le=10_000)


class OfChunk(Data):
    """A passage that was found for the question, cited or not."""

    kind: Literal["chunk"] = "chunk"
    chunk_id: str = Field(min_length=1, max_length=100)


class OfSpan(Data):
    """Characters `start` to `end` of the answer's text."""

    kind: Literal["span"] = "span"
    start: int = Field(ge=0, le=10_000_000)
    end: int = Field(ge=1, le=10_000_000)


class OfPair(Data):
    """This answer beside another to the same question; a value above 0 prefers this one."""

    kind: Literal["pair"] = "pair"
    other_trace_id: str = Field(min_length=1, max_length=36)


class OfMissing(Data):
    """A document that should have been used: one of ours by its id, any other by a name."""

    kind: Literal["missing_document"] = "missing_document"
    document_id: str = Field(default="", max_length=36)
    name: str = Field(default="", max_length=2_000)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.document_id) == bool(self.name.strip()):
            raise ValueError("give document_id or name")
        return self


Target = Annotated[
    OfAnswer | OfCitation | OfChunk | OfSpan | OfPair | OfMissing, Field(discriminator="kind")
]
Reason = Literal[
    "wrong_fact",
    "not_in_sources",
    "missed_document",
    "outdated_source",
    "incomplete",
    "should_refuse",
    "wrong_refusal",
    "style",
    "unsafe",
]
Signal = Literal[
    "thumb", "grade", "pairwise", "correction", "escalate", "click", "copy", "reask"
]  # fmt: skip
IMPLICIT: Mapping[str, frozenset[str]] = {
    "click": frozenset({"citation", "chunk"}),
    "copy": frozenset({"answer", "citation", "chunk", "span"}),
    "reask": frozenset({"answer"}),
}
"""Signals that nobody gave on purpose, with what each can be about."""


class Correction(Data):
    """What the answer should have said, and which of the passages shown bear it out."""

    text: str = Field(min_length=1, max_length=20_000)
    chunk_ids: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(
        default=(), max_length=50
    )


class Verdict(Data):
    """All that a person can know and say of an answer; the server knows the rest.

    A thumb is 1 or -1, a grade anything between. `value` None says nothing of good or bad.
    """

    target: Target = OfAnswer()
    signal: Signal = "thumb"
    value: float | None = Field(default=None, strict=True, ge=-1, le=1, allow_inf_nan=False)
    reasons: tuple[Reason, ...] = Field(default=(), max_length=9)
    comment: str = Field(default="", max_length=10_000)
    correction: Correction | None = None

    @field_validator("reasons")
    @classmethod
    def _once(cls, reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
        return tuple(sorted(set(reasons)))

    @property
    def explicit(self) -> bool:
        return self.signal not in IMPLICIT

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if problem := self._problem():
            raise ValueError(problem)
        return self

    def _problem(self) -> str:
        kind = self.target.kind
        if not self.explicit:
            if kind not in IMPLICIT[self.signal]:
                return f"a {self.signal} cannot be of a {kind}"
            said = (self.value, self.correction) != (None, None) or self.comment or self.reasons
            return f"a {self.signal} says nothing but that it happened" if said else ""
        if (self.signal == "pairwise") != (kind == "pair"):
            return "a pair takes the signal pairwise, and nothing else does"
        if self.signal == "thumb" and self.value not in (-1, 1):
            return "a thumb takes the value 1 or -1"
        if self.signal in ("grade", "pairwise") and self.value is None:
            return f"the signal {self.signal} takes a value"
        if self.signal == "correction" and self.correction is None:
            return "the signal correction takes a correction"
        if self.correction is not None and kind not in ("answer", "span"):
            return "only an answer or a span of it can be corrected"
        if kind == "missing_document" and (
            self.signal not in ("thumb", "grade") or (self.value or 0) <= 0
        ):
            return "a missing document takes a thumb or a grade above 0"
        return ""


class Rated(Data):
    """A verdict's target with what its trace knows of it; what a kind has not is empty."""

    kind: Literal["answer", "citation", "chunk", "span", "pair", "missing_document"]
    n: int | None = None
    chunk_id: str = ""
    document_id: str = ""
    version: int | None = None
    digest: str = ""
    """SHA-256 of that version's bytes."""
    rank_shown: int | None = None
    span: tuple[int, int] | None = None
    """Characters of the answer, or of the document for a citation or a chunk."""
    other_trace_id: str = ""
    name: str = ""


Purpose = Literal["retrieval", "evaluation", "training"]


class Consent(Data):
    """For what somebody lets their feedback be used, by the number of the text they agreed to."""

    purposes: tuple[Purpose, ...] = Field(default=(), max_length=3)
    version: int = Field(default=0, ge=0, le=2**31 - 1)

    @field_validator("purposes")
    @classmethod
    def _once(cls, purposes: tuple[Purpose, ...]) -> tuple[Purpose, ...]:
        return tuple(sorted(set(purposes)))


class ConsentAsked(Data):
    """What somebody agreed to last, beside the text that is put to people now."""

    given: Consent
    version: int
    text: str
    implicit: bool = False
    """Whether what people open and copy is kept beside what they say."""


class Feedback(Data):
    """One event: a verdict as it was kept, or that one was taken back. Never changed, only followed
    by another; the last of a person on a target is in effect."""

    id: str
    trace_id: str
    at: datetime
    surface: str
    """Through which face it came."""
    rater: Literal["user", "expert"]
    target: Rated
    signal: Signal | Literal["retract"]
    value: float | None = None
    reasons: tuple[Reason, ...] = ()
    comment: str = ""
    correction: Correction | None = None
    supersedes: str | None = None
    """The event before this one, by the same person on the same target."""
    effective: bool
    consent: Consent
