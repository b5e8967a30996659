"""OpenAI's way to say something of an answer afterwards: the metadata of a stored completion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from rag.api.chat import AnswerMessage, Choice, Unanswerable, cited, completion_id
from rag.errors import NotFound
from rag.feedback import Feedback, Verdict
from rag.types import Citation, Data

PREFIX = completion_id("")


class Rating(Data):
    """What a person says of the answer; all of it text, as metadata is."""

    rating: Literal["up", "down"]
    citation: str = Field(
        default="", pattern=r"^([0-9]{1,6})?$", description="Of this citation alone, as in 2."
    )
    reasons: str = Field(default="", max_length=500, description="Words of a verdict, by comma.")
    comment: str = Field(default="", max_length=10_000)
    correction: str = Field(default="", max_length=20_000, description="The right answer.")


class Update(Data):
    metadata: Rating


class Kept(BaseModel):
    """The verdict as it was kept."""

    feedback: Feedback


class Stored(BaseModel):
    """A completion of before, as it may be shown now, with what was just said of it."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    metadata: dict[str, str]
    ratchet: Kept


def trace_of(completion: str) -> str:
    """The trace that a completion is named after. Raises NotFound."""
    if not completion.startswith(PREFIX):
        raise NotFound(f"There is no completion '{completion[:100]}'.")
    return completion.removeprefix(PREFIX)


def verdict_of(rating: Rating) -> Verdict:
    """In our own words. Raises Unanswerable."""
    number = rating.citation
    said: dict[str, Any] = {
        "target": {"kind": "citation", "n": int(number)} if number else {"kind": "answer"},
        "value": 1 if rating.rating == "up" else -1,
        "reasons": [word.strip() for word in rating.reasons.split(",") if word.strip()],
        "comment": rating.comment,
        "correction": {"text": rating.correction} if rating.correction else None,
    }
    try:
        return Verdict.model_validate(said)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False)[0]
        where = next((str(part) for part in told["loc"] if str(part) in said), "")
        name = {"target": "citation", "": "correction"}.get(where, where)
        raise Unanswerable(f"metadata.{name}", f"{told['msg']}.") from None


def stored(trace: Mapping[str, Any], rating: Rating, feedback: Feedback, base: str) -> Stored:
    citations = [Citation.model_validate(one) for one in trace["citations"]]
    message = AnswerMessage(
        content=trace["answer"], annotations=cited(trace["answer"], citations, base)
    )
    return Stored(
        id=completion_id(trace["id"]),
        created=int(trace["ts"].timestamp()),
        model=trace["domain"],
        choices=[Choice(message=message)],
        metadata=rating.model_dump(exclude_defaults=True),
        ratchet=Kept(feedback=feedback),
    )
