"""What a release and a candidate find for the same questions, and what that is worth."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple
from zlib import crc32

from rag.answer.context import affordable, assemble
from rag.answer.followup import standalone
from rag.app.domains import Domain
from rag.app.parts import Parts
from rag.app.people import People
from rag.candidates import Asked, Candidate, Guarded, Stratum
from rag.datasets import DatasetSpec
from rag.errors import Forbidden, NotFound, RagError
from rag.learn.evaluation import in_calibration_half
from rag.learn.measuring import Learnt, Place, Wanted, gains, ndcg
from rag.learn.remembering import SPEC, held_out, learned
from rag.retrieve.levers import Levers
from rag.store.candidates import Candidates
from rag.store.datasets import Datasets
from rag.store.events import Event, Events
from rag.store.generations import Generation
from rag.types import Hit, Payload, Principal, Turn

LABELS = SPEC.model_copy(update={"review": ("raw", "accepted")})
"""What measures: whatever no reviewer set aside. What is learned from was accepted."""
EVALS = "evals"
AT_ONCE = 500
CHARACTERS = 4
"""Of a token, on average."""


class Question(NamedTuple):
    """A question to measure with, and what its hits are to be."""

    id: str
    text: str
    who: Principal
    wanted: Wanted
    paths: Sequence[str]
    """Of a pack's eval: the documents, by the end of their addresses."""
    stratum: Callable[[Sequence[float]], Stratum]
    held_out: bool
    language: str
    waited: float = 0.0
    """Milliseconds that whoever asked waited for the answer; of a pack's own nobody did."""
    cost: float = 0.0
    """USD of the answer, for which a model read so many `tokens`; 0 where nothing was paid."""
    tokens: int = 0


class _Read(NamedTuple):
    """What comes of the hits of a question."""

    answered: float
    given: int
    """About how many tokens of them a model is given."""
    took: float
    """Seconds."""


class Searched(NamedTuple):
    """What is searched, how that is cut, and what is changed of the search."""

    generation: str
    cut: str
    levers: Levers


