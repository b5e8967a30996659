"""Agreement: how far people agree, as the data team may know it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from time import monotonic
from typing import TypeVar

from rag.app.domains import Domains
from rag.app.parts import Parts
from rag.app.people import People
from rag.app.traces import Traces
from rag.errors import InvalidInput
from rag.store.agreement import Agreement, Agreements, Disputed, Rater
from rag.types import Principal

KEPT_SECONDS = 30.0
"""For so long the lists of a page are parts of one reckoning. It holds no word of anybody's."""
Span = tuple[datetime | None, datetime | None]
T = TypeVar("T", Rater, Disputed)


class ToldDispute(Disputed):
    """An answer that people are divided on, as it may be read."""

    question: str
    answer: str


class Agreeing:
    """The verbs of agreement. A list goes on after a place in it."""

    def __init__(self, parts: Parts, domains: Domains, people: People, traces: Traces) -> None:
        self._domains = domains
        self._people = people
        self._traces = traces
        self._kept = Agreements(parts.ledger.database)
        self._turn = asyncio.Lock()
        self._reckoned: tuple[str, Span, float, Agreement] | None = None

    async def of(self, principal: Principal, span: Span, domain: str | None = None) -> Agreement:
        """On the whole and month by month; its lists are whole too."""
        name = self._domains.get(domain).pack.name
        async with self._turn:
            known = self._reckoned
            if known and known[:2] == (name, span) and monotonic() - known[2] < KEPT_SECONDS:
                return known[3]
            made = await asyncio.to_thread(self._kept.of, name, *span)
            self._reckoned = (name, span, monotonic(), made)
            return made

    async def raters(
        self,
        principal: Principal,
        span: Span,
        limit: int,
        after: str | None = None,
        domain: str | None = None,
    ) -> Sequence[Rater]:
        """Those with most opinions first."""
        return _page((await self.of(principal, span, domain)).raters, limit, after)

    async def disputed(
        self,
        principal: Principal,
        span: Span,
        limit: int,
        after: str | None = None,
        domain: str | None = None,
    ) -> list[ToldDispute]:
        """What people are divided on, most first."""
        who = await self._people.within(principal, domain)
        name = self._domains.get(domain).pack.name
        found = _page((await self.of(principal, span, domain)).disputed, limit, after)
        traces = await self._traces.some(who, name, {one.trace_id for one in found})
        return [
            ToldDispute(**dict(one), question=trace["query_raw"], answer=trace["answer"])
            for one in found
            if (trace := traces.get(one.trace_id)) is not None
        ]


def _page(found: Sequence[T], limit: int, after: str | None) -> Sequence[T]:
    if after is None:
        return found[:limit]
    places = [one.place for one in found]
    if after not in places:
        raise InvalidInput(f"The list has no '{after}' to go on after.")
    begin = places.index(after) + 1
    return found[begin : begin + limit]
