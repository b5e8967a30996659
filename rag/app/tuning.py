"""The ratchet: candidates are made, measured against what is live, promoted, and taken back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple
from zlib import crc32

import structlog

from rag.answer.followup import standalone
from rag.app.accounts import Accounts
from rag.app.domains import Domain, Domains
from rag.app.generations import Generations
from rag.app.memories import Memories
from rag.app.parts import Parts
from rag.app.people import People
from rag.candidates import Asked, Candidate, Guarded, Judgement, Kind, Release, Rules, Stratum
from rag.errors import Conflict, Forbidden, NotFound, RagError
from rag.learn.gate import judged
from rag.learn.measuring import Learnt, Wanted, ndcg
from rag.learn.remembering import SPEC, held_out, learned
from rag.retrieve.memory import Memory
from rag.store.candidates import Candidates
from rag.store.datasets import Datasets
from rag.store.events import Event, Events
from rag.store.generations import Generation
from rag.store.releases import Releases
from rag.types import Hit, Principal, Progress, Turn

LABELS = SPEC.model_copy(update={"review": ("raw", "accepted")})
"""What measures: whatever no reviewer set aside. What is learned from was accepted."""
EVALS = "evals"
AT_ONCE = 500

log = structlog.get_logger(__name__)


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


class Tuning:
    """The verbs of whoever makes answers better."""

    def __init__(
        self,
        parts: Parts,
        domains: Domains,
        people: People,
        generations: Generations,
        accounts: Accounts,
    ) -> None:
        database, now = parts.ledger.database, parts.ledger.now
        self._parts = parts
        self._domains = domains
        self._people = people
        self._generations = generations
        self._accounts = accounts
        self._memories = Memories(parts, people, generations)
        self._kept = Candidates(database, now)
        self._releases = Releases(database, now)
        self._events = Events(database)
        self._datasets = Datasets(database, now)
        self._rules = Rules()

    # --- what answers use ---

    async def memory(self, domain: Domain, generation: Generation) -> Memory | None:
        """The memory that is live, if the index is still of the making that it was made for."""
        live = await asyncio.to_thread(self._releases.live, domain.pack.name)
        if live is None or live.memory is None:
            return None
        return await self._memory(domain, live.memory, generation)

    async def _memory(
        self, domain: Domain, candidate_id: str, generation: Generation
    ) -> Memory | None:
        found = await asyncio.to_thread(self._kept.get, domain.pack.name, candidate_id)
        for part in ("embedder", "chunker"):
            if found.lineage[part] != generation.fingerprint.get(part):
                log.info("memory of another index", memory=found.name, part=part)
                return None
        return self._memories.named(found)

    # --- the verbs ---

    async def make(
        self,
        principal: Principal,
        kind: Kind,
        domain: str | None,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> Candidate:
        """A candidate of all that was said and accepted until now.

        Raises InvalidInput where there is nothing to learn from.
        """
        made = await self._memories.make(principal, self._domains.get(domain), progress)
        await self._accounts.wrote(
            principal, "make candidate", made.name, domain=made.domain, votes=made.figures["votes"]
        )
        return made

    async def list(self, principal: Principal, domain: str | None) -> list[Candidate]:
        """Every candidate of a domain, newest first."""
        return await asyncio.to_thread(self._kept.list, self._domains.get(domain).pack.name)

    async def get(
        self, principal: Principal, name: str, domain: str | None
    ) -> tuple[Candidate, list[Judgement]]:
        """A candidate with what the gate said of it, newest first. Raises NotFound."""
        pack = self._domains.get(domain).pack
        found = await asyncio.to_thread(self._kept.get, pack.name, name)
        return found, await asyncio.to_thread(self._kept.reports, found.id)

    async def measure(
        self,
        principal: Principal,
        name: str,
        domain: str | None,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> Judgement:
        """What the gate says of a candidate against what is live, on what was asked since it was
        made, and on what nothing was learned from. Each look makes the next one stricter."""
        of = self._domains.get(domain)
        found = await asyncio.to_thread(self._kept.get, of.pack.name, name)
        generation = await self._generations.answering(of)
        live = await asyncio.to_thread(self._releases.live, of.pack.name)
        before = await self.memory(of, generation)
        after = await self._memory(of, found.id, generation)
        if after is None:
            raise Conflict(
                f"The index was made anew since '{found.name}' was made.",
                hint=f"Make another: rag tune {found.kind}.",
            )
        questions = await self._questions(of, found, generation)
        asked: list[Asked] = []
        for done, question in enumerate(questions, 1):
            asked.append(await self._asked(of, generation, question, before, after))
            progress(Progress(phase="measure", done=done, total=len(questions)))
        against = live.number if live else 0
        look = 1 + await asyncio.to_thread(self._kept.looks, of.pack.name, against)
        report = await asyncio.to_thread(judged, asked, look=look, rules=self._rules)
        kept = await asyncio.to_thread(
            self._kept.report, found.id, against, report, asked, principal.id
        )
        if report.outcome == "refused" and found.state == "made":
            await asyncio.to_thread(self._kept.settle, found.id, "refused")
        await self._accounts.wrote(
            principal, "measure candidate", found.name, domain=of.pack.name, outcome=report.outcome
        )
        return kept

    async def promote(
        self, principal: Principal, name: str, domain: str | None, why: str = ""
    ) -> Release:
        """Let a candidate into the next release, from the next question on.

        Raises Conflict unless the gate's last word on it, against what is live now, is that it
        passed.
        """
        of = self._domains.get(domain).pack
        found, reports = await self.get(principal, name, domain)
        live = await asyncio.to_thread(self._releases.live, of.name)
        against = live.number if live else 0
        last = next(iter(reports), None)
        if last is None or last.against != against:
            raise Conflict(
                f"'{found.name}' was not measured against what is live.",
                hint=f"Run: rag eval --candidate {found.name}.",
            )
        if last.report.outcome != "passed":
            raise Conflict(f"The gate did not let '{found.name}' through: {last.report.why}")
        made = await asyncio.to_thread(
            self._releases.promote, of.name, against, found.id, last.id, principal.id, why
        )
        await self._accounts.wrote(
            principal, "promote candidate", found.name, domain=of.name, release=made.number, why=why
        )
        return made

    async def roll_back(
        self, principal: Principal, domain: str | None, to: int | None = None, why: str = ""
    ) -> Release:
        """Let answers use what an earlier release did, from the next question on: the one before,
        unless it is named. Raises NotFound, Conflict."""
        name = self._domains.get(domain).pack.name
        made = await asyncio.to_thread(self._releases.roll_back, name, to, principal.id, why)
        await self._accounts.wrote(
            principal, "roll back release", f"{made.back_to}", domain=name, release=made.number
        )
        return made

    async def releases(self, principal: Principal, domain: str | None) -> list[Release]:
        """The releases of a domain, newest first; the first one is live."""
        return await asyncio.to_thread(self._releases.list, self._domains.get(domain).pack.name)

    # --- erasing ---

    async def sweep(self) -> int:
        """Take out of every memory what was erased since it was written. Returns how many."""
        changed = 0
        for one in await asyncio.to_thread(self._kept.memories):
            # It is noted last: killed on the way, the next sweep writes it again.
            if await asyncio.to_thread(self._kept.shrunk, one):
                await self._memories.write(one)
                await asyncio.to_thread(self._kept.recount, one.id)
                changed += 1
        return changed

    # --- measuring ---

    async def _questions(
        self, domain: Domain, candidate: Candidate, generation: Generation
    ) -> list[Question]:
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
        rated = await asyncio.to_thread(
            lambda: list(self._rated(domain, candidate, generation, learnt))
        )
        return [*rated, *await self._evals(domain, learnt)]

    def _rated(
        self, domain: Domain, candidate: Candidate, generation: Generation, learnt: Learnt
    ) -> Iterator[Question]:
        """What was rated since, and what was ever rated of the clusters that are held out."""
        name = domain.pack.name
        splits = self._datasets.splits(name)
        since = datetime.fromisoformat(candidate.lineage["as_of"])
        moment = self._events.moment(self._parts.ledger.now())
        for some in _some(self._events.by_trace(name, moment, LABELS)):
            said = {
                trace_id: [one for one in events if one.review in LABELS.review]
                for trace_id, events in some
            }
            questions = self._kept.questions(said.keys())
            for trace in self._parts.traces.some(said.keys()):
                question = questions.get(trace["id"])
                if question is None or trace["chunker_rev"] != generation.fingerprint["chunker"]:
                    continue
                apart = held_out(question.cluster, splits)
                if not apart and trace["ts"] <= since:
                    continue
                wanted = _wanted(trace, said[trace["id"]])
                who = self._asker(trace)
                if who is None or not wanted.any:
                    continue
                yield Question(
                    id=trace["id"],
                    text=trace["query_standalone"],
                    who=who,
                    wanted=wanted,
                    paths=(),
                    stratum=_stratum(learnt, question.digest, wanted),
                    held_out=apart,
                    language=trace["lang"],
                )

    def _asker(self, trace: Mapping[str, Any]) -> Principal | None:
        """Whoever asked, as they are now: what they may not read any more is worth nothing."""
        try:
            return self._people.now(Principal(id=trace["principal_id"]), trace["domain"])
        except (NotFound, Forbidden):
            return None

    async def _evals(self, domain: Domain, learnt: Learnt) -> list[Question]:
        """The pack's own questions, of which nothing was learned."""
        found: list[Question] = []
        for case in domain.pack.evals():
            if not case.answerable:
                continue
            try:
                who = await asyncio.to_thread(self._people.person, case.as_user, domain.pack.name)
            except RagError:
                continue
            history = [Turn(role="user", content=one) for one in case.history]
            found.append(
                Question(
                    id=f"{EVALS}/{case.id}",
                    text=standalone(case.question, history),
                    who=who,
                    wanted=Wanted({}),
                    paths=case.documents,
                    stratum=_stratum(learnt, "", Wanted({})),
                    held_out=True,
                    language=domain.pack.language,
                )
            )
        return found

    async def _asked(
        self,
        domain: Domain,
        generation: Generation,
        question: Question,
        before: Memory | None,
        after: Memory | None,
    ) -> Asked:
        vector = await self._parts.embedder.embed_query(question.text)
        # Whoever comes second finds everything at hand: either does half the time.
        turns = [before, after] if crc32(question.id.encode()) % 2 else [after, before]
        sides: dict[bool, tuple[Sequence[Hit], float, float]] = {}
        for memory in turns:
            since = time.perf_counter()
            found = await domain.retriever.retrieve(
                question.who,
                question.text,
                generation=generation.id,
                limit=domain.pack.retrieval.limit,
                memory=memory,
            )
            answers = await self._answers(domain, question, found)
            # What people wait for, but for what a model takes, which is the same for both.
            took = (time.perf_counter() - since) * 1000
            sides[memory is after] = (found.hits, took, answers)
        wanted = question.wanted
        if question.paths:
            shown = [hit for hits, _, _ in sides.values() for hit in hits]
            wanted = _of_paths(question.paths, shown)
        old, old_ms, old_answers = sides[False]
        new, new_ms, new_answers = sides[True]
        guards: dict[Guarded, tuple[float, float]] = {
            "latency": (old_ms, new_ms),
            "answered": (old_answers, new_answers),
        }
        return Asked(
            id=question.id,
            stratum=question.stratum(vector),
            before=ndcg(old, wanted),
            after=ndcg(new, wanted),
            held_out=question.held_out,
            slices={"language": question.language, **_source(wanted, [*old, *new])},
            guards=guards,
        )

    async def _answers(self, domain: Domain, question: Question, found: Any) -> float:
        """1 where the passages answer the question, by the rule that every answer goes by."""
        hits = await domain.retriever.widen(found.hits)
        evidence = await domain.asker.evidence(question.text, found.queries, hits)
        below = evidence.confidence < domain.pack.answer.abstain_below
        return float(bool(evidence.sentences) and not below)


