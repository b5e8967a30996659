"""Ask: question -> hits -> evidence -> context -> generate -> Answer, and its trace saved whole."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

import structlog

from rag.answer.cache import AnswerCache
from rag.answer.citations import Markers, cite_sentence, spoken
from rag.answer.conflicts import conflicts, names_a_year, newest
from rag.answer.context import affordable, assemble, passage_text
from rag.answer.draft import Draft
from rag.answer.evidence import NONE, Evidence, Selector
from rag.answer.followup import refers, standalone, touched
from rag.answer.inert import Inert, addresses
from rag.answer.judging import Ruling, Statement, ruled
from rag.answer.rewriting import rewritten
from rag.answer.support import Checker, mean, supported
from rag.answer.tracing import fields
from rag.conversations import Place
from rag.domain import Pack
from rag.errors import RagError
from rag.models.writer import Writer
from rag.retrieve.expand import gist
from rag.retrieve.levers import NONE as UNCHANGED
from rag.retrieve.levers import Levers
from rag.retrieve.retriever import Retriever, Seen
from rag.store.generations import Generation
from rag.store.traces import Answered, Traces
from rag.types import (
    Answer,
    AnswerEvent,
    AskRequest,
    Citation,
    Claim,
    Hit,
    Principal,
    utc_now,
)

_TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Signs that change the direction of what follows."""

_NO_SIDE: Mapping[str, str] = {}

log = structlog.get_logger(__name__)
Judges = Callable[[Principal, AskRequest, str], Writer]
"""Who judges the claims of an answer, for whom it is made, in a domain of that name."""


