"""The routes of admins: the kinds of source, the sources, and what is to be done about them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from rag.api.once import Once
from rag.api.policy import Admin, Keeper
from rag.api.routes import RESPONSES, Domain, Name
from rag.api.state import Server
from rag.api.strict import StrictRoute
from rag.types import Collected, ConnectorInfo, Rotated, SourceInfo
from rag.types import Data as Body

Source = Annotated[str, Path(min_length=1, max_length=200, description="Name or id.")]
Kind = Annotated[str, Path(min_length=1, max_length=100, description="A connector's name.")]

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)


class Connectors(Body):
    connectors: list[ConnectorInfo]


class Configuration(Body):
    config: dict[str, Any] = Field(default_factory=dict[str, Any])


class Changes(Body):
    """Settings to replace; null takes one away, and what is not named stays, secrets too."""

    config: dict[str, Any]


class NewSource(Body):
    """A source to read from now on."""

    connector: Name
    config: dict[str, Any] = Field(default_factory=dict[str, Any])
    name: Name | None = None
    domain: Name | None = None


class Sources(Body):
    sources: list[SourceInfo]


class Checked(Body):
    reads: str
    """What would be read, in one sentence."""


class Pause(Body):
    paused: bool


class Retry(Body):
    """What to try again: one document, or all of the source that are not indexed."""

    document_id: Name | None = None


class Counted(Body):
    documents: int


@router.get("/connectors")
async def connectors(who: Admin, server: Server) -> Connectors:
    """The kinds of source that can be added, each with the JSON Schema of its form."""
    return Connectors(connectors=await server.app.connectors(who))


@router.post("/connectors/{connector}/check")
async def check_connector(
    connector: Kind, body: Configuration, who: Admin, server: Server
) -> Checked:
    """Try a configuration without registering it."""
    reads = await server.app.check_connector(who, connector=connector, config=body.config)
    return Checked(reads=reads)


@router.get("/sources")
async def sources(who: Admin, server: Server, domain: Domain = None) -> Sources:
    """What is read."""
    return Sources(sources=await server.app.sources(who, domain))


@router.post("/sources", status_code=201)
async def add_source(body: NewSource, who: Admin, server: Server, once: Once) -> SourceInfo:
    """Register a source once its connector accepts the configuration and can reach it."""
    return await once.made(
        who,
        lambda: server.app.add_source(
            who, connector=body.connector, config=body.config, name=body.name, domain=body.domain
        ),
        lambda made: made.id,
        lambda source_id: server.app.source(who, source_id, body.domain),
    )


@router.get("/sources/{source}")
async def source(source: Source, who: Admin, server: Server, domain: Domain = None) -> SourceInfo:
    """One source; credentials are never shown."""
    return await server.app.source(who, source, domain)


@router.patch("/sources/{source}")
async def change_source(
    source: Source, body: Changes, who: Admin, server: Server, domain: Domain = None
) -> SourceInfo:
    """Give a source other settings once its connector accepts them; the next sync obeys them."""
    return await server.app.change_source(who, source, body.config, domain)


@router.delete("/sources/{source}")
async def remove_source(
    source: Source, who: Admin, server: Server, domain: Domain = None
) -> Counted:
    """Forget a source with its documents; they answer nothing from the next question on."""
    return Counted(documents=await server.app.remove_source(who, source, domain))


@router.post("/sources/{source}/check")
async def check_source(
    source: Source, who: Admin, server: Server, domain: Domain = None
) -> Checked:
    """Whether a source can be reached now."""
    return Checked(reads=await server.app.check_source(who, source, domain))


@router.put("/sources/{source}/pause")
async def pause_source(
    source: Source, body: Pause, who: Admin, server: Server, domain: Domain = None
) -> SourceInfo:
    """Let no sync read a source, or let it be read again."""
    return await server.app.pause_source(who, source, body.paused, domain)


@router.post("/sources/{source}/release")
async def release_hold(
    source: Source, who: Admin, server: Server, domain: Domain = None
) -> Counted:
    """Delete the documents whose deletion is held."""
    return Counted(documents=await server.app.release_hold(who, source, domain))


@router.post("/sources/{source}/retry")
async def retry(
    source: Source, body: Retry, who: Admin, server: Server, domain: Domain = None
) -> Counted:
    """Let the next sync try again what failed, was given up or was rejected."""
    return Counted(documents=await server.app.retry(who, source, body.document_id, domain))


@router.post("/blobs/collect")
async def collect(who: Keeper, server: Server) -> Collected:
    """Delete kept files that no version and no upload has named for a day."""
    return await server.app.collect(who)


@router.post("/keys/rotate")
async def rotate_keys(who: Keeper, server: Server) -> Rotated:
    """Encrypt every stored credential with a new key."""
    return await server.app.rotate_keys(who)
