"""Requests read strictly: valid UTF-8 and JSON only, no NUL, no parameter that no route knows."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, cast

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.exceptions import HTTPException


class StrictRequest(Request):
    async def json(self) -> Any:
        try:
            data = from_json(await self.body(), allow_inf_nan=False, cache_strings="none")
        except ValueError as error:
            raise HTTPException(400, f"The body is not valid JSON: {error}.") from error
        if _has_nul(data):
            raise HTTPException(422, "The body contains a NUL character.")
        return data


class StrictRoute(APIRoute):
    """A route that refuses what it does not know instead of ignoring it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        takes_json = self.body_field is not None
        known = {param.alias for param in self.dependant.query_params}

        async def strict(request: Request) -> Response:
            seen: set[str] = set()
            for name, value in request.query_params.multi_items():
                problem = (
                    "is not a parameter of this route"
                    if name not in known
                    else "is given twice"
                    if name in seen
                    else "contains a NUL character"
                    if "\0" in value
                    else ""
                )
                if problem:
                    where = {"loc": ("query", name[:100]), "msg": problem, "type": "query"}
                    raise RequestValidationError([where])
                seen.add(name)
            if takes_json and not _says_json(request):
                raise HTTPException(415, "The body has to be JSON: send it as application/json.")
            return await handle(StrictRequest(request.scope, request.receive))

        return strict


def _says_json(request: Request) -> bool:
    """Whether the body is called JSON; where there is none, its absence is told better later."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    main, _, sub = kind.partition("/")
    empty = request.headers.get("content-length", "0") == "0" and (
        "transfer-encoding" not in request.headers
    )
    return (main == "application" and (sub == "json" or sub.endswith("+json"))) or empty


def _has_nul(data: Any) -> bool:
    """Somewhere in a key or a value; walked without recursion."""
    todo: list[Any] = [data]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            if "\0" in item:
                return True
        elif isinstance(item, dict):
            todo.extend(cast("dict[str, Any]", item).keys())
            todo.extend(cast("dict[str, Any]", item).values())
        elif isinstance(item, list):
            todo.extend(cast("list[Any]", item))
    return False