class Measuring:
    """Asks what was asked before, as whoever asked it; nothing of it is kept."""

    def __init__(self, parts: Parts, people: People) -> None:
        self._parts = parts
        self._people = people
        database, now = parts.ledger.database, parts.ledger.now
        self._kept = Candidates(database, now)
        self._datasets = Datasets(database, now)
        self._events = Events(database)

    async def later(
        self, domain: Domain, candidate: Candidate, generation: Generation
    ) -> list[Question]:
        """What was rated after the candidate learned, what was ever rated of clusters that are held
        out, and the pack's own questions, but for those that the candidate was searched on. What
        was rated of passages that were cut otherwise measures as well."""
        votes = await asyncio.to_thread(self._kept.votes, candidate.id)
        useful: dict[str, set[str]] = {}
        vectors: dict[str, bytes] = {}
        for one in votes:
            vectors[one.digest] = one.vector
            if one.value > 0:
                useful.setdefault(one.digest, set()).add(one.chunk_id)
        learnt = Learnt(
            (digest, vector, useful.get(digest, ())) for digest, vector in vectors.items()
        )
        # Versions of datasets that came later may hold out what it has learned from.
        traces = {one.trace_id for one in votes}
        kept = await asyncio.to_thread(self._kept.questions, traces)
        known = {one.cluster for one in kept.values()}
        since = datetime.fromisoformat(candidate.lineage["as_of"])
        found = await asyncio.to_thread(
            lambda: [
                one
                for at, one in self._rated(domain, generation, learnt, LABELS, known, since)
                if one.held_out or at > since
            ]
        )
        evals = await self._evals(domain, learnt)
        return [*found, *(one for half, one in evals if not (half and candidate.searched_evals))]

    async def earlier(
        self, domain: Domain, generation: Generation, until: datetime, *, any_cut: bool = False
    ) -> list[Question]:
        """What was accepted until then, of clusters that may be learned from, and the half of the
        pack's own questions that is there to be fitted to. The passages are those of the
        generation, unless any cut will do."""
        nothing = Learnt(())
        found = await asyncio.to_thread(
            lambda: [
                one
                for at, one in self._rated(domain, generation, nothing, SPEC, ())
                if not one.held_out
                and at <= until
                and (any_cut or one.wanted.cut == generation.fingerprint["chunker"])
            ]
        )
        return [*found, *(one for half, one in await self._evals(domain, nothing) if half)]

    async def asked(
        self,
        domain: Domain,
        question: Question,
        before: Searched,
        after: Searched,
    ) -> Asked:
        """What the live release and the candidate find for a question, and what that is worth."""
        # Before the clock runs: whoever asks second would find it done.
        seen = [
            await domain.retriever.embedded(question.text, one)
            for one in {before.generation, after.generation}
        ]
        vector = seen[0].own
        # Whoever comes second finds everything at hand: either does half the time.
        turns = [before, after] if crc32(question.id.encode()) % 2 else [after, before]
        # How many are given is measured by what is written: here one is not better for giving more.
        most = min(side.levers.applied(domain.pack).retrieval.limit for side in turns)
        sides: dict[bool, tuple[Sequence[Hit], float, _Read]] = {}
        # What both found is read and weighed once; it takes either as long.
        weighed: dict[tuple[object, ...], _Read] = {}
        for side in turns:
            pack = side.levers.applied(domain.pack)
            since = time.perf_counter()
            found = await domain.retriever.retrieve(
                question.who,
                question.text,
                generation=side.generation,
                limit=pack.retrieval.limit,
                levers=side.levers,
            )
            searched = time.perf_counter()
            # In another cut the same ids are of other passages; or less of them is read.
            read = (side.cut, pack.retrieval.widen, pack.answer)
            same = (*read, *(hit.payload.chunk_id for hit in found.hits))
            if same not in weighed:
                weighed[same] = await self._read(domain, question, found, side.levers)
            took = (searched - since + weighed[same].took) * 1000
            sides[side is after] = (found.hits, took, weighed[same])
        old, old_ms, old_read = sides[False]
        new, new_ms, new_read = sides[True]
        old, new = old[:most], new[:most]
        wanted = question.wanted
        if question.paths:
            wanted = of_paths(question.paths, [hit.payload for hit in (*old, *new)])
        guards: dict[Guarded, tuple[float, float]] = {
            "answered": (old_read.answered, new_read.answered),
        }
        if question.waited:
            # All else that people wait for, a model above all, is the same for both.
            after_ms = max(0.0, question.waited + new_ms - old_ms)
            guards["latency"] = (question.waited, after_ms)
            # As if what is read were all that is paid for, which is strict to the candidate.
            more = (new_read.given - old_read.given) / question.tokens if question.tokens else 0.0
            guards["cost"] = (question.cost, question.cost * max(0.0, 1 + more))
        return Asked(
            id=question.id,
            stratum=question.stratum(vector),
            before=ndcg(old, wanted, before.cut),
            after=ndcg(new, wanted, after.cut),
            held_out=question.held_out,
            slices={
                "language": question.language,
                **_source(wanted, (old, before.cut), (new, after.cut)),
            },
            guards=guards,
        )

    async def _read(self, domain: Domain, question: Question, found: Any, levers: Levers) -> _Read:
        """Whether the passages answer the question, by the rule that every answer goes by; and
        what a model would be given of them, as every prompt is put together."""
        since = time.perf_counter()
        hits = await domain.retriever.widen(found.hits, levers)
        evidence = await domain.asker.evidence(question.text, found.queries, hits, levers)
        below = evidence.confidence < domain.pack.answer.abstain_below
        answered = float(bool(evidence.sentences) and not below)
        took = time.perf_counter() - since
        if not question.cost:
            return _Read(answered, 0, took)
        pack = levers.applied(domain.pack)
        budget = pack.answer.context_tokens
        examples = affordable(levers.examples, _about, budget)
        messages, _ = assemble(pack, question.text, hits, (), _about, budget, examples)
        return _Read(answered, sum(_about(one.content) for one in messages), took)

    def _rated(
        self,
        domain: Domain,
        generation: Generation,
        learnt: Learnt,
        labels: DatasetSpec,
        known: Collection[str],
        until: datetime | None = None,
    ) -> Iterator[tuple[datetime, Question]]:
        """Every question that something was said of, with when it was asked. `known` are clusters
        that are not held out, as they were learned from; the others are as they were `until` then:
        what was searched on then was not held out."""
        name, cut = domain.pack.name, str(generation.fingerprint["chunker"])
        splits = self._datasets.splits(name, until)
        askers: dict[str, Principal | None] = {}
        moment = self._events.moment(self._parts.ledger.now())
        for some in _some(self._events.by_trace(name, moment, labels)):
            said = {
                trace_id: [one for one in events if one.review in labels.review]
                for trace_id, events in some
            }
            questions = self._kept.questions(said.keys())
            for trace in self._parts.traces.some(said.keys()):
                question = questions.get(trace["id"])
                if question is None:
                    continue
                wanted = _wanted(trace, said[trace["id"]])
                if trace["principal_id"] not in askers:
                    askers[trace["principal_id"]] = self._asker(trace)
                who = askers[trace["principal_id"]]
                if who is None or not wanted.any:
                    continue
                yield (
                    trace["ts"],
                    Question(
                        id=trace["id"],
                        text=trace["query_standalone"],
                        who=who,
                        wanted=wanted,
                        paths=(),
                        stratum=_stratum(learnt, question.digest, wanted, cut),
                        held_out=question.cluster not in known
                        and held_out(question.cluster, splits),
                        language=trace["lang"],
                        waited=trace["latency_ms"],
                        cost=trace["cost"],
                        tokens=trace["prompt_tokens"],
                    ),
                )

    def _asker(self, trace: Mapping[str, Any]) -> Principal | None:
        """Whoever asked, as they are now: what they may not read any more is worth nothing."""
        try:
            return self._people.now(Principal(id=trace["principal_id"]), trace["domain"])
        except (NotFound, Forbidden):
            return None

    async def _evals(self, domain: Domain, learnt: Learnt) -> list[tuple[bool, Question]]:
        """The pack's own questions, each with whether it may be fitted to."""
        found: list[tuple[bool, Question]] = []
        for case in domain.pack.evals():
            if not case.answerable:
                continue
            try:
                who = await asyncio.to_thread(self._people.person, case.as_user, domain.pack.name)
            except RagError:
                continue
            history = [Turn(role="user", content=one) for one in case.history]
            question = Question(
                id=f"{EVALS}/{case.id}",
                text=standalone(case.question, history),
                who=who,
                wanted=Wanted({}),
                paths=case.documents,
                stratum=_stratum(learnt, "", Wanted({}), ""),
                held_out=True,
                language=domain.pack.language,
            )
            found.append((in_calibration_half(case), question))
        return found


