"""The routes of conversations: one's own, and those that a link leads to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from rag.api.once import Once
from rag.api.pages import Cursor, page
from rag.api.policy import User
from rag.api.routes import RESPONSES, Domain, Name
from rag.api.state import Server
from rag.api.strict import StrictRoute
from rag.conversations import LONGEST_TITLE, Conversation, Talk
from rag.store.conversations import cursor as place_of
from rag.types import Data as Body

Id = Annotated[str, Path(pattern=r"^[0-9a-f-]{36}$")]
Title = Annotated[str, Field(min_length=1, max_length=LONGEST_TITLE)]
Search = Annotated[str, Query(max_length=200, description="Words of a title or a question.")]
Many = Annotated[int, Query(ge=1, le=200)]
After = Annotated[int, Query(ge=0, le=2**31 - 1, description="The number of the turn before.")]
Turn = Annotated[int, Path(ge=1, le=2**31 - 1)]

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)


class Begin(Body):
    domain: Name | None = None
    title: Title | None = None
    """Its first question names it where nobody does."""


class Rename(Body):
    title: Title


class Chosen(Body):
    trace_id: str = Field(pattern=r"^[0-9a-f-]{36}$")
    """Of the other answer to the same question."""


class Conversations(Body):
    conversations: list[Conversation]
    next: str | None = None
    """The cursor of the next page; null after the last."""


class Link(Body):
    link: str
    """Shown this once."""


class Look(Body):
    token: str = Field(min_length=1, max_length=200)
    """What stands after the # of a link."""
    after: int = Field(default=0, ge=0, le=2**31 - 1)
    limit: int = Field(default=100, ge=1, le=200)


@router.post("/conversations", status_code=201)
async def begin(body: Begin, who: User, server: Server, once: Once) -> Conversation:
    """Begin a conversation; questions are asked in it by its id, at `/answers`."""
    kept = server.app.conversations

    async def again(conversation_id: str) -> Conversation:
        return (await kept.show(who, conversation_id, limit=1)).conversation

    return await once.made(
        who, lambda: kept.begin(who, body.domain, body.title or ""), lambda one: one.id, again
    )


@router.get("/conversations")
async def conversations(
    who: User,
    server: Server,
    domain: Domain = None,
    search: Search = "",
    limit: Many = 50,
    cursor: Cursor = None,
) -> Conversations:
    """One's own on a domain, the one used last first; `next` is the cursor of the page after."""
    found = await server.app.conversations.page(
        who, domain, search=search, limit=limit + 1, after=cursor
    )
    shown, more = page(found, limit, place_of)
    return Conversations(conversations=shown, next=more)


@router.get("/conversations/{conversation_id}")
async def conversation(
    conversation_id: Id, who: User, server: Server, after: After = 0, limit: Many = 100
) -> Talk:
    """What was asked and answered, as far as its sources may be read now."""
    return await server.app.conversations.show(who, conversation_id, after=after, limit=limit)


@router.patch("/conversations/{conversation_id}")
async def rename(conversation_id: Id, body: Rename, who: User, server: Server) -> Conversation:
    return await server.app.conversations.rename(who, conversation_id, body.title)


@router.put("/conversations/{conversation_id}/turns/{n}")
async def choose(conversation_id: Id, n: Turn, body: Chosen, who: User, server: Server) -> Talk:
    """Go on with the other of two answers to a question; it says how the turn reads now."""
    return await server.app.conversations.choose(who, conversation_id, n, body.trace_id)


@router.delete("/conversations/{conversation_id}", status_code=204, response_class=Response)
async def delete(conversation_id: Id, who: User, server: Server) -> None:
    """With what was answered in it, but for answers that were rated."""
    await server.app.conversations.delete(who, conversation_id)


@router.post("/conversations/{conversation_id}/share", status_code=201)
async def share(conversation_id: Id, who: User, server: Server) -> Link:
    """A link for people of the same domain; the one before, if any, ends."""
    return Link(link=await server.app.conversations.share(who, conversation_id))


@router.delete("/conversations/{conversation_id}/share")
async def unshare(conversation_id: Id, who: User, server: Server) -> Conversation:
    """The link leads nowhere from the next request on."""
    return await server.app.conversations.unshare(who, conversation_id)


@router.post("/shared-conversations/look")
async def look(body: Look, who: User, server: Server) -> Talk:
    """What a link leads to. A turn whose sources the caller may not read is withheld."""
    return await server.app.conversations.read(who, body.token, after=body.after, limit=body.limit)
