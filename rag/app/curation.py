"""Curation: what becomes of feedback before anything is learned from it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rag.app.accounts import Accounts
from rag.app.domains import Domains
from rag.app.parts import Parts
from rag.datasets import ReviewState
from rag.store.reviews import Reviews
from rag.types import Principal


class Curation:
    """The verbs of whoever reviews."""

    def __init__(self, parts: Parts, domains: Domains, accounts: Accounts) -> None:
        self._domains = domains
        self._accounts = accounts
        self._reviews = Reviews(parts.ledger.database, parts.ledger.now)

    async def review(
        self,
        principal: Principal,
        feedback_ids: Sequence[str],
        state: ReviewState,
        note: str = "",
        domain: str | None = None,
    ) -> int:
        """Put verdicts into a state, all or none. Returns how many were in another before.

        Raises NotFound for one that is not there, or is of another domain.
        """
        name = self._domains.get(domain).pack.name
        changed = await asyncio.to_thread(
            self._reviews.set, name, feedback_ids, state, note, principal.id
        )
        await self._accounts.wrote(
            principal, "review feedback", f"{len(feedback_ids)}", state=state, changed=changed
        )
        return changed
