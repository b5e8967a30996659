"""What a candidate learns from: what people said of passages and what was accepted, until now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

from rag.app.domains import Domain
from rag.app.generations import Generations
from rag.app.parts import Parts
from rag.app.people import People
from rag.app.recutting import Recutting
from rag.datasets import Split
from rag.errors import Forbidden, InvalidInput, NotFound
from rag.learn.clicking import Clicked, Clicks, looks
from rag.learn.gathering import agreed
from rag.learn.remembering import MISSED, SPEC, Rated, Remembering, held_out, learned
from rag.retrieve.memory import Note, Vote
from rag.store.candidates import Candidates, Question, Voted
from rag.store.datasets import Datasets
from rag.store.events import Event, Events
from rag.store.generations import Generation
from rag.store.opinions import Opinions
from rag.store.questions import unfolded
from rag.store.scratch import scratch
from rag.types import IndexQuery, Match, Principal, Progress

AT_ONCE = 500


class Gathered(NamedTuple):
    """All that can be learned from at one moment."""

    votes: Sequence[Voted]
    rated: Sequence[Rated]
    """Every question that was rated, from old to new."""
    counts: Mapping[str, int]
    lineage: Mapping[str, Any]
    """What any candidate of it was made of."""
    generation: Generation
    clicked: Sequence[Voted] = ()
    """What people opened says beside it."""


class Gathering:
    """Reads what was said; keeps nothing."""

    def __init__(self, parts: Parts, people: People, generations: Generations) -> None:
        self._parts = parts
        self._people = people
        self._generations = generations
        database = parts.ledger.database
        self._kept = Candidates(database, parts.ledger.now)
        self._datasets = Datasets(database, parts.ledger.now)
        self._events = Events(database)

    async def gather(
        self, domain: Domain, progress: Callable[[Progress], None], *, any_cut: bool = False
    ) -> Gathered:
        """All that was said and accepted until now; in any cut, as said of the live passages that
        hold most of what it was said of. Raises InvalidInput where that is nothing."""
        live = await self._generations.answering(domain)
        recutting = Recutting(self._parts, live) if any_cut else None
        name = domain.pack.name
        as_of = await asyncio.to_thread(self._events.moment, self._parts.ledger.now())
        splits = await asyncio.to_thread(self._datasets.splits, name)
        with scratch(self._parts.settings.data) as folder:
            opinions = Opinions(folder / "opinions.db")
            try:
                remembering = Remembering(opinions)
                gathered = self._answers(domain, as_of)
                while (some := await asyncio.to_thread(next, gathered, None)) is not None:
                    for trace, question, events in some:
                        await self._learn(
                            remembering, live, splits, trace, question, events, recutting
                        )
                    done = remembering.counts["answers"]
                    progress(Progress(phase="remember", done=done))
                clicked = await asyncio.to_thread(
                    lambda: remembering.unsaid(self._clicked(live, splits, as_of))
                )
                votes = await asyncio.to_thread(remembering.votes, SPEC.per_rater)
            finally:
                opinions.close()
        if not votes and not clicked:
            raise InvalidInput(
                f"Nothing that was said in '{name}' can be learned from: "
                f"{_counted(remembering.counts)}.",
                hint="Accept feedback first: rag review, or the page Feedback.",
            )
        remembering.rated.sort(key=itemgetter(0))
        return Gathered(
            votes,
            [one for _, one in remembering.rated],
            remembering.counts,
            {
                "as_of": as_of.isoformat(),
                "embedder": str(live.fingerprint["embedder"]),
                "chunker": str(live.fingerprint["chunker"]),
                "questions": self._parts.embedder.fingerprint,
                "generation": live.id,
                "spec": SPEC.model_dump(mode="json"),
            },
            live,
            clicked,
        )

    def _clicked(
        self, live: Generation, splits: Mapping[str, Split], as_of: datetime
    ) -> list[Clicked]:
        clicks = Clicks(SPEC.per_rater)
        by_trace = self._events.clicks(live.domain, as_of)
        for some in self._batches(by_trace):
            for trace, question, events in some:
                if not held_out(question.cluster, splits) and not self._stale(
                    live, trace, question
                ):
                    clicks.add(looks(trace, question.digest, agreed("retrieval", trace, events)))
        return clicks.votes()

    def _answers(
        self, domain: Domain, as_of: datetime
    ) -> Iterator[list[tuple[Mapping[str, Any], Question, list[Event]]]]:
        by_trace = self._events.by_trace(domain.pack.name, as_of, SPEC)
        return self._batches(
            (trace_id, [one for one in events if one.review in SPEC.review])
            for trace_id, events in by_trace
        )

    def _batches(
        self, by_trace: Iterator[tuple[str, list[Event]]]
    ) -> Iterator[list[tuple[Mapping[str, Any], Question, list[Event]]]]:
        while some := list(islice(by_trace, AT_ONCE)):
            said = dict(some)
            wanted = {trace_id for trace_id, events in said.items() if events}
            questions = self._kept.questions(wanted)
            yield [
                (trace, questions[trace["id"]], said[trace["id"]])
                for trace in sorted(self._parts.traces.some(wanted), key=itemgetter("id"))
                if trace["id"] in questions
            ]

    async def _learn(
        self,
        remembering: Remembering,
        live: Generation,
        splits: Mapping[str, Split],
        trace: Mapping[str, Any],
        question: Question,
        events: Sequence[Event],
        recutting: Recutting | None,
    ) -> None:
        counts = remembering.counts
        if held_out(question.cluster, splits):
            counts["held_out"] += 1
            return
        names: Mapping[str, str] | None = None
        if self._stale(live, trace, question):
            if recutting is None or question.embedder != self._parts.embedder.fingerprint:
                counts["stale"] += 1
                return
            names = await recutting.names(trace)
            counts["recut"] += 1
        found = learned(trace, events)
        if names is not None:
            judged = [(one, names[name], said) for one, name, said in found.judged if name in names]
            found = found._replace(judged=tuple(judged))
        if not found.judged and not found.missed:
            counts["nothing_said"] += 1
            return
        counts["answers"] += 1
        remembering.rated.append((trace["ts"], _rated(trace, question, found.judged, names)))
        for event, chunk_id, value in found.judged:
            remembering.add(trace["id"], question.digest, event, chunk_id, value)
        for event, document_id in found.missed:
            chunk_id = await self._passage(live, trace, question, document_id)
            if chunk_id:
                remembering.add(trace["id"], question.digest, event, chunk_id, MISSED)
            else:
                counts["not_indexed"] += 1

    def _stale(self, live: Generation, trace: Mapping[str, Any], question: Question) -> bool:
        """Whether what was shown or asked is not to be compared with how it is made now."""
        made_with = (question.embedder, trace["chunker_rev"])
        return made_with != (self._parts.embedder.fingerprint, live.fingerprint["chunker"])

    async def _passage(
        self, live: Generation, trace: Mapping[str, Any], question: Question, document_id: str
    ) -> str:
        """The passage of a document that is nearest to a question, of those that whoever asked may
        read now; empty where there is none."""
        try:
            who = await self._people.within(Principal(id=trace["principal_id"]), trace["domain"])
        except (NotFound, Forbidden):
            return ""
        dense = tuple(float(one) for one in unfolded(question.vector))
        if live.encoder is not None:
            encoder = await self._parts.encoders.of(live.encoder)
            dense = await encoder.embed_query(trace["query_standalone"])
        found = await self._parts.index.search(
            live.id,
            IndexQuery.model_construct(
                dense=dense,
                sparse=None,
                readers=who.readers,
                filter=Match(field="document_id", any_of=(document_id,)),
                limit=1,
            ),
        )
        return found.dense[0].chunk_id if found.dense else ""


def _rated(
    trace: Mapping[str, Any],
    question: Question,
    judged: Sequence[tuple[Event, str, float]],
    names: Mapping[str, str] | None,
) -> Rated:
    """`names` are those of the passages now, where they are others."""
    said: dict[str, dict[str, Vote]] = {}
    for event, chunk_id, value in judged:
        said.setdefault(chunk_id, {})[event.actor] = Vote(event.actor, value, event.id)
    shown: dict[str, float] = {}
    for hit in trace["hits"]:
        name = str(hit["chunk_id"])
        if names is not None and name not in names:
            continue
        score = next((one["score"] for one in hit["scores"] if one["stage"] == "fusion"), 0.0)
        # Where several are in one, that stands where the best of them did.
        shown.setdefault(names[name] if names is not None else name, score)
    notes = [
        Note(chunk_id=chunk_id, votes=tuple(votes.values())) for chunk_id, votes in said.items()
    ]
    return Rated(question.vector, [*shown.items()], notes)


def _counted(counts: Mapping[str, int]) -> str:
    told = [f"{count} {name.replace('_', ' ')}" for name, count in sorted(counts.items()) if count]
    return ", ".join(told) or "nothing was rated and accepted"
