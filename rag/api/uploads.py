"""The routes of uploads: the bytes are the body, so that `curl -T FILE` is all it takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.exceptions import HTTPException

from rag.api.policy import Admin
from rag.api.routes import RESPONSES, Domain
from rag.api.sources import Source
from rag.api.state import Server
from rag.api.strict import StrictRoute
from rag.errors import Unavailable
from rag.store.uploads import Upload, checked_name
from rag.types import Data as Body

AT_ONCE = 2
"""Uploads being received: until it is kept, each takes twice its size of memory."""
WAIT_SECONDS = 30.0
"""How long a further one waits for its turn."""
STALL_SECONDS = 60.0
"""A sender that is silent for longer gives its place up."""

Name = Annotated[str, Path(description="A file name, percent-encoded.")]
Readers = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=4_000,
        description="user:NAME, group:NAME or everyone, separated by commas; else the source's.",
    ),
]
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)


class Uploads(Body):
    uploads: list[Upload]


async def place(request: Request) -> AsyncIterator[None]:
    """One of the places for uploads, in turn; 503 for whoever waits too long."""
    free = cast(asyncio.Semaphore, request.app.state.uploading)
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await free.acquire()
    except TimeoutError as error:
        raise Unavailable(
            "As many uploads as allowed are under way.", hint="Try again in a moment."
        ) from error
    try:
        yield
    finally:
        free.release()


# A name is everything after the prefix: one with a slash is refused as such, not as unknown.
@router.put(
    "/sources/{source}/uploads/{name:path}", openapi_extra=_BODY, dependencies=[Depends(place)]
)
async def upload(
    request: Request,
    source: Source,
    name: Name,
    who: Admin,
    server: Server,
    readers: Readers = None,
    domain: Domain = None,
) -> Upload:
    """Keep the body as a document of the source; the next sync reads it.

    The same name again is a new version. The Content-Type is a hint, never believed.
    """
    checked_name(name)
    return await server.app.upload(
        who,
        source,
        name,
        await _received(request),
        media_type=request.headers.get("content-type"),
        readers=readers.split(",") if readers else (),
        domain=domain,
    )


@router.get("/sources/{source}/uploads")
async def uploads(source: Source, who: Admin, server: Server, domain: Domain = None) -> Uploads:
    """What was uploaded to a source."""
    return Uploads(uploads=await server.app.uploads(who, source, domain))


@router.delete("/sources/{source}/uploads/{name:path}", status_code=204, response_class=Response)
async def remove_upload(
    source: Source, name: Name, who: Admin, server: Server, domain: Domain = None
) -> None:
    """Forget an upload with its document; it answers nothing from the next question on."""
    await server.app.remove_upload(who, source, name, domain)


async def _received(request: Request) -> bytes:
    """The whole body. The guard ends it where the limit is passed."""
    data = bytearray()
    stream = aiter(request.stream())
    try:
        while True:
            async with asyncio.timeout(STALL_SECONDS):
                data += await anext(stream)
    except StopAsyncIteration:
        return bytes(data)
    except TimeoutError as error:
        raise HTTPException(408, f"Nothing was sent for {STALL_SECONDS:.0f} seconds.") from error