def _wanted(trace: Mapping[str, Any], events: Sequence[Event]) -> Wanted:
    """What people found useful, on the mean of what they said; what nobody spoke of is not."""
    found = learned(trace, events)
    said: dict[str, dict[str, float]] = {}
    for event, chunk_id, value in found.judged:
        said.setdefault(chunk_id, {})[event.actor] = value
    passages = {
        chunk_id: max(0.0, sum(values.values()) / len(values)) for chunk_id, values in said.items()
    }
    return Wanted(passages, {one.document_id: 1.0 for one in found.missed})


def _of_paths(paths: Iterable[str], hits: Iterable[Hit]) -> Wanted:
    """Documents that a pack names, by their ids; one that was not found counts as well."""
    uris = {hit.payload.uri: hit.payload.document_id for hit in hits}
    found = {
        path: next((one for uri, one in uris.items() if uri.endswith("/" + path)), path)
        for path in paths
    }
    return Wanted({}, dict.fromkeys(found.values(), 1.0))


def _stratum(learnt: Learnt, digest: str, wanted: Wanted) -> Callable[[Sequence[float]], Stratum]:
    useful = [chunk_id for chunk_id, value in wanted.passages.items() if value > 0]
    return lambda vector: learnt.stratum(digest, vector, useful)


def _source(wanted: Wanted, hits: Sequence[Hit]) -> dict[str, str]:
    """The source that a question is about: of the best useful passage that was found."""
    for hit in hits:
        payload = hit.payload
        if wanted.passages.get(payload.chunk_id, 0) > 0 or payload.document_id in wanted.documents:
            return {"source": payload.source}
    return {}


def _some(answers: Iterator[tuple[str, list[Event]]]) -> Iterator[list[tuple[str, list[Event]]]]:
    while some := list(islice(answers, AT_ONCE)):
        yield some
