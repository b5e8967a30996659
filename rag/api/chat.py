"""OpenAI's words for ours: a chat becomes a question with its history, an answer a completion."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from rag.api.problems import Problem
from rag.errors import InvalidInput, plainly
from rag.types import Answer, AskRequest, Citation, Claim, Conflict, Turn

TURNS = 50
"""So many turns before the question are told to the model; a longer chat loses its oldest."""
_MARKER = re.compile(r"\[(\d{1,6})\]")

_ANSWERABLE: Mapping[str, tuple[tuple[Any, ...], str]] = {
    "n": ((None, 1), "one answer is made for each request"),
    "tools": ((None, []), "answers come from the documents, and no tools are called"),
    "functions": ((None, []), "answers come from the documents, and no tools are called"),
    "tool_choice": ((None, "none", "auto"), "no tools are called"),
    "function_call": ((None, "none", "auto"), "no tools are called"),
    "response_format": ((None, {"type": "text"}), "an answer is text with citations"),
    "modalities": ((None, ["text"]), "an answer is text with citations"),
    "audio": ((None,), "an answer is text with citations"),
    "logprobs": ((None, False), "an answer has no token probabilities"),
    "top_logprobs": ((None, 0), "an answer has no token probabilities"),
    "stop": ((None, "", []), "an answer is not cut, lest it lose its citations"),
    "web_search_options": ((None,), "answers come from the documents alone"),
}
"""What would change the meaning of an answer: the values that do not, and why no other is taken."""


class Unanswerable(InvalidInput):
    """A request of a kind that this API does not answer; `param` is where."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message)
        self.param = param


# --- the request ------------------------------------------------------------------------------


class Part(BaseModel):
    type: Annotated[str, StringConstraints(max_length=100)]
    text: str | None = None


class ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None


class StreamOptions(BaseModel):
    include_usage: bool | None = None


class ChatRequest(BaseModel):
    """The parameters that are obeyed. Others are allowed, and refused or named in the reply."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(min_length=1, max_length=100, description="The name of a domain.")
    messages: list[ChatMessage] = Field(min_length=1, max_length=10_000)
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @property
    def counts(self) -> bool:
        """A stream ends with what it used."""
        return bool(self.stream_options and self.stream_options.include_usage)


def asked(chat: ChatRequest) -> AskRequest:
    """The last message as a question about the domain, those before as its history.

    Raises Unanswerable for what would change the meaning of the answer.
    """
    for name, value in (chat.model_extra or {}).items():
        harmless, why = _ANSWERABLE.get(name, ((value,), ""))
        if value not in harmless:
            raise Unanswerable(name, f"'{name}' cannot be obeyed: {why}. Leave it out.")
    turns = [turn for at, one in enumerate(chat.messages) if (turn := _turn(one, at)) is not None]
    if chat.messages[-1].role != "user" or not turns or turns[-1].role != "user":
        raise Unanswerable("messages", "The last message has to be a question of the user's.")
    try:
        return AskRequest(
            question=turns[-1].content, domain=chat.model, history=tuple(turns[-TURNS - 1 : -1])
        )
    except ValidationError as error:
        told = plainly(error.errors(include_url=False, include_input=False)[0])
        raise Unanswerable("messages", f"The last message cannot be asked: {told}.") from None


def ignored(chat: ChatRequest) -> tuple[str, ...]:
    """What the request says that has no effect, for the client to know: sampling, above all."""
    names = [
        name[:100]
        for name, value in (chat.model_extra or {}).items()
        if value is not None and name not in _ANSWERABLE
    ]
    if any(one.role in ("system", "developer") for one in chat.messages):
        # What the model is told beside question and passages is the domain's.
        names.append("messages.system")
    return tuple(sorted(names)[:50])


def _turn(message: ChatMessage, at: int) -> Turn | None:
    """What was said, if something was; instructions are no turn."""
    if message.role in ("tool", "function"):
        raise Unanswerable(f"messages[{at}].role", "No tools are called, so none have results.")
    if message.role not in ("user", "assistant"):
        return None
    text = _text(message.content, at)
    if not text:
        return None
    try:
        return Turn(role=message.role, content=text)
    except ValidationError:
        raise Unanswerable(f"messages[{at}].content", "This message is too long.") from None


def _text(content: str | list[Part] | None, at: int) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    for part in content:
        if part.type not in ("text", "refusal"):
            raise Unanswerable(
                f"messages[{at}].content", f"Only text can be asked, not '{part.type}'."
            )
    return "\n".join(part.text for part in content if part.text)


# --- the reply --------------------------------------------------------------------------------


class UrlCitation(BaseModel):
    """`message.content[start_index:end_index]` is the marker, as in `[1]`."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(BaseModel):
    """One marker of the text and what it cites; `ratchet` names the exact place."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation
    ratchet: Citation


class AnswerMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation]


class Choice(BaseModel):
    index: Literal[0] = 0
    message: AnswerMessage
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class TokenUsage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Extension(BaseModel):
    """What an answer is beyond a completion."""

    trace_id: str
    model: str = Field(description="The language model, or `extractive`.")
    abstained: bool
    confidence: float
    searched: tuple[str, ...]
    claims: tuple[Claim, ...] = Field(description="What each sentence claims, with its verdict.")
    support: float | None
    removed: int
    conflicts: tuple[Conflict, ...] = Field(
        description="What other documents say otherwise than the cited."
    )
    ignored: tuple[str, ...] = Field(description="What the request asked for without effect.")


class Completion(BaseModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: TokenUsage
    ratchet: Extension


class Model(BaseModel):
    """A domain, under the name that a chat asks for it."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "ratchet"


