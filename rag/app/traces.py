"""Traces as whoever asks may see them now: what was deleted or revoked since is not shown again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence, Set
from typing import Any

from rag.app.parts import Parts
from rag.app.people import People
from rag.errors import NotFound
from rag.types import Principal

REMOVED = "[removed: no longer readable]"


class Traces:
    """Checks everything that a trace holds against the ledger, each time it is shown."""

    def __init__(self, parts: Parts, people: People) -> None:
        self._kept = parts.traces
        self._ledger = parts.ledger
        self._people = people

    async def get(self, principal: Principal, trace_id: str) -> Mapping[str, Any]:
        """A trace of the principal's own, or any of a domain in which they have the role."""
        try:
            domain = await asyncio.to_thread(self._kept.domain, trace_id)
            who = await self._people.within(principal, domain)
            trace = await asyncio.to_thread(self._kept.get, who, trace_id)
        except NotFound:
            raise NotFound(f"There is no trace '{trace_id}'.") from None
        return await self.shown([who], trace)

    async def shown(
        self, readers: Sequence[Principal], trace: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """A trace as far as all of these may read it now, in the domain that was asked.

        Where there are none, nothing of any document is shown.
        """
        return await asyncio.to_thread(self._shown, readers, trace)

    def _shown(self, readers: Sequence[Principal], trace: Mapping[str, Any]) -> dict[str, Any]:
        """The trace after those of the answers it was told before, and these after theirs."""
        found, waiting = {trace["id"]: trace}, [trace]
        before: dict[str, Sequence[Mapping[str, Any]]] = {}
        while waiting:
            one = waiting.pop()
            before[one["id"]] = earlier = self._kept.earlier(one, _said(one))
            waiting += [other for other in earlier if other["id"] not in found]
            found |= {other["id"]: other for other in earlier}
        shown: dict[str, dict[str, Any]] = {}
        # Each was made after those it was told; so these are known by then.
        for one in sorted(found.values(), key=lambda one: one["ts"]):
            named = {hit["doc_id"] for hit in one["hits"]}
            named |= {citation["document_id"] for citation in one["citations"]}
            readable = [self._ledger.readable(who, one["domain"], named) for who in readers]
            named = set[str].intersection(*readable) if readable else set[str]()
            told = {shown[other["id"]]["answer"] for other in before[one["id"]]} - {REMOVED}
            lost = {other["answer"] for other in before[one["id"]]} - told
            shown[one["id"]] = redacted(one, named, told, spoiled=bool(lost))
        return shown[trace["id"]]


def _said(trace: Mapping[str, Any]) -> set[str]:
    """What the model was told that an assistant had answered before."""
    return {one["content"] for one in trace["rendered_messages"] if one["role"] == "assistant"}


def redacted(
    trace: Mapping[str, Any],
    readable: Set[str],
    told: Set[str] = frozenset(),
    *,
    spoiled: bool = False,
) -> dict[str, Any]:
    """The trace without a word of documents that are not readable, nor what was made of them.

    A version that was replaced stays: its document may still be read. Of what an assistant is
    said to have answered before, only what is `told` stays: nobody knows what the rest was made
    of. `spoiled`: one of these may no longer be shown, so the answer may tell it as well.
    """
    hits: list[dict[str, Any]] = trace["hits"]
    gone = [hit for hit in hits if hit["doc_id"] not in readable]
    lost = any(one["document_id"] not in readable for one in trace["citations"])
    composed = bool(trace["rendered_messages"]) and any(hit["in_context"] for hit in gone)
    # An abstention names the titles it looked at; a quoted answer says what it cites alone.
    spoiled = spoiled or lost or composed or (trace["abstained"] and bool(gone))
    shown = {
        **trace,
        "hits": [hit if hit["doc_id"] in readable else _unsaid(hit) for hit in hits],
        "citations": [
            one if one["document_id"] in readable else _unquoted(one) for one in trace["citations"]
        ],
    }
    shown["rendered_messages"] = [
        {**message, "content": REMOVED}
        if composed or (message["role"] == "assistant" and message["content"] not in told)
        else message
        for message in trace["rendered_messages"]
    ]
    if spoiled:
        # Not the hash either: who guesses a text could confirm it.
        shown |= {"answer": REMOVED, "answer_sha": "", "error": trace["error"] and REMOVED}
        shown["claims"] = [{**one, "text": REMOVED, "reason": REMOVED} for one in trace["claims"]]
    return shown


def _unsaid(hit: dict[str, Any]) -> dict[str, Any]:
    """The hit without its story, in which stages may tell the words they found."""
    scores = [{**score, "why": REMOVED} for score in hit["scores"]]
    return {**hit, "scores": scores, "removed": True}


def _unquoted(citation: dict[str, Any]) -> dict[str, Any]:
    return {**citation, "document": REMOVED, "uri": "", "quote": REMOVED, "boxes": []}
