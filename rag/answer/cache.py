"""Giving again what a model wrote, to exactly the same question over the same passages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta

from rag.answer.draft import Draft
from rag.domain import Pack
from rag.store.traces import Traces, text_hash
from rag.types import Citation, Claim, utc_now


class AnswerCache:
    """Finds among the traces an answer that was made of the very same things.

    It is looked for after the search: what may not be read any more, or says something else by
    now, is not among the passages, so an answer of it is not found. Traces are the only copy; what
    is erased or taken out of them is gone here too.
    """

    def __init__(
        self,
        traces: Traces,
        pack: Pack,
        judge: str,
        seconds: int,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """`judge` is the name of the model that judges the claims, if one does."""
        self._traces = traces
        self._pack = pack
        self._judge = judge
        self._seconds = seconds
        self._now = now

    async def written(self, draft: Draft) -> tuple[str, list[Citation]] | None:
        """What was written before, if anything, and what it cites.

        The draft is told of which trace it is, and the verdicts on its claims.
        """
        draft.cache_key = self._key(draft)
        since = self._now() - timedelta(seconds=self._seconds)
        found = await asyncio.to_thread(self._traces.written, draft.cache_key, since)
        if found is None:
            return None
        draft.cached = found["id"]
        draft.claims = [Claim.model_validate(one) for one in found["claims"]]
        return found["answer"], [Citation.model_validate(one) for one in found["citations"]]

    def _key(self, draft: Draft) -> str:
        """Everything that the answer depends on, and who may see the same things."""
        groups = sorted(draft.principal.groups)
        made_of = {
            "domain": self._pack.name,
            "groups": groups,
            "generation": draft.generation,
            "model": draft.writer.first,
            "messages": [message.model_dump() for message in draft.messages],
            # Two copies of a document say the same, and not everybody may read both.
            "passages": [hit.payload.chunk_id for hit in draft.given],
            "policy": self._pack.answer.unsupported,
            "judge": self._judge,
        }
        return text_hash(json.dumps(made_of, sort_keys=True))
