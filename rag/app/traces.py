"""Traces as whoever asks may see them now: what was deleted or revoked since is not shown again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rag.app.parts import Parts
from rag.app.people import People
from rag.errors import NotFound
from rag.retrieve.expand import gist
from rag.store.redacting import REMOVED, named, redacted
from rag.types import Answer, Citation, Claim, Conflict, Principal, Usage


class Traces:
    """Checks everything that a trace holds against the ledger, each time it is shown."""

    def __init__(self, parts: Parts, people: People) -> None:
        self._kept = parts.traces
        self._ledger = parts.ledger
        self._people = people

    async def get(self, principal: Principal, trace_id: str) -> Mapping[str, Any]:
        return await asyncio.to_thread(self.now, principal, trace_id)

    def now(self, principal: Principal, trace_id: str) -> Mapping[str, Any]:
        """A trace of the principal's own, or any of a domain in which they have the role."""
        try:
            who = self._people.now(principal, self._kept.domain(trace_id))
            trace = self._kept.get(who, trace_id)
        except NotFound:
            raise NotFound(f"There is no trace '{trace_id}'.") from None
        return self._shown([who], trace["domain"], [trace])[0]

    async def shown(
        self, readers: Sequence[Principal], trace: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """A trace as far as all of these may read it now, in the domain that was asked.

        Where there are none, nothing of any document is shown.
        """
        return (await asyncio.to_thread(self._shown, readers, trace["domain"], [trace]))[0]

    async def some(
        self, who: Principal, domain: str, trace_ids: Collection[str]
    ) -> dict[str, dict[str, Any]]:
        """Those traces of a domain that are kept, by id, as somebody of that domain may see them.

        That they may see them at all is for the caller to know.
        """
        found = await asyncio.to_thread(self._kept.some, trace_ids)
        shown = await asyncio.to_thread(self._shown, [who], domain, found)
        return {trace["id"]: trace for trace in shown}

    def readable(
        self, readers: Sequence[Principal], domain: str, trace_ids: Collection[str]
    ) -> list[dict[str, Any]]:
        """Those traces of a domain that are kept, whoever asked, as far as all of these may read
        what is in them now."""
        found = [one for one in self._kept.some(trace_ids) if one["domain"] == domain]
        return self._shown(readers, domain, found)

    def _shown(
        self, readers: Sequence[Principal], domain: str, traces: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        of = {document for trace in traces for document in named(trace)}
        each = [self._ledger.readable(who, domain, of) for who in readers]
        readable = set[str].intersection(*each) if each else set[str]()
        return [redacted(trace, readable) for trace in traces]


def answer_of(trace: Mapping[str, Any]) -> Answer:
    """The answer that a shown trace tells of. The titles that were looked at are not kept."""
    names = ("answer", "abstained", "support", "model", "timings")
    claims = [Claim.model_validate(one) for one in trace["claims"]]
    alone = trace["query_standalone"]
    return Answer(
        **{name: trace[name] for name in names},
        trace_id=trace["id"],
        confidence=round(trace["confidence"], 4),
        citations=tuple(Citation.model_validate(one) for one in trace["citations"]),
        claims=tuple(claims),
        removed=sum(one.span is None for one in claims),
        conflicts=tuple(Conflict.model_validate(one) for one in trace["conflicts"]),
        standalone=None if alone == gist(trace["query_raw"]) else alone,
        cached="cached" in trace["route"],
        usage=Usage(
            prompt_tokens=trace["prompt_tokens"],
            completion_tokens=trace["completion_tokens"],
            cost=trace["cost"],
        ),
    )


def withheld(trace: Mapping[str, Any]) -> bool:
    """Nothing of what a shown trace answered may be seen."""
    return trace["answer"] == REMOVED
