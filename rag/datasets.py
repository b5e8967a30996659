"""The nouns of datasets: rows that train or measure something, and where each came from.

A row is what a consumer reads; nothing but that is in it. Everything else that is known of it is
its provenance, kept beside it under the row's hash.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from rag.types import Data, Message

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
Task = Literal["instruction", "preference", "label", "relevance", "evaluation"]


class Instruction(Data):
    """What was asked, with the context as it was given, and what the answer should be."""

    task: Literal["instruction"] = "instruction"
    prompt: tuple[Message, ...] = Field(min_length=1)
    completion: str = Field(min_length=1)


class Preference(Data):
    """Two answers to one prompt, of which people, on the whole, prefer the first."""

    task: Literal["preference"] = "preference"
    prompt: tuple[Message, ...] = Field(min_length=1)
    chosen: str = Field(min_length=1)
    rejected: str = Field(min_length=1)


class Label(Data):
    """An answer that people found useful, or not."""

    task: Literal["label"] = "label"
    prompt: tuple[Message, ...] = Field(min_length=1)
    completion: str = Field(min_length=1)
    label: bool


class Judged(Data):
    """A passage with how relevant people found it to a question: above 0, or 0 for not at all."""

    id: str
    title: str = ""
    text: str = Field(min_length=1)
    score: float = Field(ge=0, le=1)


class Relevance(Data):
    """A question, as it stands alone, and every passage of which people said whether it helps.

    A passage that nobody judged is not there: not having been shown is no verdict.
    """

    task: Literal["relevance"] = "relevance"
    id: str
    question: str = Field(min_length=1)
    passages: tuple[Judged, ...] = Field(min_length=1)


class Evaluation(Data):
    """A question with what was answered, and what would have been right as far as people said."""

    task: Literal["evaluation"] = "evaluation"
    id: str
    question: str = Field(min_length=1)
    contexts: tuple[str, ...] = ()
    """What the answer was made of; of the same length as `context_ids`."""
    context_ids: tuple[str, ...] = ()
    response: str = ""
    reference: str = ""
    reference_contexts: tuple[str, ...] = ()
    """Passages that bear the reference out; of the same length as `reference_ids`."""
    reference_ids: tuple[str, ...] = ()


Row = Annotated[
    Instruction | Preference | Label | Relevance | Evaluation, Field(discriminator="task")
]
ROW: TypeAdapter[Instruction | Preference | Label | Relevance | Evaluation] = TypeAdapter(Row)


def line(value: object) -> str:
    """JSON in one form for equal values: keys in order, no spaces, letters as they are.

    Half a surrogate pair, which no encoding has, becomes a question mark.
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode("utf-8")


def row_hash(written: str) -> str:
    """The name of a row: SHA-256 of its line."""
    return hashlib.sha256(written.encode()).hexdigest()
