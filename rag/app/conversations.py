"""Conversations: one's own, what the next answer hears of them, and what a link lets others read.

Nothing that was answered is shown, told to a model or shared as it was kept: each time the sources
that it may tell of are checked against the ledger, for whoever looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from rag.app.accounts import Accounts
from rag.app.parts import Parts
from rag.app.people import People
from rag.app.traces import Traces, withheld
from rag.conversations import Conversation, Exchange, Place, State, Talk
from rag.errors import InvalidInput, NotFound
from rag.retrieve.expand import gist
from rag.store.conversations import Conversations as Store
from rag.store.conversations import Turn as Asked
from rag.types import AskRequest, Citation, Claim, Conflict, Principal, Turn

HEARD = 20
"""Exchanges that the next answer may be told of, if there is room."""
LOST_AFTER = timedelta(minutes=10)
"""A question without a trace is not being answered any more: no model may take so long."""
_ENDINGS: Mapping[str, State] = {"cancelled": "left", "error": "failed"}


class Conversations:
    """Another's conversation is NotFound, whatever role somebody has."""

    def __init__(self, parts: Parts, people: People, traces: Traces, accounts: Accounts) -> None:
        self._parts = parts
        self._settings = parts.settings
        self._people = people
        self._traces = traces
        self._accounts = accounts

    @property
    def _kept(self) -> Store:
        return self._parts.conversations

    # --- one's own ---

    async def begin(
        self, principal: Principal, domain: str | None = None, title: str = ""
    ) -> Conversation:
        """An empty conversation on a domain. Raises NotFound, InvalidInput."""
        await self._people.within(principal, domain)
        name = domain or self._settings.domain
        return await asyncio.to_thread(self._kept.begin, principal.id, name, title)

    async def page(
        self,
        principal: Principal,
        domain: str | None = None,
        *,
        search: str = "",
        limit: int = 50,
        after: str | None = None,
    ) -> list[Conversation]:
        """One's own on a domain, the one used last first; `search` looks at titles and questions.

        `after` is the cursor of the last one before. Raises InvalidInput for what is none.
        """
        name = domain or self._settings.domain
        return await asyncio.to_thread(
            lambda: self._kept.page(principal.id, name, search=search, limit=limit, after=after)
        )

    async def show(
        self, principal: Principal, conversation_id: str, *, after: int = 0, limit: int = 100
    ) -> Talk:
        """One's own with what was asked and answered, those turns after the one of that number."""
        found = await asyncio.to_thread(self._kept.get, principal.id, conversation_id)
        return await self._talk(principal, found, after, limit, own=True)

    async def rename(self, principal: Principal, conversation_id: str, title: str) -> Conversation:
        """Raises NotFound, InvalidInput."""
        return await asyncio.to_thread(self._kept.rename, principal.id, conversation_id, title)

    async def delete(self, principal: Principal, conversation_id: str) -> None:
        """With what was answered in it, but for answers that were rated. Raises NotFound."""
        await asyncio.to_thread(self._kept.delete, principal.id, conversation_id)

    async def choose(
        self, principal: Principal, conversation_id: str, n: int, trace_id: str
    ) -> Talk:
        """Go on with the other of two answers to question `n`. May be said again, and taken back.

        Raises NotFound for what is no second answer to it.
        """
        await asyncio.to_thread(self._kept.choose, principal.id, conversation_id, n, trace_id)
        return await self.show(principal, conversation_id, after=n - 1, limit=1)

    # --- sharing ---

    async def share(self, principal: Principal, conversation_id: str) -> str:
        """A link for people of its domain; the one before, if any, leads nowhere from now on."""
        token = await asyncio.to_thread(self._kept.share, principal.id, conversation_id)
        await self._accounts.wrote(principal, "share conversation", conversation_id)
        # After the #, so that no server on the way and no log ever sees it.
        return f"{self._settings.server.url}/shared#{token}"

    async def unshare(self, principal: Principal, conversation_id: str) -> Conversation:
        """The link leads nowhere from the next request on. May be said again."""
        if await asyncio.to_thread(self._kept.unshare, principal.id, conversation_id):
            await self._accounts.wrote(principal, "unshare conversation", conversation_id)
        return await asyncio.to_thread(self._kept.get, principal.id, conversation_id)

    async def read(
        self, principal: Principal, token: str, *, after: int = 0, limit: int = 100
    ) -> Talk:
        """What a link leads to, as the principal may see it. NotFound also for strangers there."""
        found = await asyncio.to_thread(self._kept.shared, token)
        own = found.owner == principal.id
        try:
            return await self._talk(principal, found.conversation, after, limit, own=own)
        except NotFound:
            raise NotFound("This link leads to no conversation.") from None

    # --- asking within one ---

    async def heard(self, principal: Principal, request: AskRequest) -> AskRequest:
        """The request with what was said before, as the principal may see it now.

        Questions without an answer are left out, and so are answers that may not be shown again.
        Raises NotFound, InvalidInput for a conversation of another domain.
        """
        if request.conversation is None:
            return request
        found = await asyncio.to_thread(self._kept.get, principal.id, request.conversation)
        if found.domain != (request.domain or self._settings.domain):
            raise InvalidInput(
                f"The conversation is about the domain '{found.domain}'.",
                hint="Name that domain in the request.",
            )
        asked = await asyncio.to_thread(self._before, found.id, request)
        said: list[Turn] = []
        for one in await self._exchanges(principal, found.domain, asked, own=True):
            if one.state == "answered":
                said.append(Turn.model_construct(role="user", content=one.question))
            if one.answer is not None:
                said.append(Turn.model_construct(role="assistant", content=one.answer))
        return request.model_copy(update={"history": tuple(said)})

    async def place(self, principal: Principal, request: AskRequest) -> Place | None:
        """Where the answer goes, noted before it is made. Raises NotFound."""
        if request.conversation is None:
            return None
        trace_id = str(uuid4())
        if request.beside is not None:
            turn = await asyncio.to_thread(self._turn_of, request.conversation, request.beside)
            return Place(
                conversation=request.conversation,
                turn=turn.n,
                trace_id=trace_id,
                beside=request.beside,
            )
        n = await asyncio.to_thread(
            self._kept.ask, principal.id, request.conversation, request.question, trace_id
        )
        return Place(conversation=request.conversation, turn=n, trace_id=trace_id)

    def _before(self, conversation_id: str, request: AskRequest) -> list[Asked]:
        """What was asked before; for a second answer, before the question of the first."""
        if request.beside is None:
            return self._kept.latest(conversation_id, HEARD)
        turn = self._turn_of(conversation_id, request.beside)
        if turn.question != request.question:
            raise InvalidInput("The answer beside is to another question.")
        return self._kept.latest(conversation_id, HEARD, before=turn.n)

    def _turn_of(self, conversation_id: str, trace_id: str) -> Asked:
        for turn in self._kept.latest(conversation_id, HEARD):
            if turn.trace_id == trace_id:
                return turn
        raise NotFound("The conversation has no such answer.")

    # --- what may be seen ---

    async def _talk(
        self, principal: Principal, found: Conversation, after: int, limit: int, *, own: bool
    ) -> Talk:
        asked = await asyncio.to_thread(
            lambda: self._kept.turns(found.id, after=after, limit=limit + 1)
        )
        page = asked[:limit]
        turns = await self._exchanges(principal, found.domain, page, own=own)
        more = page[-1].n if len(asked) > limit else None
        return Talk(conversation=found, turns=tuple(turns), next=more)

    async def _exchanges(
        self, principal: Principal, domain: str, asked: Sequence[Asked], *, own: bool
    ) -> list[Exchange]:
        who = await self._people.within(principal, domain)
        shown = await self._traces.some(who, domain, [one.trace_id for one in asked])
        now = self._kept.now()
        return [_exchange(one, shown.get(one.trace_id), now, own=own) for one in asked]


