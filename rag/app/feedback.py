"""People rate what they were answered: the server takes the rest from the trace."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from rag.app.parts import Parts
from rag.app.people import People
from rag.app.traces import Traces
from rag.errors import Conflict, Forbidden, NotFound, TooSoon
from rag.feedback import Consent, ConsentAsked, Feedback, OfMissing, OfPair, Verdict
from rag.learn.feedback import check_correction, check_pair, rated, subject
from rag.store.feedback import Draft
from rag.types import AnswerEvent, Principal, Role


class Ratings:
    """Verdicts of people on their own answers, and what they agreed these are used for."""

    def __init__(self, parts: Parts, people: People, traces: Traces) -> None:
        self._settings = parts.settings.feedback
        self._log = parts.feedback
        self._ledger = parts.ledger
        self._pseudonym = parts.traces.pseudonym
        self._people = people
        self._traces = traces
        self._being_made: dict[str, str] = {}

    @contextmanager
    def answering(self, principal: Principal) -> Generator[Callable[[AnswerEvent], None]]:
        """Told the events of an answer, knows its trace before there is one."""
        begun: set[str] = set()

        def told(event: AnswerEvent) -> None:
            if event.event == "started":
                begun.add(event.data["trace_id"])
                self._being_made[event.data["trace_id"]] = principal.id
            elif event.event == "answer":
                # The trace was saved before; whoever gets this may rate it at once.
                ended()

        def ended() -> None:
            while begun:
                self._being_made.pop(begun.pop(), None)

        try:
            yield told
        finally:
            ended()

    async def rate(
        self,
        principal: Principal,
        trace_id: str,
        verdict: Verdict,
        *,
        key: str | None,
        surface: str,
    ) -> Feedback:
        """Durable when it returns; the same key again gives what it gave before.

        Raises NotFound for anything the person was not shown, TooSoon while the answer is being
        made, Forbidden for an implicit signal unless they are on, Conflict, RateLimited.
        """
        if not verdict.explicit and not self._settings.implicit:
            raise Forbidden(
                "What nobody says on purpose is not kept here.",
                hint="An admin can turn it on: feedback.implicit.",
            )
        # One hop: each would wait for its turn among all that is going on.
        return await asyncio.to_thread(self._rate, principal, trace_id, verdict, key, surface)

    def _rate(
        self, principal: Principal, trace_id: str, verdict: Verdict, key: str | None, surface: str
    ) -> Feedback:
        trace = self._own(principal, trace_id)
        target = rated(trace, verdict.target)
        check_correction(trace, verdict.correction)
        if isinstance(verdict.target, OfPair):
            check_pair(trace, self._own(principal, verdict.target.other_trace_id))
        if isinstance(verdict.target, OfMissing) and verdict.target.document_id:
            self._check_readable(principal, trace["domain"], verdict.target.document_id)
        draft = Draft(
            trace_id=trace_id,
            domain=trace["domain"],
            subject=subject(trace_id, verdict),
            surface=surface,
            rater="expert" if Role.DATA in principal.roles else "user",
            target=target,
            verdict=verdict,
        )
        request = f"{trace_id} {verdict.model_dump_json()}"
        return self._log.add(
            self._pseudonym(principal),
            draft,
            key=key,
            digest=hashlib.sha256(request.encode()).hexdigest(),
            per_minute=self._settings.per_minute,
        )

    async def given(
        self, principal: Principal, trace_id: str, *, history: bool = False
    ) -> list[Feedback]:
        """The person's own verdicts on a trace of theirs that are in effect, or all events."""

        def given() -> list[Feedback]:
            self._own(principal, trace_id)
            found = self._log.list(self._pseudonym(principal), trace_id)
            return [one for one in found if history or one.effective]

        return await asyncio.to_thread(given)

    async def retract(self, principal: Principal, trace_id: str, feedback_id: str) -> Feedback:
        """Take one's own verdict back, also of what may not be shown any more. May be repeated.

        Raises NotFound, or Conflict for one that another replaced.
        """
        actor = self._pseudonym(principal)
        return await asyncio.to_thread(self._log.retract, actor, trace_id, feedback_id)

    async def consent(self, principal: Principal) -> ConsentAsked:
        """What the person agreed to last, and the text that is put to people now."""
        given = await asyncio.to_thread(self._log.consent, self._pseudonym(principal))
        asked = self._settings
        return ConsentAsked(
            given=given,
            version=asked.consent_version,
            text=asked.consent_text,
            implicit=asked.implicit,
        )

    async def agree(self, principal: Principal, consent: Consent) -> ConsentAsked:
        """Feedback given from now on may be used for exactly these purposes.

        Raises Conflict for another text than is put to people now.
        """
        if consent.version != self._settings.consent_version:
            raise Conflict(
                f"The text in force is version {self._settings.consent_version}.",
                hint="Read it, then agree to that version.",
            )
        await asyncio.to_thread(self._log.agree, self._pseudonym(principal), consent)
        return await self.consent(principal)

    def _own(self, principal: Principal, trace_id: str) -> Mapping[str, Any]:
        """The person's trace as they may see it now. Another's is not found, but for whoever
        reviews: an expert's verdict on it is what they are there for."""
        if self._being_made.get(trace_id) == principal.id:
            raise TooSoon("This answer is still being made.", hint="Rate it when it is complete.")
        trace = self._traces.now(principal, trace_id)
        if trace["principal_id"] != principal.id and not self._reviews(principal, trace["domain"]):
            raise NotFound(f"There is no trace '{trace_id}'.")
        return trace

    def _reviews(self, principal: Principal, domain: str) -> bool:
        return Role.DATA in self._people.now(principal, domain).roles

    def _check_readable(self, principal: Principal, domain: str, document_id: str) -> None:
        who = self._people.now(principal, domain)
        if document_id not in self._ledger.readable(who, domain, [document_id]):
            raise NotFound(f"There is no document '{document_id}'.")
