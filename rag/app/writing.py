"""What a release and a candidate write to the same questions, and what that is worth."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any, NamedTuple
from zlib import crc32

from rag.answer.followup import standalone
from rag.app.domains import Domain
from rag.app.models import Models
from rag.app.parts import Parts
from rag.app.people import People
from rag.candidates import Asked, Candidate, Guarded, Stratum
from rag.datasets import DatasetSpec
from rag.errors import Forbidden, NotFound, RagError
from rag.learn.answering import Due, worth
from rag.learn.evaluation import in_calibration_half
from rag.learn.gathering import Said, agreed, corrected
from rag.learn.measuring import Learnt
from rag.learn.remembering import held_out
from rag.retrieve.levers import Levers
from rag.store.candidates import Candidates
from rag.store.datasets import Datasets
from rag.store.events import Event, Events
from rag.store.generations import Generation
from rag.store.redacting import REMOVED
from rag.types import Answer, AskRequest, Principal, Turn

SPEC = DatasetSpec(name="answers", tasks=("evaluation",), review=("raw", "accepted"))
"""What measures: whatever no reviewer set aside."""
AT_ONCE = 500


class Side(NamedTuple):
    """What answers: a model, and what is changed of the search and the prompt."""

    model: str
    levers: Levers


class Question(NamedTuple):
    """A question to measure with, and what its answer should be."""

    id: str
    request: AskRequest
    who: Principal
    due: Due
    stratum: Callable[[Sequence[float]], Stratum]
    held_out: bool
    language: str


class Writing:
    """Asks what was asked before, as whoever asked it; nothing is kept but what it cost."""

    def __init__(self, parts: Parts, people: People, models: Models) -> None:
        self._parts = parts
        self._people = people
        self._models = models
        database, now = parts.ledger.database, parts.ledger.now
        self._kept = Candidates(database, now)
        self._datasets = Datasets(database, now)
        self._events = Events(database)

    async def later(
        self, domain: Domain, candidate: Candidate, learned: set[str]
    ) -> list[Question]:
        """What was corrected after the candidate learned, what was ever corrected of clusters that
        are held out, and the pack's own questions, but for those that the candidate was searched
        on; `learned` from are these traces."""
        known = await asyncio.to_thread(self._kept.questions, learned)
        vectors = {one.digest: one.vector for one in known.values()}
        learnt = Learnt((digest, vector, ()) for digest, vector in vectors.items())
        since = datetime.fromisoformat(candidate.lineage["as_of"])
        found = await asyncio.to_thread(lambda: [*self._corrected(domain, learnt, since)])
        evals = await self._evals(domain, learnt)
        return [*found, *(one for half, one in evals if not (half and candidate.searched_evals))]

    async def fitted(self, domain: Domain) -> list[Question]:
        """The half of the pack's own questions that may be fitted to, in an order that stays and
        has nothing to do with what they ask."""
        found = [one for half, one in await self._evals(domain, Learnt(())) if half]
        return sorted(found, key=lambda one: sha256(one.id.encode()).digest())

    async def worth(
        self,
        principal: Principal,
        domain: Domain,
        generation: Generation,
        question: Question,
        side: Side,
    ) -> float:
        """What is written, and what that is worth, on the account of `principal`. Raises
        ModelError."""
        wrote = await self._written(principal, domain, generation, question, side)
        return worth(wrote.answer, question.due, abstained=wrote.abstained)

    async def asked(
        self,
        principal: Principal,
        domain: Domain,
        generation: Generation,
        question: Question,
        before: Side,
        after: Side,
    ) -> Asked:
        """What either writes, on the account of `principal`. Raises ModelError."""
        text = standalone(question.request.question, question.request.history)
        vector = await self._parts.embedder.embed_query(text)
        # Whoever comes second finds everything at hand: either does half the time.
        turns = [before, after] if crc32(question.id.encode()) % 2 else [after, before]
        wrote: dict[bool, Answer] = {}
        for side in turns:
            wrote[side is after] = await self._written(
                principal, domain, generation, question, side
            )
        old, new = wrote[False], wrote[True]
        guards: dict[Guarded, tuple[float, float]] = {
            "latency": (old.timings["total"], new.timings["total"]),
            "cost": (old.usage.cost, new.usage.cost),
        }
        if not question.due.abstention:
            guards["answered"] = (float(not old.abstained), float(not new.abstained))
        if old.support is not None and new.support is not None:
            guards["support"] = (old.support, new.support)
        return Asked(
            id=question.id,
            stratum=question.stratum(vector),
            before=worth(old.answer, question.due, abstained=old.abstained),
            after=worth(new.answer, question.due, abstained=new.abstained),
            held_out=question.held_out,
            slices={"language": question.language},
            guards=guards,
        )

    async def _written(
        self,
        principal: Principal,
        domain: Domain,
        generation: Generation,
        question: Question,
        side: Side,
    ) -> Answer:
        made = self._models.writer(principal, question.request, domain.pack.name, side.model)
        with closing(made) as writer:
            stream = domain.asker.stream(
                question.who,
                question.request,
                generation,
                writer,
                levers=side.levers,
                record=False,
                account=principal,
            )
            async with aclosing(stream) as events:
                told = [one.data async for one in events if one.event == "answer"]
        return Answer.model_validate(told[-1])

    def _corrected(self, domain: Domain, learnt: Learnt, since: datetime) -> Iterator[Question]:
        name = domain.pack.name
        splits = self._datasets.splits(name)
        by_trace = self._events.by_trace(name, self._events.moment(self._parts.ledger.now()), SPEC)
        while some := list(islice(by_trace, AT_ONCE)):
            said = {
                trace_id: [one for one in events if one.review in SPEC.review]
                for trace_id, events in some
            }
            questions = self._kept.questions(said.keys())
            for trace in self._parts.traces.some(said.keys()):
                question = questions.get(trace["id"])
                if question is None:
                    continue
                apart = held_out(question.cluster, splits)
                due = _due(trace, said[trace["id"]])
                if due is None or not (apart or trace["ts"] > since):
                    continue
                try:
                    who = self._people.now(Principal(id=trace["principal_id"]), name)
                except (NotFound, Forbidden):
                    continue
                yield Question(
                    id=trace["id"],
                    request=AskRequest(question=trace["query_standalone"], domain=name),
                    who=who,
                    due=due,
                    stratum=_stratum(learnt, question.digest),
                    held_out=apart,
                    language=trace["lang"],
                )

    async def _evals(self, domain: Domain, learnt: Learnt) -> list[tuple[bool, Question]]:
        """The pack's own questions, each with whether it may be fitted to."""
        found: list[tuple[bool, Question]] = []
        for case in domain.pack.evals():
            try:
                who = await asyncio.to_thread(self._people.person, case.as_user, domain.pack.name)
            except RagError:
                continue
            history = tuple(Turn(role="user", content=one) for one in case.history)
            question = Question(
                id=f"evals/{case.id}",
                request=AskRequest(
                    question=case.question, history=history, domain=domain.pack.name
                ),
                who=who,
                due=Due(facts=case.facts, abstention=not case.answerable),
                stratum=_stratum(learnt, ""),
                held_out=True,
                language=domain.pack.language,
            )
            found.append((in_calibration_half(case), question))
        return found


def _due(trace: Mapping[str, Any], events: Sequence[Event]) -> Due | None:
    """What people who agreed to be measured by wrote instead; None where they wrote nothing."""
    said = Said(agreed("evaluation", trace, events), SPEC)
    if trace["answer"] == REMOVED:
        return None
    texts = tuple(corrected(trace, one) for one in said.corrections)
    return Due(corrections=texts) if texts else None


def _stratum(learnt: Learnt, digest: str) -> Callable[[Sequence[float]], Stratum]:
    return lambda vector: learnt.stratum(digest, vector, ())
