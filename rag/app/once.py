"""What is asked for twice under one idempotency key is done once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rag.app.parts import Parts
from rag.app.traces import Traces, answer_of
from rag.types import Answer, Principal


@dataclass
class Doing:
    """A request being done; `made` is the id of what it made, already there for a repetition."""

    made: str | None


class Once:
    """Knows the requests of the last day that had a key."""

    def __init__(self, parts: Parts, traces: Traces) -> None:
        self._parts = parts
        self._traces = traces

    async def answer(self, principal: Principal, trace_id: str) -> Answer:
        """What was answered before, as the principal may see it now."""
        return answer_of(await self._traces.get(principal, trace_id))

    @asynccontextmanager
    async def doing(self, who: Principal, key: str, digest: str) -> AsyncGenerator[Doing]:
        """The block does it, unless it was done, and says what it made.

        Where it fails or says nothing, the next request with the key does it again. Raises Conflict
        for a key that came with another request, TooSoon while that one is being done.
        """
        repeats = self._parts.repeats
        known = await asyncio.to_thread(repeats.begin, who.id, key, digest)
        doing = Doing(known)
        try:
            yield doing
        finally:
            if known is None:
                await asyncio.to_thread(repeats.end, who.id, key, doing.made)
