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

from rag.errors import RagError
from rag.types import Check

MEDIA_TYPE = "application/problem+json"
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
    word = code or _title(status).lower().replace(" ", "_")
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


def retry_after(error: RagError) -> dict[str, str]:
    return {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}


def install(api: FastAPI) -> None:
    """Answer problems for our errors, for bad requests and for what the framework refuses."""

    async def ours(request: Request, error: Exception) -> ProblemResponse:
        assert isinstance(error, RagError)
        if error.status >= 500:
            log.warning("refused", code=error.code, path=request.url.path, reason=error.message)
        return respond(of_error(error, request.url.path), retry_after(error))

    async def invalid(request: Request, error: Exception) -> ProblemResponse:
        assert isinstance(error, RequestValidationError)
        detail = _told(cast("Sequence[Mapping[str, Any]]", error.errors()))
        return respond(of_status(422, detail, request.url.path, code="invalid_input"))

    async def refused(request: Request, error: Exception) -> ProblemResponse:
        assert isinstance(error, HTTPException)
        code = {404: "not_found", 413: "too_large"}.get(error.status_code, "")
        problem = of_status(error.status_code, str(error.detail), request.url.path, code=code)
        return respond(problem, error.headers)

    api.add_exception_handler(RagError, ours)
    api.add_exception_handler(RequestValidationError, invalid)
    api.add_exception_handler(HTTPException, refused)


def _told(errors: Sequence[Mapping[str, Any]]) -> str:
    """The first few problems with their place; never the input, which may be a secret."""
    lines = [
        f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in errors[:5]
    ]
    more = f" (and {len(errors) - 5} more)" if len(errors) > 5 else ""
    return "; ".join(lines) + more + "."


def _title(status: int) -> str:
    return http.HTTPStatus(status).phrase
