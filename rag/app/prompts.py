"""Prompt candidates: the best accepted answers, shown to whichever model answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import uuid4

from rag.app.datasets import EVERYBODY
from rag.app.domains import Domain
from rag.app.parts import Parts
from rag.candidates import Candidate
from rag.errors import InvalidInput
from rag.learn.exemplifying import MOST, SPEC, Good, good
from rag.learn.redaction import Redactor
from rag.learn.remembering import held_out
from rag.redaction import TooHard
from rag.retrieve.levers import Levers
from rag.store.candidates import Candidates, Question
from rag.store.datasets import Datasets
from rag.store.events import Event, Events
from rag.store.examples import Examples, Shown
from rag.types import Principal, Progress, Turn

AT_ONCE = 500


class Prompts:
    """Makes candidates of the examples in a prompt."""

    bound_to: tuple[str, ...] = ()

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        database, now = parts.ledger.database, parts.ledger.now
        self._kept = Candidates(database, now)
        self._datasets = Datasets(database, now)
        self._events = Events(database)
        self._examples = Examples(database)

    async def put(self, levers: Levers, candidate: Candidate, domain: Domain) -> Levers:
        """With the examples of which everybody may read now all that they were made of."""
        examples = await asyncio.to_thread(self._readable, candidate.id, domain.pack.name)
        return replace(levers, prompt=candidate.name, examples=examples)

    def _readable(self, candidate_id: str, domain: str) -> tuple[Turn, ...]:
        shown = self._examples.of(candidate_id)
        of = {document for one in shown for document in one.documents}
        readable = self._parts.ledger.readable(EVERYBODY, domain, of)
        return tuple(
            turn
            for one in shown
            if readable.issuperset(one.documents)
            for turn in (
                Turn(role="user", content=one.question),
                Turn(role="assistant", content=one.answer),
            )
        )

    async def make(
        self, principal: Principal, domain: Domain, progress: Callable[[Progress], None]
    ) -> Candidate:
        """The best answers that were accepted until now, of clusters that may be learned from and
        documents that everybody may read. Raises InvalidInput where there is none."""
        name = domain.pack.name
        as_of = await asyncio.to_thread(self._events.moment, self._parts.ledger.now())
        found, looked = await asyncio.to_thread(self._found, name, as_of)
        progress(Progress(phase="choose", done=looked))
        if not found:
            raise InvalidInput(
                f"No answer in '{name}' can be shown as an example: it takes one that was accepted "
                "as useful, or corrected, from documents that everybody may read.",
                hint="Accept feedback first: rag review, or the page Feedback.",
            )
        id = str(uuid4())
        lineage = {"as_of": as_of.isoformat(), "spec": SPEC.model_dump(mode="json")}
        figures = {
            "questions": looked,
            "examples": len(found),
            "corrections": sum(one.rank[0] < -1 for one, _ in found),
        }
        made = await asyncio.to_thread(
            self._kept.add, id, name, "prompt", lineage, figures, principal.id
        )
        await asyncio.to_thread(self._examples.keep, id, [shown for _, shown in found])
        return made

    async def write(self, candidate: Candidate) -> None:
        """Nothing: what is erased is out of it with its row."""

    def learned(self, candidate_id: str) -> set[str]:
        """The answers that it shows, by trace."""
        return {one.trace_id for one in self._examples.of(candidate_id)}

    def _found(self, domain: str, as_of: datetime) -> tuple[list[tuple[Good, Shown]], int]:
        splits = self._datasets.splits(domain)
        by_trace = self._events.by_trace(domain, as_of, SPEC)
        best: dict[str, tuple[Good, Mapping[str, Any]]] = {}
        looked = 0
        while some := list(islice(by_trace, AT_ONCE)):
            said = {
                trace_id: [one for one in events if one.review in SPEC.review]
                for trace_id, events in some
            }
            questions: Mapping[str, Question] = self._kept.questions(said.keys())
            for trace in self._parts.traces.some(said.keys()):
                question = questions.get(trace["id"])
                if question is None or held_out(question.cluster, splits):
                    continue
                looked += 1
                one = good(trace, said[trace["id"]])
                if one is None or not self._everybodys(trace, one, domain):
                    continue
                before = best.get(question.cluster)
                # Of questions that ask for the same, one is enough.
                if before is None or one.rank < before[0].rank:
                    best[question.cluster] = (one, trace)
        chosen: list[tuple[Good, Shown]] = []
        for one, trace in sorted(best.values(), key=lambda pair: (pair[0].rank, pair[0].event.id)):
            shown = self._redacted(one, trace)
            if shown is not None:
                chosen.append((one, shown))
            if len(chosen) == MOST:
                break
        return chosen, looked

    def _everybodys(self, trace: Mapping[str, Any], one: Good, domain: str) -> bool:
        """Whether everybody may read all that it may be of."""
        of = _documents(trace, one.event)
        return bool(of) and self._parts.ledger.readable(EVERYBODY, domain, of) >= {*of}

    def _redacted(self, one: Good, trace: Mapping[str, Any]) -> Shown | None:
        """As whoever asks may be told of it; None where nobody knows what is personal in it."""
        scope = Redactor(self._parts.finder).scope("instruction")
        texts = [("question", trace["query_standalone"]), ("answer", one.answer)]
        try:
            question, answer = scope.redacted(texts)
        except TooHard:
            return None
        return Shown(one.event.id, trace["id"], question, answer, _documents(trace, one.event))


def _documents(trace: Mapping[str, Any], event: Event) -> Sequence[str]:
    """What the answer may be of: all that its model was given, and what its correction names."""
    named = {*(event.correction or {}).get("chunk_ids", ())}
    return sorted(
        {hit["doc_id"] for hit in trace["hits"] if hit["in_context"] or hit["chunk_id"] in named}
    )
