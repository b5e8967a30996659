"""The ratchet by itself: candidates are made, measured later, promoted where that is allowed."""

from __future__ import annotations

from datetime import timedelta

import structlog

from rag.app.domains import Domains
from rag.app.housekeeping import SYSTEM
from rag.app.parts import Parts
from rag.app.tuning import Tuning
from rag.candidates import Candidate, Judgement, Kind
from rag.errors import Conflict, RagError
from rag.types import Principal, Role

PATIENCE = 3
"""Looks after which a candidate of which too little is known makes way for one of more ratings."""
WHO = Principal(id=SYSTEM, roles=frozenset({Role.DATA}))
WHY = "by itself, as tuning.promote allows"

log = structlog.get_logger(__name__)


class Rounds:
    """Any number of processes may make their rounds: of a candidate each look is counted."""

    def __init__(self, parts: Parts, domains: Domains, tuning: Tuning) -> None:
        self._settings = parts.settings.tuning
        self._now = parts.ledger.now
        self._domains = domains
        self._tuning = tuning

    async def once(self) -> int:
        """Make or measure, in each domain, the candidates whose turn it is. Returns how many."""
        done = 0
        for domain in self._domains.names():
            for kind in self._settings.kinds:
                try:
                    done += await self._round(domain, kind)
                except RagError as error:
                    # Mostly that there is nothing to learn yet.
                    log.info("no candidate", domain=domain, kind=kind, reason=error.message)
        return done

    async def _round(self, domain: str, kind: Kind) -> bool:
        newest = next(
            (one for one in await self._tuning.list(WHO, domain) if one.kind == kind), None
        )
        if newest is None:
            await self._tuning.make(WHO, kind, domain)
            return True
        _, reports = await self._tuning.get(WHO, newest.name, domain)
        last = max((newest.created_at, *(one.at for one in reports)))
        if self._now() - last < timedelta(days=self._settings.days):
            return False
        if _settled(newest, reports):
            await self._tuning.make(WHO, kind, domain)
        else:
            await self._measure(domain, newest)
        return True

    async def _measure(self, domain: str, candidate: Candidate) -> None:
        try:
            said = await self._tuning.measure(WHO, candidate.name, domain)
        except Conflict:
            # The index was made anew since.
            await self._tuning.make(WHO, candidate.kind, domain)
            return
        if said.report.outcome == "passed" and candidate.kind in self._settings.promote:
            await self._tuning.promote(WHO, candidate.name, domain, WHY)


def _settled(candidate: Candidate, reports: list[Judgement]) -> bool:
    """Whether nothing more is to be learned of a candidate: another one may know more by now."""
    passed = bool(reports) and reports[0].report.outcome == "passed"
    return candidate.state != "made" or passed or len(reports) >= PATIENCE