def _exchange(
    asked: Asked, trace: Mapping[str, Any] | None, now: datetime, *, own: bool
) -> Exchange:
    """A turn as it may be seen; `trace` is what of its trace may be shown."""
    shown = Exchange(
        n=asked.n,
        question=asked.question,
        asked_at=asked.asked_at,
        state="open" if now - asked.asked_at < LOST_AFTER else "lost",
        trace_id=asked.trace_id if own else None,
    )
    if trace is None:
        return shown
    ending = _ENDINGS.get(trace["finish_reason"], "answered")
    if ending == "answered" and withheld(trace):
        return shown.model_copy(update={"state": ending, "withheld": True})
    alone = trace["query_standalone"]
    told: dict[str, Any] = {"state": ending, "standalone": alone}
    if alone == gist(asked.question):
        del told["standalone"]
    if ending == "answered":
        told |= {
            "answer": trace["answer"],
            "citations": tuple(Citation.model_validate(one) for one in trace["citations"]),
            "claims": tuple(Claim.model_validate(one) for one in trace["claims"] if one["span"]),
            "conflicts": tuple(Conflict.model_validate(one) for one in trace["conflicts"]),
            "abstained": trace["abstained"],
            "support": trace["support"],
            "removed": sum(one["span"] is None for one in trace["claims"]),
            "model": trace["model"],
        }
    return shown.model_copy(update=told)
