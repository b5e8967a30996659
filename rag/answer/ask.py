"""Ask: question -> hits -> evidence -> context -> generate -> Answer, and its trace saved whole."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import structlog

from rag.answer.citations import Markers, cite_sentence, spoken
from rag.answer.context import assemble, passage_text
from rag.answer.evidence import Evidence, Selector
from rag.answer.followup import standalone
from rag.answer.inert import Inert, addresses
from rag.answer.support import Checker, mean, supported
from rag.domain import Pack
from rag.models.writer import Writer
from rag.retrieve.expand import gist
from rag.retrieve.retriever import Retriever
from rag.store.generations import Generation
from rag.store.traces import Traces, acl_hash
from rag.types import (
    Answer,
    AnswerEvent,
    AskRequest,
    Citation,
    Claim,
    Hit,
    Message,
    Principal,
    utc_now,
)

log = structlog.get_logger(__name__)


@dataclass
class _Draft:
    """An answer in the making."""

    trace_id: str
    principal: Principal
    request: AskRequest
    query: str
    writer: Writer
    started: float
    hits: Sequence[Hit] = ()
    given: Sequence[Hit] = ()
    messages: Sequence[Message] = ()
    evidence: Evidence | None = None
    text: str = ""
    citations: list[Citation] = field(default_factory=list[Citation])
    claims: list[Claim] = field(default_factory=list[Claim])
    abstained: bool = False
    timings: dict[str, float] = field(default_factory=dict[str, float])
    finish: str = "stop"
    error: str = ""

    def lap(self, stage: str, since: float) -> None:
        self.timings[stage] = round((time.perf_counter() - since) * 1000, 3)


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
        chunker_revision: str,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.pack = pack
        self.retriever = retriever
        self.selector = selector
        self.checker = checker
        self.traces = traces
        self.chunker_revision = chunker_revision
        self.now = now

    async def stream(
        self,
        principal: Principal,
        request: AskRequest,
        generation: Generation,
        writer: Writer,
        *,
        record: bool = True,
    ) -> AsyncGenerator[AnswerEvent]:
        """Events up to `answer`. Raises ModelError when no model of the writer's could answer.

        The trace is saved however it ends, unless `record` is off, as when an evaluation asks; what
        it cost is counted all the same.
        """
        draft = _Draft(
            trace_id=str(uuid4()),
            principal=principal,
            request=request,
            query=gist(standalone(request.question, request.history)),
            writer=writer,
            started=time.perf_counter(),
        )
        try:
            yield AnswerEvent(event="started", data={"trace_id": draft.trace_id})
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
            await self._save(draft, generation, record)
            yield AnswerEvent(event="answer", data=answer.model_dump())
        except BaseException as error:
            # A client that leaves cancels us: what was made so far is still on record.
            draft.finish = "cancelled" if not isinstance(error, Exception) else "error"
            draft.error = f"{type(error).__name__}: {error}"
            if draft.timings.get("total") is None:
                await asyncio.shield(self._save(draft, generation, record))
            raise

    async def _retrieve(self, draft: _Draft, generation: Generation) -> None:
        knobs = self.pack.retrieval
        result = await self.retriever.retrieve(
            draft.principal,
            draft.query,
            generation=generation.id,
            limit=knobs.limit,
            filter=draft.request.filter,
        )
        draft.timings.update(result.timings)
        since = time.perf_counter()
        draft.hits = await self.retriever.widen(result.hits)
        draft.lap("widen", since)
        since = time.perf_counter()
        draft.evidence = await self.selector.select(
            self._asked(draft, result.queries),
            self.retriever.expander.words(draft.query),
            draft.hits,
            self.pack.answer.max_sentences,
        )
        draft.lap("evidence", since)

    @staticmethod
    def _asked(draft: _Draft, queries: Sequence[str]) -> list[str]:
        return [draft.query, *(query for query in queries if query != draft.query)]

    async def _pieces(self, draft: _Draft) -> AsyncGenerator[tuple[str, list[Citation]]]:
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

    async def _generate(self, draft: _Draft) -> AsyncGenerator[tuple[str, list[Citation]]]:
        since = time.perf_counter()
        draft.messages, draft.given = assemble(
            self.pack,
            draft.request.question,
            draft.hits,
            draft.request.history,
            draft.writer.count_tokens,
            min(self.pack.answer.context_tokens, draft.writer.room),
        )
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

    async def _check(self, draft: _Draft) -> None:
        """Give every claim its verdict; an answer of which nothing may stay is an abstention."""
        if draft.abstained:
            return
        since = time.perf_counter()
        draft.claims = await self.checker.check(draft.text, draft.citations, draft.given)
        if self.pack.answer.unsupported == "remove":
            draft.text, draft.claims = supported(draft.text, draft.claims)
            if not any(claim.span for claim in draft.claims):
                draft.abstained = True
                draft.text = self._not_known(draft)
            used = {n for claim in draft.claims if claim.span for n in claim.citations}
            draft.citations = [one for one in draft.citations if one.n in used]
        draft.lap("support", since)

    def _not_known(self, draft: _Draft) -> str:
        titles = list(dict.fromkeys(hit.payload.title for hit in draft.hits))[:5]
        return self.pack.prompts["abstain"].render(question=draft.request.question, searched=titles)

    def _answer(self, draft: _Draft) -> Answer:
        return Answer(
            answer=draft.text,
            citations=tuple(draft.citations),
            abstained=draft.abstained,
            confidence=round(draft.evidence.confidence, 4) if draft.evidence else 0.0,
            claims=tuple(claim for claim in draft.claims if claim.span),
            support=mean(draft.claims),
            removed=sum(claim.span is None for claim in draft.claims),
            searched=tuple(dict.fromkeys(hit.payload.title for hit in draft.hits)),
            trace_id=draft.trace_id,
            model=draft.writer.name,
            timings=draft.timings,
            usage=draft.writer.usage,
        )

    async def _save(self, draft: _Draft, generation: Generation, record: bool) -> None:
        fields = self._trace(draft, generation)
        await asyncio.to_thread(self.traces.save if record else self.traces.count, fields)

    def _trace(self, draft: _Draft, generation: Generation) -> dict[str, Any]:
        """Every field of the interaction but the consent, in the words of the trace's columns."""
        card, usage = draft.writer.card, draft.writer.usage
        prompt = self.pack.prompts["answer"]
        cited = {citation.chunk_id for citation in draft.citations}
        given = {hit.payload.chunk_id for hit in draft.given}
        knobs = {
            "retrieval": self.pack.retrieval.model_dump(mode="json"),
            "answer": self.pack.answer.model_dump(mode="json"),
        }
        reranker = self.retriever.reranker
        return {
            "id": draft.trace_id,
            "tenant_id": "default",
            "domain": self.pack.name,
            "thread_id": draft.trace_id,
            "turn": sum(turn.role == "user" for turn in draft.request.history),
            "ts": self.now(),
            "principal_id": draft.principal.id,
            "actor_pseudonym": self.traces.pseudonym(draft.principal),
            "acl_hash": acl_hash(draft.principal),
            "query_raw": draft.request.question,
            "query_standalone": draft.query,
            "lang": self.pack.language,
            "rendered_messages": [message.model_dump() for message in draft.messages],
            "prompt_template_id": f"{self.pack.name}/{prompt.name}",
            "prompt_sha": _sha(prompt.source + self.pack.prompts["question"].source),
            "hits": [_traced(hit, given, cited) for hit in draft.hits],
            "index_snapshot_id": generation.id,
            "embedder_rev": str(generation.fingerprint.get("embedder", "")),
            "chunker_rev": self.chunker_revision,
            "adapter_id": None,
            "reranker_id": reranker.fingerprint if reranker else None,
            "retrieval_cfg_sha": _sha(json.dumps(knobs, sort_keys=True)),
            "explore_policy": "none",
            "provider": card.provider,
            "model": draft.writer.name,
            "fingerprint": f"{card.provider}/{card.model}",
            "lora_id": None,
            "params": dict(card.params),
            "route": draft.writer.story(),
            "answer": draft.text,
            "answer_sha": _sha(draft.text),
            "abstained": draft.abstained,
            "confidence": draft.evidence.confidence if draft.evidence else 0.0,
            "citations": [citation.model_dump(mode="json") for citation in draft.citations],
            "claims": [claim.model_dump(mode="json") for claim in draft.claims],
            "support": mean(draft.claims),
            "finish_reason": draft.finish,
            "error": draft.error,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cost": usage.cost,
            "latency_ms": round((time.perf_counter() - draft.started) * 1000, 3),
            "timings": draft.timings,
            "sibling_ids": [],
            "output_training_policy": card.output_training_policy,
            "terms_ref": "",
            "retention_until": None,
        }


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


def _traced(hit: Hit, given: set[str], cited: set[str]) -> dict[str, Any]:
    payload = hit.payload
    return {
        "chunk_id": payload.chunk_id,
        "doc_id": payload.document_id,
        "doc_version": payload.version,
        "span": [payload.start, payload.end],
        "context_span": [hit.context_start, hit.context_start + len(hit.context)]
        if hit.context
        else [payload.start, payload.end],
        "scores": [score.model_dump(mode="json") for score in hit.scores],
        "rank_retrieved": hit.rank,
        "rank_shown": hit.rank,
        "in_context": payload.chunk_id in given,
        "cited": payload.chunk_id in cited,
        "propensity": 1.0,
    }


def _closed(text: str) -> str:
    """A quote as a sentence of its own: unwrapped, without bullet, and a table row gets a stop."""
    text = " ".join(text.split()).lstrip("-*•– ")
    return text if text[-1:] in ".!?:;" else f"{text}."


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
