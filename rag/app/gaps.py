"""Gaps: what people asked and were not answered, as the data team may read it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from rag.app.domains import Domains
from rag.app.parts import Parts
from rag.app.people import People
from rag.app.traces import Traces
from rag.store.gaps import Asked, Gap, Missed, Question
from rag.store.gaps import Gaps as Kept
from rag.types import Data, Principal


class MissedDocument(Missed):
    """A document that people miss; `title` where it is one of ours that may be read."""

    title: str


class ToldGap(Gap):
    """A gap with the newest of its questions."""

    question: str
    language: str
    missed: tuple[MissedDocument, ...]  # pyright: ignore[reportIncompatibleVariableOverride]


class ToldQuestion(Question):
    """A question of a gap with its answer, as they may be read, and what was said of it."""

    question: str
    answer: str
    language: str
    said: tuple[Remark, ...]


class Remark(Data):
    """What somebody said of an answer that was none."""

    id: str
    by: str
    reasons: tuple[str, ...]
    comment: str
    missed: str
    """The document that was missing, in their words or by its title."""


class Gaps:
    """The verbs of gaps."""

    def __init__(self, parts: Parts, domains: Domains, people: People, traces: Traces) -> None:
        self._ledger = parts.ledger
        self._domains = domains
        self._people = people
        self._traces = traces
        self._kept = Kept(parts.ledger.database)

    async def list(
        self,
        principal: Principal,
        asked: Asked,
        limit: int,
        after: str | None = None,
        domain: str | None = None,
    ) -> list[ToldGap]:
        """What most people asked about first; `after` is a place in that order."""
        who = await self._people.within(principal, domain)
        name = self._domains.get(domain).pack.name
        found = await asyncio.to_thread(self._kept.page, name, asked, limit, after)
        traces = await self._traces.some(who, name, {one.example for one in found})
        ids = {missed.document_id for one in found for missed in one.missed}
        titles = await asyncio.to_thread(self._titles, who, name, ids - {""})
        return [
            ToldGap(
                **{key: getattr(one, key) for key in Gap.model_fields.keys() - {"missed"}},
                missed=tuple(
                    MissedDocument(**dict(each), title=titles.get(each.document_id, ""))
                    for each in one.missed
                ),
                question=traces[one.example]["query_raw"],
                language=traces[one.example]["lang"],
            )
            for one in found
            if one.example in traces
        ]

    async def languages(self, principal: Principal, domain: str | None = None) -> Sequence[str]:
        """In which languages something was asked that is not known."""
        name = self._domains.get(domain).pack.name
        return await asyncio.to_thread(self._kept.languages, name)

    async def questions(
        self,
        principal: Principal,
        cluster: str,
        asked: Asked,
        limit: int,
        before: int | None = None,
        domain: str | None = None,
    ) -> list[ToldQuestion]:
        """The questions of a gap, answered ones too, newest first; or those before one.

        None where there is no such gap.
        """
        who = await self._people.within(principal, domain)
        name = self._domains.get(domain).pack.name
        found = await asyncio.to_thread(self._kept.questions, name, cluster, asked, limit, before)
        ids = {one.trace_id for one in found}
        traces = await self._traces.some(who, name, ids)
        said = await asyncio.to_thread(self._kept.said, ids)
        about = {each.target.document_id for some in said.values() for each in some}
        titles = await asyncio.to_thread(self._titles, who, name, about - {""})
        return [
            ToldQuestion(
                **dict(one),
                question=trace["query_raw"],
                answer=trace["answer"],
                language=trace["lang"],
                said=tuple(
                    Remark(
                        id=each.id,
                        by=each.by,
                        reasons=each.reasons,
                        comment=each.comment,
                        missed=each.target.name or titles.get(each.target.document_id, ""),
                    )
                    for each in said.get(one.trace_id, ())
                ),
            )
            for one in found
            if (trace := traces.get(one.trace_id)) is not None
        ]

    def _titles(self, who: Principal, domain: str, ids: Collection[str]) -> dict[str, str]:
        """Of those that may be read."""
        return self._kept.titles(self._ledger.readable(who, domain, ids)) if ids else {}
