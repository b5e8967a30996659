"""Curation: what becomes of feedback before anything is learned from it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rag.app.accounts import Accounts
from rag.app.beside import Made, made
from rag.app.domains import Domains
from rag.app.parts import Parts
from rag.app.people import People
from rag.app.traces import Traces
from rag.datasets import ReviewState
from rag.errors import NotFound
from rag.store.datasets import Datasets
from rag.store.gaps import Gaps
from rag.store.inbox import Inbox, Waiting, Wanted
from rag.store.reviews import Reviews
from rag.types import Principal, Role


class ToReview(Waiting):
    """A verdict in the inbox, with the answer it is about as the reviewer may read it."""

    question: str
    answer: str
    model: str
    abstained: bool
    gap: str
    """Of what that question is one, if it was not answered or a document was missing."""


class Curation:
    """The verbs of whoever reviews."""

    def __init__(
        self, parts: Parts, domains: Domains, people: People, traces: Traces, accounts: Accounts
    ) -> None:
        self._domains = domains
        self._people = people
        self._traces = traces
        self._inbox = Inbox(parts.ledger.database)
        self._accounts = accounts
        self._reviews = Reviews(parts.ledger.database, parts.ledger.now)
        self._parts = parts
        self._gaps = Gaps(parts.ledger.database)
        self._clusters = Datasets(parts.ledger.database, parts.ledger.now)

    async def inbox(
        self,
        principal: Principal,
        wanted: Wanted,
        limit: int,
        after: str | None = None,
        domain: str | None = None,
    ) -> list[ToReview]:
        """Verdicts of a domain, newest first, each with its answer as the principal may read it."""
        who = await self._people.within(principal, domain)
        name = self._domains.get(domain).pack.name
        found = await asyncio.to_thread(self._inbox.page, name, wanted, limit, after)
        traces = await self._traces.some(who, name, {one.feedback.trace_id for one in found})
        missed = {
            one.feedback.trace_id for one in found if one.feedback.target.kind == "missing_document"
        }
        missed |= {key for key, trace in traces.items() if trace["abstained"]}
        gaps = await asyncio.to_thread(self._clusters.cluster_of, [*missed])
        return [
            ToReview(
                **{name: getattr(one, name) for name in Waiting.model_fields},
                question=trace["query_raw"],
                answer=trace["answer"],
                model=trace["model"],
                abstained=trace["abstained"],
                gap=gaps.get(one.feedback.trace_id, ""),
            )
            for one in found
            if (trace := traces.get(one.feedback.trace_id)) is not None
        ]

    async def assign(
        self,
        principal: Principal,
        trace_ids: Sequence[str],
        reviewer: str,
        domain: str | None = None,
    ) -> None:
        """Let somebody review what was said of these answers; nobody where the name is empty.

        All or none: raises NotFound for an answer that is not there or is of another domain, and
        for whoever does not review.
        """
        name = self._domains.get(domain).pack.name
        if reviewer and reviewer not in await self.reviewers(principal):
            raise NotFound(f"'{reviewer}' does not review feedback.")
        await asyncio.to_thread(self._reviews.assign, name, trace_ids, reviewer, principal.id)
        await self._accounts.wrote(principal, "assign feedback", reviewer, answers=len(trace_ids))

    async def reviewers(self, principal: Principal) -> list[str]:
        """Who reviews feedback: whoever asks, and who else has the role and is not suspended."""
        found = {principal.id}
        if self._accounts.required:
            accounts = await asyncio.to_thread(self._parts.accounts.list)
            found.update(one.id for one in accounts if Role.DATA in one.roles and not one.suspended)
        return sorted(found)

    async def made(self, principal: Principal, trace_id: str) -> Made:
        """What made an answer, as the principal may read it. Raises NotFound."""
        trace = await self._traces.get(principal, trace_id)
        parts = self._parts
        return await asyncio.to_thread(made, trace, parts.ledger, parts.blobs, self._gaps)

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
