"""Traces as whoever asks may see them now: what was deleted or revoked since is not shown again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence, Set
from typing import Any

from rag.app.parts import Parts
from rag.app.people import People
from rag.errors import NotFound
from rag.store.traces import sources
from rag.types import Principal

REMOVED = "[removed: no longer readable]"


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

    def _shown(
        self, readers: Sequence[Principal], domain: str, traces: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        named = {document for trace in traces for document in _named(trace)}
        each = [self._ledger.readable(who, domain, named) for who in readers]
        readable = set[str].intersection(*each) if each else set[str]()
        return [redacted(trace, readable) for trace in traces]


def withheld(trace: Mapping[str, Any]) -> bool:
    """Nothing of what a shown trace answered may be seen."""
    return trace["answer"] == REMOVED


def _named(trace: Mapping[str, Any]) -> set[str]:
    return sources(trace) | {hit["doc_id"] for hit in trace["hits"]} | set(trace["told"] or ())


def redacted(trace: Mapping[str, Any], readable: Set[str]) -> dict[str, Any]:
    """The trace without a word of documents that are not readable, nor what was made of them.

    A version that was replaced stays: its document may still be read. Of what an assistant is said
    to have answered before, only what names its trace stays: nobody knows what the rest was made
    of.
    """
    hits: list[dict[str, Any]] = trace["hits"]
    messages: list[dict[str, Any]] = trace["rendered_messages"]
    answers = any(message["role"] == "assistant" for message in messages)
    # Traces of old do not say what the model had been told by them.
    hearsay = answers if trace["told"] is None else not readable >= set(trace["told"])
    composed = bool(messages) and any(
        hit["in_context"] and hit["doc_id"] not in readable for hit in hits
    )
    spoiled = not sources(trace) <= readable or (hearsay and bool(messages))
    shown = {
        **trace,
        "hits": [hit if hit["doc_id"] in readable else _unsaid(hit) for hit in hits],
        "citations": [
            one if one["document_id"] in readable else _unquoted(one) for one in trace["citations"]
        ],
    }
    shown["rendered_messages"] = [
        {**message, "content": REMOVED}
        if composed or (message["role"] == "assistant" and (hearsay or "trace_id" not in message))
        else message
        for message in messages
    ]
    if hearsay:
        shown["query_standalone"] = trace["query_raw"]
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
