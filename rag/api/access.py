"""The routes by which admins see and end other people's sessions, API keys and unused links."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from rag.api.accounts import AccountName, Ended, Keys, ObjectId, Sessions
from rag.api.pages import Cursor, Limit, page
from rag.api.policy import Keeper
from rag.api.routes import RESPONSES
from rag.api.state import Server
from rag.api.strict import StrictRoute
from rag.store.accounts import Invitation
from rag.store.signins import ApiKey
from rag.types import Data as Body

Owner = Annotated[str | None, Query(min_length=1, max_length=100, description="An account's name.")]

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)


class Invitations(Body):
    invitations: list[Invitation]


@router.get("/accounts/{name}/sessions")
async def sessions(name: AccountName, who: Keeper, server: Server) -> Sessions:
    """Where somebody is signed in, the session used last first."""
    return Sessions(sessions=list(await server.app.access.sessions(who, name)))


@router.delete("/accounts/{name}/sessions")
async def end_sessions(name: AccountName, who: Keeper, server: Server) -> Ended:
    """Sign somebody out everywhere, from the next request on."""
    return Ended(ended=await server.app.access.end_sessions(who, name))


@router.delete("/accounts/{name}/sessions/{session_id}")
async def end_session(
    name: AccountName, session_id: ObjectId, who: Keeper, server: Server
) -> Ended:
    """Sign somebody out of one browser, from the next request on."""
    return Ended(ended=await server.app.access.end_sessions(who, name, session_id))


@router.get("/keys/all")
async def keys(
    who: Keeper,
    server: Server,
    owner: Owner = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Keys:
    """Everybody's API keys or those of one person, newest first, `limit` at a time."""
    found = await server.app.access.keys(who, owner, limit + 1, cursor)
    shown, more = page(found, limit, lambda one: one.id)
    return Keys(keys=shown, next=more)


@router.delete("/keys/all/{key_id}")
async def remove_key(key_id: ObjectId, who: Keeper, server: Server) -> ApiKey:
    """Remove anybody's API key, from the next request on."""
    return await server.app.access.remove_key(who, key_id)


@router.get("/invitations")
async def invitations(who: Keeper, server: Server) -> Invitations:
    """The links that nobody used yet, newest first; also those that are too old by now."""
    return Invitations(invitations=list(await server.app.access.invitations(who)))


@router.delete("/invitations/{name}", status_code=204, response_class=Response)
async def withdraw(name: AccountName, who: Keeper, server: Server) -> None:
    """End the link that somebody was given."""
    await server.app.access.withdraw(who, name)