class Asker:
    """Answers questions on one domain. Stateless between calls."""

    def __init__(
        self,
        *,
        pack: Pack,
        retriever: Retriever,
        selector: Selector,
        checker: Checker,
        traces: Traces,
        rewrite_seconds: float,
        cache: AnswerCache | None,
        judges: Judges | None,
        judge_seconds: float,
        turns: asyncio.Semaphore,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.pack = pack
        self.retriever = retriever
        self.selector = selector
        self.checker = checker
        self.traces = traces
        self.rewrite_seconds = rewrite_seconds
        self.judges = judges
        self.judge_seconds = judge_seconds
        self.turns = turns
        self.now = now
        self.cache = cache

    async def stream(
        self,
        principal: Principal,
        request: AskRequest,
        generation: Generation,
        writer: Writer,
        *,
        levers: Levers = UNCHANGED,
        side: Mapping[str, str] = _NO_SIDE,
        place: Place | None = None,
        record: bool = True,
        account: Principal | None = None,
        answered: Callable[[Draft], None] = lambda _: None,
    ) -> AsyncGenerator[AnswerEvent]:
        """Events up to `answer`. Raises ModelError when no model of the writer's could answer.

        The trace is saved however it ends, in its `place` of a conversation if it has one, unless
        `record` is off, as when an evaluation asks; what it cost is counted all the same, of the
        `account` if somebody else than the principal is named. A whole
        answer that was composed or quoted is told to `answered`, which takes no time. `side` is of
        which trial of a candidate the levers are, and whose.
        """
        draft = Draft(
            trace_id=place.trace_id if place else str(uuid4()),
            place=place,
            principal=principal,
            request=request,
            standalone=standalone(request.question, request.history),
            writer=writer,
            started=time.perf_counter(),
            generation=generation.id,
            levers=levers,
            side=side,
            # What a trial compares, what is evaluated or asked for anew is written each time.
            repeats=record and writer.trial is None and not side and not request.fresh,
        )
        try:
            pair = bool((writer.trial or {}).get("pair"))
            yield AnswerEvent(event="started", data={"trace_id": draft.trace_id, "pair": pair})
            await self._stand_alone(draft)
            since = time.perf_counter()
            # Searched for all at once, each would be ready only when the last one is.
            async with self.turns:
                draft.lap("queue", since)
                await self._retrieve(draft, generation)
            yield AnswerEvent(event="hits", data={"hits": [_brief(hit) for hit in draft.hits]})
            # What may still be removed is not shown before it is checked.
            held = self.pack.answer.unsupported == "remove"
            async with aclosing(self._pieces(draft)) as pieces:
                async for text, minted in pieces:
                    draft.text += text
                    draft.citations += minted
                    if not held:
                        for event in _said(text, minted):
                            yield event
            draft.text = draft.text.strip()
            await self._check(draft)
            if held:
                for event in _said(draft.text, draft.citations):
                    yield event
            yield AnswerEvent(event="support", data=_support(draft.claims))
            draft.timings["total"] = round((time.perf_counter() - draft.started) * 1000, 3)
            answer = self._answer(draft)
            await self._save(draft, generation, record, account)
            if (draft.messages or draft.given) and not draft.cached:
                answered(draft)
            yield AnswerEvent(event="answer", data=answer.model_dump())
        except BaseException as error:
            # A client that leaves cancels us: what was made so far is still on record.
            draft.finish = "cancelled" if not isinstance(error, Exception) else "error"
            draft.error = f"{type(error).__name__}: {error}"
            if draft.timings.get("total") is None:
                await asyncio.shield(self._save(draft, generation, record, account))
            raise
        finally:
            for one in draft.beside:
                one.close()

    @staticmethod
    def another(draft: Draft, writer: Writer, principal: Principal) -> Draft:
        """The same question and passages for another writer, on the account of `principal`."""
        return Draft(
            trace_id=draft.trace_id,
            place=None,
            principal=principal,
            request=draft.request,
            standalone=draft.standalone,
            writer=writer,
            started=time.perf_counter(),
            hits=draft.hits,
            evidence=draft.evidence,
            levers=draft.levers,
        )

    async def write(self, draft: Draft) -> None:
        """Write and check what has its passages; nothing is kept of it. Raises ModelError."""
        try:
            async with aclosing(self._pieces(draft)) as pieces:
                async for text, minted in pieces:
                    draft.text += text
                    draft.citations += minted
            draft.text = draft.text.strip()
            await self._check(draft)
        finally:
            for one in draft.beside:
                one.close()

    async def _stand_alone(self, draft: Draft) -> None:
        """Have a follow-up rewritten by a model, if one answers; else the rule's stays."""
        history = draft.request.history
        if not history or not draft.writer.composes or not self.rewrite_seconds:
            return
        since = time.perf_counter()
        draft.rewriter = draft.writer.another()
        try:
            draft.standalone = await rewritten(
                draft.rewriter, gist(draft.request.question), history, self.rewrite_seconds
            )
            draft.rewriting = "model"
        except RagError as error:
            draft.rewriting = f"rule: {error.code}: {error.message}"[:300]
            log.info("question rewritten by rule", code=error.code)
        draft.lap("standalone", since)

    async def _retrieve(self, draft: Draft, generation: Generation) -> None:
        """What answers the question, or a follow-up together with what went before."""
        question = draft.request.question
        await self._search(draft, generation)
        assert draft.evidence is not None
        if draft.standalone == question or draft.rewriting == "model":
            return
        if refers(question):
            draft.evidence = draft.evidence if touched(question, draft.evidence.pool) else NONE
        elif not touched(question, draft.evidence.sentences[:1]):
            # It was taken for a follow-up because it is short, and what went before won.
            draft.standalone = question
            await self._search(draft, generation)

    async def _search(self, draft: Draft, generation: Generation) -> None:
        seen = Seen()
        result = await self.retriever.retrieve(
            draft.principal,
            draft.query,
            generation=generation.id,
            limit=draft.levers.applied(self.pack).retrieval.limit,
            filter=draft.request.filter,
            levers=draft.levers,
            seen=seen,
        )
        draft.vector = seen.vector
        draft.timings.update(result.timings)
        since = time.perf_counter()
        draft.hits = await self.retriever.widen(result.hits, draft.levers)
        draft.lap("widen", since)
        since = time.perf_counter()
        draft.evidence = await self.evidence(draft.query, result.queries, draft.hits, draft.levers)
        draft.lap("evidence", since)

    async def evidence(
        self,
        question: str,
        queries: Sequence[str],
        hits: Sequence[Hit],
        levers: Levers = UNCHANGED,
    ) -> Evidence:
        """The sentences of the hits that answer a question, which was searched for by queries."""
        evidence = await self.selector.select(
            [question, *(query for query in queries if query != question)],
            self.retriever.expander.words(question),
            hits,
            levers.applied(self.pack).answer.max_sentences,
        )
        if names_a_year(question):
            return evidence
        used = await asyncio.to_thread(newest, evidence.sentences, evidence.pool, hits)
        return replace(evidence, sentences=used)

    async def _pieces(self, draft: Draft) -> AsyncGenerator[tuple[str, list[Citation]]]:
        evidence = draft.evidence
        assert evidence is not None
        if evidence.confidence < self.pack.answer.abstain_below or not evidence.sentences:
            draft.abstained = True
            yield self._not_known(draft), []
            return
        if draft.writer.composes:
            async with aclosing(self._generate(draft)) as written:
                async for piece in written:
                    yield piece
        if draft.writer.quotes:
            draft.given = draft.hits
            for n, sentence in enumerate(evidence.sentences, 1):
                citation = cite_sentence(n, sentence, draft.hits)
                space = " " if n > 1 else ""
                yield f"{space}{_closed(spoken(sentence.text))} [{n}]", [citation]

    async def _generate(self, draft: Draft) -> AsyncGenerator[tuple[str, list[Citation]]]:
        since = time.perf_counter()
        pack = draft.levers.applied(self.pack)
        budget = min(pack.answer.context_tokens, draft.writer.room)
        examples = affordable(draft.levers.examples, draft.writer.count_tokens, budget)
        draft.examples = len(examples)
        draft.messages, draft.given = assemble(
            pack,
            draft.request.question,
            draft.hits,
            draft.request.history,
            draft.writer.count_tokens,
            budget,
            examples,
        )
        if self.cache is not None and draft.repeats:
            written = await self.cache.written(draft)
            draft.lap("cache", since)
            if written is not None:
                yield written
                return
        markers = Markers(draft.given)
        known = [draft.request.question, *(passage_text(hit) for hit in draft.given)]
        still = Inert(addresses(known))
        async with aclosing(draft.writer.stream(draft.messages, draft.given)) as pieces:
            async for piece in pieces:
                if "first_token" not in draft.timings:
                    draft.lap("first_token", since)
                yield markers.feed(still.feed(piece))
        yield markers.feed(still.end())
        yield markers.end()
        if draft.writer.finish is not None:
            draft.finish = draft.writer.finish.reason
        draft.lap("generate", since)

    async def _check(self, draft: Draft) -> None:
        """Give every claim its verdict; an answer of which nothing may stay is an abstention."""
        if draft.abstained:
            return
        since = time.perf_counter()
        if not draft.cached:
            # What is given again was checked when it was written, and what had to go is gone.
            rule = partial(self._ruled, draft) if self.judges else None
            draft.claims = await self.checker.check(
                draft.text, draft.citations, draft.given, rule, turns=self.turns
            )
            if self.pack.answer.unsupported == "remove":
                self._remove(draft)
        evidence = draft.evidence
        if evidence is not None and not draft.abstained and not names_a_year(draft.query):
            draft.conflicts = await asyncio.to_thread(
                conflicts, draft.citations, evidence.sentences, evidence.pool, draft.hits
            )
        draft.lap("support", since)

    def _remove(self, draft: Draft) -> None:
        draft.text, draft.claims = supported(draft.text, draft.claims)
        if not any(claim.span for claim in draft.claims):
            draft.abstained = True
            draft.text = self._not_known(draft)
        used = {n for claim in draft.claims if claim.span for n in claim.citations}
        draft.citations = [one for one in draft.citations if one.n in used]

    async def _ruled(
        self, draft: Draft, statements: Sequence[Statement]
    ) -> Sequence[Ruling] | None:
        """What the model that judges says of the statements, if it says anything usable."""
        assert self.judges is not None
        since = time.perf_counter()
        try:
            draft.judge = self.judges(draft.principal, draft.request, self.pack.name)
            rulings = await ruled(draft.judge, statements, self.judge_seconds)
        except RagError as error:
            draft.judging = f"rule: {error.code}: {error.message}"[:300]
            log.info("claims checked by rule", code=error.code)
            return None
        finally:
            draft.lap("judge", since)
        draft.judging = "model"
        return rulings

    def _not_known(self, draft: Draft) -> str:
        titles = list(dict.fromkeys(_straight(hit.payload.title) for hit in draft.hits))[:5]
        return self.pack.prompts["abstain"].render(question=draft.request.question, searched=titles)

    def _answer(self, draft: Draft) -> Answer:
        return Answer(
            answer=draft.text,
            citations=tuple(draft.citations),
            abstained=draft.abstained,
            confidence=round(draft.evidence.confidence, 4) if draft.evidence else 0.0,
            claims=tuple(claim for claim in draft.claims if claim.span),
            support=mean(draft.claims),
            conflicts=draft.conflicts,
            removed=sum(claim.span is None for claim in draft.claims),
            searched=tuple(dict.fromkeys(hit.payload.title for hit in draft.hits)),
            standalone=draft.query if draft.standalone != draft.request.question else None,
            trace_id=draft.trace_id,
            model=draft.writer.name,
            cached=bool(draft.cached),
            timings=draft.timings,
            usage=draft.usage,
        )

    async def _save(
        self, draft: Draft, generation: Generation, record: bool, account: Principal | None
    ) -> None:
        payer = account or draft.principal
        key = payer.key
        if not record:
            spent = {**self._fields(draft, generation, {}), "principal_id": payer.id}
            await asyncio.to_thread(self.traces.count, spent, key)
            return
        said = [turn.content for turn in draft.request.history if turn.role == "assistant"]
        told: Mapping[str, Answered] = {}
        if said and (draft.messages or draft.rewriter is not None):
            told = await asyncio.to_thread(
                self.traces.answered, draft.principal.id, self.pack.name, said
            )
        made, place = self._fields(draft, generation, told), draft.place
        conversation = place.conversation if place else None
        asked_with = self.retriever.embedder.fingerprint
        await asyncio.to_thread(self.traces.save, made, conversation, key, draft.vector, asked_with)

    def _fields(
        self, draft: Draft, generation: Generation, told: Mapping[str, Answered]
    ) -> dict[str, Any]:
        reranker = draft.levers.reranker or self.retriever.reranker
        return fields(
            draft,
            generation,
            told,
            pack=draft.levers.applied(self.pack),
            reranker=reranker.fingerprint if reranker else None,
            pseudonym=self.traces.pseudonym(draft.principal),
            at=self.now(),
        )


def _said(text: str, minted: Sequence[Citation]) -> Iterator[AnswerEvent]:
    for citation in minted:
        yield AnswerEvent(event="citation", data=citation.model_dump())
    if text:
        yield AnswerEvent(event="token", data={"text": text})


def _support(claims: Sequence[Claim]) -> dict[str, Any]:
    """What may be shown of the claims: a removed one is counted and not told."""
    kept = [claim.model_dump() for claim in claims if claim.span]
    return {"support": mean(claims), "claims": kept, "removed": len(claims) - len(kept)}


def _brief(hit: Hit) -> dict[str, Any]:
    payload = hit.payload
    return {
        "rank": hit.rank,
        "document_id": payload.document_id,
        "version": payload.version,
        "title": payload.title,
        "uri": payload.uri,
        "page": payload.page,
    }


def _straight(title: str) -> str:
    """A title that turns nothing around which stands beside it."""
    return _TURNING.sub("", title)


def _closed(text: str) -> str:
    """A quote as a sentence of its own: unwrapped, without bullet, and a table row gets a stop."""
    text = " ".join(text.split()).lstrip("-*•– ")
    return text if text[-1:] in ".!?:;" else f"{text}."
