"""The routes of a person's data: given to them whole, and erased."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import StreamingResponse
from pydantic_core import to_jsonable_python

from rag.api.policy import Admin, CallerOf, Keeper, User, cookie_name
from rag.api.routes import RESPONSES, Domain, Id
from rag.api.state import Server
from rag.api.strict import StrictRoute
from rag.store.erasing import Erased
from rag.store.forgetting import Forgotten

Person = Annotated[str, Path(min_length=1, max_length=200, description="A person's name.")]
LINES = "application/x-ndjson"
_LINES: dict[int | str, dict[str, Any]] = {
    200: {"content": {LINES: {"schema": {"type": "string"}}}}
}

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)


@router.get("/people/{name}/data", response_class=StreamingResponse, responses=_LINES)
async def export(name: Person, who: Keeper, server: Server) -> StreamingResponse:
    """Everything that is kept of a person, as lines of JSON; the last one says that it is whole.

    Passages only as far as both that person and the caller may read them now.
    """
    return _lines(await server.app.privacy.export(who, name))


@router.delete("/people/{name}/data")
async def erase(name: Person, who: Keeper, server: Server) -> Forgotten:
    """Erase everything that is kept of a person, with their account, for good."""
    return await server.app.privacy.erase(who, name)


@router.get("/data", response_class=StreamingResponse, responses=_LINES)
async def export_own(who: User, server: Server) -> StreamingResponse:
    """Everything that is kept of whoever asks, as lines of JSON; the last says that it is whole."""
    return _lines(await server.app.privacy.export(who, who.id))


@router.delete("/data")
async def erase_own(who: User, caller: CallerOf, response: Response, server: Server) -> Forgotten:
    """Erase everything that is kept of oneself, with the account, where admins let people."""
    done = await server.app.privacy.erase_own(who, caller)
    response.delete_cookie(cookie_name(server.app.settings), path="/")
    return done


@router.delete("/documents/{document_id}")
async def erase_document(
    document_id: Id, who: Admin, server: Server, domain: Domain = None
) -> Erased:
    """Erase what is kept of a document and what was made of it for people, for good.

    It is not read again while it is the same at its source.
    """
    return await server.app.privacy.erase_document(who, document_id, domain)


def _lines(rows: AsyncGenerator[Mapping[str, Any]]) -> StreamingResponse:
    async def written() -> AsyncIterator[bytes]:
        async with aclosing(rows):
            async for row in rows:
                # Escaped to ASCII, so that nothing anybody wrote can end it halfway.
                yield json.dumps(to_jsonable_python(row, inf_nan_mode="null")).encode() + b"\n"

    attachment = {"Content-Disposition": "attachment; filename=data.jsonl"}
    return StreamingResponse(written(), media_type=LINES, headers=attachment)
