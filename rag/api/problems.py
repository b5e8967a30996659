"""Every failure as `application/problem+json` (RFC 9457), from the one error tree."""

from __future__ import annotations

import http
from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from rag.errors import (
    InvalidInput,
    NotFound,
    RagError,
    TooLarge,
    Unauthenticated,
    plainly,
    wait_of,
)
from rag.types import Check

MEDIA_TYPE = "application/problem+json"
_CODES = {one.status: one.code for one in (NotFound, TooLarge, InvalidInput)}
"""As our own errors call what the framework or the guard refuses."""
log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """What went wrong, for people and for programs."""

    type: str = Field(description="A stable name of the kind of problem.")
    title: str
    status: int
    detail: str
    code: str
    hint: str = Field(default="", description="What to do about it.")
    retryable: bool = Field(default=False, description="The same call may succeed later.")
    instance: str = Field(default="", description="The path that was asked, or the failure's id.")
    checks: list[Check] | None = Field(default=None, description="Only of /readyz.")


class ProblemResponse(JSONResponse):
    media_type = MEDIA_TYPE


def of_error(error: RagError, instance: str) -> Problem:
    return Problem(
        type=f"urn:ratchet:{error.code}",
        title=_title(error.status),
        status=error.status,
        detail=error.message,
        code=error.code,
        hint=error.hint,
        retryable=error.retryable,
        instance=instance,
    )


def of_status(status: int, detail: str, instance: str, *, code: str = "") -> Problem:
    """A problem that no error of ours names, such as an unknown path."""
    word = code or _CODES.get(status, _title(status).lower().replace(" ", "_"))
    return Problem(
        type=f"urn:ratchet:{word}",
        title=_title(status),
        status=status,
        detail=detail,
        code=word,
        retryable=status == 503,
        instance=instance,
    )


def of_surprise(error: BaseException) -> Problem:
    """A bug: logged whole under an id, told without a word of its inside."""
    failure = str(uuid4())
    log.error("unexpected failure", failure=failure, exc_info=error)
    problem = of_status(500, "Something failed that should not.", f"urn:uuid:{failure}")
    return problem.model_copy(
        update={"code": "internal", "hint": f"The log has it under {failure}."}
    )


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> ProblemResponse:
    body = problem.model_dump(mode="json", exclude_none=True)
    return ProblemResponse(body, problem.status, headers)


def headers_of(error: RagError) -> dict[str, str]:
    """What goes with an error: when to try again, and how to say who one is."""
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    after = wait_of(error)
    return {} if after is None else {"Retry-After": str(after)}


def install(api: FastAPI) -> None:
    """Answer problems for our errors, for bad requests and for what the framework refuses."""

    async def answer(request: Request, error: Exception) -> ProblemResponse:
        return respond(*of_failure(error, request.url.path))

    for expected in EXPECTED:
        api.add_exception_handler(expected, answer)


EXPECTED = (RagError, RequestValidationError, HTTPException)
"""What a route may raise to be answered with a problem."""


def of_failure(error: Exception, path: str) -> tuple[Problem, Mapping[str, str]]:
    """The problem that one of the expected failures is, and the headers that go with it."""
    if isinstance(error, RagError):
        if error.status >= 500:
            log.warning("refused", code=error.code, path=path, reason=error.message)
        return of_error(error, path), headers_of(error)
    if isinstance(error, RequestValidationError):
        detail = _told(cast("Sequence[Mapping[str, Any]]", error.errors()))
        return of_status(422, detail, path), {}
    assert isinstance(error, HTTPException)
    return of_status(error.status_code, str(error.detail), path), error.headers or {}


def _told(errors: Sequence[Mapping[str, Any]]) -> str:
    """The first few problems with their place; never the input, which may be a secret."""
    lines = [
        f"{'.'.join(str(part) for part in error['loc'])}: {plainly(error)}" for error in errors[:5]
    ]
    more = f" (and {len(errors) - 5} more)" if len(errors) > 5 else ""
    return "; ".join(lines) + more + "."


def _title(status: int) -> str:
    return http.HTTPStatus(status).phrase
