"""Which passages of the live index hold what answers were given in another cut."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from rag.app.parts import Parts
from rag.store.generations import Generation
from rag.store.placements import chunk_id
from rag.types import Payload


class _Span(NamedTuple):
    start: int
    end: int
    chunk_id: str


class Recutting:
    """Reads each version's passages once; for as long as one candidate is made."""

    def __init__(self, parts: Parts, live: Generation) -> None:
        self._parts = parts
        self._live = live
        self._known: dict[tuple[str, int], list[_Span]] = {}

    async def names(self, trace: Mapping[str, Any]) -> dict[str, str]:
        """Of each passage that an answer was given, the live one that holds most of it; none of
        versions that do not answer any more."""
        found: dict[str, str] = {}
        for hit in trace["hits"]:
            start, end = hit["span"]
            spans = await self._spans(hit["doc_id"], hit["doc_version"])
            shared = [(min(end, one.end) - max(start, one.start), one) for one in spans]
            # Of equal ones the first.
            most, best = max(shared, key=lambda one: one[0], default=(0, None))
            if best is not None and most > 0:
                found[str(hit["chunk_id"])] = best.chunk_id
        return found

    async def _spans(self, document_id: str, version: int) -> list[_Span]:
        if (document_id, version) not in self._known:
            count = await asyncio.to_thread(
                self._parts.ledger.placements.chunks, self._live.id, document_id, version
            )
            names = [chunk_id(document_id, version, ordinal) for ordinal in range(count)]
            found: Mapping[str, Payload] = {}
            if names:
                found = await self._parts.index.payloads(self._live.id, names)
            self._known[document_id, version] = [
                _Span(found[one].start, found[one].end, one) for one in names if one in found
            ]
        return self._known[document_id, version]