def _wanted(trace: Mapping[str, Any], events: Sequence[Event]) -> Wanted:
    """What people found useful, on the mean of what they said; what nobody spoke of is not."""
    found = learned(trace, events)
    said: dict[str, dict[str, float]] = {}
    for event, chunk_id, value in found.judged:
        said.setdefault(chunk_id, {})[event.actor] = value
    passages = {
        chunk_id: max(0.0, sum(values.values()) / len(values)) for chunk_id, values in said.items()
    }
    places = {
        str(hit["chunk_id"]): Place(hit["doc_id"], hit["doc_version"], *hit["span"])
        for hit in trace["hits"]
    }
    documents = {one.document_id: 1.0 for one in found.missed}
    return Wanted(passages, documents, trace["chunker_rev"], places)


def of_paths(paths: Iterable[str], found: Iterable[Payload]) -> Wanted:
    """Documents that a pack names, by their ids; one that was not found counts as well."""
    uris = {payload.uri: payload.document_id for payload in found}
    named = {
        path: next((one for uri, one in uris.items() if uri.endswith("/" + path)), path)
        for path in paths
    }
    return Wanted({}, dict.fromkeys(named.values(), 1.0))


def _stratum(
    learnt: Learnt, digest: str, wanted: Wanted, cut: str
) -> Callable[[Sequence[float]], Stratum]:
    """`cut` is how what was learned from is cut: the ids of others say nothing of it."""
    same = wanted.cut == cut
    useful = [chunk_id for chunk_id, value in wanted.passages.items() if value > 0 and same]
    return lambda vector: learnt.stratum(digest, vector, useful)


def _source(wanted: Wanted, *sides: tuple[Sequence[Hit], str]) -> dict[str, str]:
    """The source that a question is about: of the best useful passage that was found."""
    for hits, cut in sides:
        for hit, gain in zip(hits, gains(hits, wanted, cut), strict=True):
            if gain > 0:
                return {"source": hit.payload.source}
    return {}


def _some(answers: Iterator[tuple[str, list[Event]]]) -> Iterator[list[tuple[str, list[Event]]]]:
    while some := list(islice(answers, AT_ONCE)):
        yield some


def _about(text: str) -> int:
    """Tokens of a text, as near as two sides have to be told apart: each model counts its own."""
    return len(text) // CHARACTERS
