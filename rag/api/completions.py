"""The routes of OpenAI's API: each domain is a model, so any client of theirs can ask it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from typing import Any, cast

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from rag.api.chat import (
    ChatRequest,
    Completion,
    FailureReply,
    Model,
    Models,
    Reply,
    Unanswerable,
    asked,
    failure,
)
from rag.api.once import Key, Once
from rag.api.policy import Room, User
from rag.api.problems import EXPECTED, MEDIA_TYPE, of_failure, of_surprise
from rag.api.routes import EVENTS, Id
from rag.api.state import Server
from rag.api.stored import Stored, Update, stored, trace_of, verdict_of
from rag.api.streams import Dialect, event_stream, while_connected, written
from rag.api.strict import StrictRoute
from rag.errors import NotFound, did_you_mean
from rag.types import Answer

_FAILURE: dict[str, Any] = {
    "model": FailureReply,
    "description": "What is wrong, in OpenAI's shape; in ours where no route was reached",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_CHUNKS = Dialect(
    event=lambda _, chunk: written(None, chunk),
    problem=lambda problem: written(None, failure(problem)),
    end=b"data: [DONE]\n\n",
)


class CompletionRoute(StrictRoute):
    """A route whose failures OpenAI's clients can read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            headers: Mapping[str, str] = {}
            try:
                return await handle(request)
            except EXPECTED as error:
                problem, headers = of_failure(error, request.url.path)
                reply = failure(problem, _where(error))
            except ClientDisconnect:
                raise
            except Exception as error:  # noqa: BLE001 - the guard would tell it in another shape
                problem = of_surprise(error)
                reply = failure(problem)
            # Theirs answers 400 to whatever is wrong with a request.
            status = 400 if problem.status == 422 else problem.status
            return JSONResponse(reply.model_dump(), status, headers)

        return handled


router = APIRouter(
    prefix="/v1", route_class=CompletionRoute, responses={"4XX": _FAILURE, "5XX": _FAILURE}
)


@router.get("/models")
async def models(who: User, server: Server) -> Models:
    """The domains in which the caller is known, the default one first."""
    return Models(data=[Model(id=name) for name in await server.app.domains(who)])


@router.get("/models/{model}")
async def model(model: str, who: User, server: Server) -> Model:
    """One of them."""
    known = await server.app.domains(who)
    if model not in known:
        raise NotFound(f"There is no model '{model[:100]}'.", hint=did_you_mean(model, known))
    return Model(id=model)


@router.post("/chat/completions", response_model=Completion, responses=EVENTS, dependencies=[Room])
async def complete(
    request: Request, body: ChatRequest, who: User, server: Server, once: Once
) -> Any:
    """Answer the last message from the documents of a domain; those before it are its history.

    Citations are annotations of the message. `stream` sends chunks, `[DONE]` last.
    """
    question = asked(body)
    reply = Reply(body, str(request.base_url))
    if not body.stream:
        made = once.answer(who, lambda: server.app.ask(who, question))
        answer = await while_connected(request, made)
        server.metrics.answer(answer)
        return reply.whole(answer)

    async def chunks() -> AsyncGenerator[tuple[str, Any]]:
        async for event in once.events(who, lambda: server.app.stream(who, question)):
            if event.event == "started":
                yield "chunk", reply.begin(event.data["trace_id"])
            elif event.event == "token" and (chunk := reply.token(event.data["text"])):
                yield "chunk", chunk
            elif event.event == "answer":
                answer = Answer.model_validate(event.data)
                server.metrics.answer(answer)
                for chunk in reply.end(answer):
                    yield "chunk", chunk

    return await event_stream(request, chunks(), _CHUNKS)


@router.post("/chat/completions/{completion}")
async def rate(
    request: Request,
    completion: Id,
    body: Update,
    who: User,
    server: Server,
    idempotency_key: Key = None,
) -> Stored:
    """Rate one's own answer: OpenAI's update of a stored completion, whose metadata is a verdict.

    The last verdict counts, as everywhere; the answer comes as it may be shown now.
    """
    trace_id, verdict = trace_of(completion), verdict_of(body.metadata)
    kept = await server.app.rate(who, trace_id, verdict, key=idempotency_key, surface="openai")
    trace = await server.app.trace(who, trace_id)
    return stored(trace, body.metadata, kept, str(request.base_url))


def _where(error: Exception) -> str | None:
    """The parameter that is wrong, if it is one."""
    if isinstance(error, Unanswerable):
        return error.param
    if isinstance(error, RequestValidationError):
        found = cast("list[dict[str, Any]]", error.errors())
        return ".".join(str(part) for part in found[0]["loc"][1:]) or None
    return None