class Models(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]


@dataclass
class Reply:
    """One reply in the making. `base` is the address that the client knows the server by."""

    chat: ChatRequest
    base: str
    created: int = field(default_factory=lambda: int(time.time()))
    id: str = ""
    _begun: bool = False
    _held: str = ""

    def whole(self, answer: Answer) -> Completion:
        message = AnswerMessage(content=answer.answer, annotations=self._cited(answer))
        return Completion(
            id=completion_id(answer.trace_id),
            created=self.created,
            model=self.chat.model,
            choices=[Choice(message=message)],
            usage=_usage(answer),
            ratchet=self._extension(answer),
        )

    def begin(self, trace_id: str) -> dict[str, Any]:
        self.id = completion_id(trace_id)
        return self._chunk({"role": "assistant", "content": ""})

    def token(self, text: str) -> dict[str, Any] | None:
        """The next piece of the text, which begins and ends without space as the answer does."""
        text = self._held + (text if self._begun else text.lstrip())
        piece = text.rstrip()
        self._begun, self._held = self._begun or bool(piece), text[len(piece) :]
        return self._chunk({"content": piece}) if piece else None

    def end(self, answer: Answer) -> Iterator[dict[str, Any]]:
        """The citations, why it ends, and what it used where the client wants to know."""
        found = [one.model_dump(mode="json") for one in self._cited(answer)]
        yield self._chunk({"annotations": found})
        extension = self._extension(answer).model_dump(mode="json")
        yield {**self._chunk({}, finish_reason="stop"), "ratchet": extension}
        if self.chat.counts:
            yield {**self._chunk({}), "choices": [], "usage": _usage(answer).model_dump()}

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.chat.model,
            "choices": [choice],
            **({"usage": None} if self.chat.counts else {}),
        }

    def _cited(self, answer: Answer) -> list[Annotation]:
        return cited(answer.answer, answer.citations, self.base)

    def _extension(self, answer: Answer) -> Extension:
        told = {name: getattr(answer, name) for name in Extension.model_fields if name != "ignored"}
        return Extension(**told, ignored=ignored(self.chat))


def cited(text: str, citations: Iterable[Citation], base: str) -> list[Annotation]:
    """Every marker in the text that was minted, in order."""
    minted = {one.n: one for one in citations}
    return [
        Annotation(
            url_citation=UrlCitation(
                start_index=marker.start(),
                end_index=marker.end(),
                title=citation.document,
                url=_url(citation, base),
            ),
            ratchet=citation,
        )
        for marker in _MARKER.finditer(text)
        if (citation := minted.get(int(marker[1]))) is not None
    ]


def _url(citation: Citation, base: str) -> str:
    """Where a person can open it: at its source, or as it is kept here."""
    if citation.uri.startswith(("https://", "http://")):
        return citation.uri
    path = f"api/v1/documents/{citation.document_id}/versions/{citation.version}/original"
    return f"{base.rstrip('/')}/{path}"


def completion_id(trace_id: str) -> str:
    return f"chatcmpl-{trace_id}"


def _usage(answer: Answer) -> TokenUsage:
    used = answer.usage
    return TokenUsage(
        prompt_tokens=used.prompt_tokens,
        completion_tokens=used.completion_tokens,
        total_tokens=used.prompt_tokens + used.completion_tokens,
    )


# --- what goes wrong --------------------------------------------------------------------------


class Failure(BaseModel):
    message: str
    type: str
    param: str | None = None
    code: str


class FailureReply(BaseModel):
    """What OpenAI's clients know how to read."""

    error: Failure


_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def failure(problem: Problem, param: str | None = None) -> FailureReply:
    kind = "server_error" if problem.status >= 500 else "invalid_request_error"
    return FailureReply(
        error=Failure(
            message=f"{problem.detail} {problem.hint}".strip(),
            type=_TYPES.get(problem.status, kind),
            param=param,
            code=problem.code,
        )
    )
