"""Requests that may be sent again: those with an `Idempotency-Key` make one thing, once."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request

from rag.api.policy import DOMAIN_HEADER
from rag.api.state import Server, State
from rag.types import Answer, AnswerEvent, Principal

T = TypeVar("T")
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="Sent again with the same request within a day, it gives what it gave before.",
    ),
]


class Requested:
    """One request with its key, if it has one."""

    def __init__(self, server: State, key: str | None, digest: str) -> None:
        self._app = server.app
        self._key = key
        self._digest = digest

    async def made(
        self,
        who: Principal,
        make: Callable[[], Awaitable[T]],
        name: Callable[[T], str],
        again: Callable[[str], Awaitable[T]],
    ) -> T:
        """What this request makes, or what it made before as that is now, found by its name."""
        if self._key is None:
            return await make()
        async with self._app.once.doing(who, self._key, self._digest) as doing:
            if doing.made is not None:
                return await again(doing.made)
            made = await make()
            doing.made = name(made)
            return made

    async def answer(self, who: Principal, make: Callable[[], Awaitable[Answer]]) -> Answer:
        async def again(trace_id: str) -> Answer:
            return await self._app.once.answer(who, trace_id)

        return await self.made(who, make, lambda made: made.trace_id, again)

    async def events(
        self, who: Principal, make: Callable[[], AsyncGenerator[AnswerEvent]]
    ) -> AsyncIterator[AnswerEvent]:
        """The events of an answer; of one that was made before: started, one token, answer."""
        if self._key is None:
            async for event in make():
                yield event
            return
        async with self._app.once.doing(who, self._key, self._digest) as doing:
            if doing.made is not None:
                answer = await self._app.once.answer(who, doing.made)
                yield AnswerEvent(event="started", data={"trace_id": answer.trace_id})
                yield AnswerEvent(event="token", data={"text": answer.answer})
                yield AnswerEvent(event="answer", data=answer.model_dump(mode="json"))
                return
            async with aclosing(make()) as events:
                async for event in events:
                    if event.event == "answer":
                        doing.made = event.data["trace_id"]
                    yield event


async def requested(request: Request, server: Server, idempotency_key: Key = None) -> Requested:
    """Requests are the same where they ask for the same, in the same words."""
    if idempotency_key is None:
        return Requested(server, None, "")
    said = (request.method, request.url.path, request.url.query)
    digest = hashlib.sha256("\n".join(said).encode("utf-8", "surrogatepass"))
    digest.update(request.headers.get(DOMAIN_HEADER, "").encode("utf-8", "surrogatepass"))
    digest.update(b"\n" + await request.body())
    return Requested(server, idempotency_key, digest.hexdigest())


Once = Annotated[Requested, Depends(requested)]
