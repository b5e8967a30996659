"""What of an answer is kept: everything that made it, in the words of the trace's columns."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rag.answer.context import repeated
from rag.answer.draft import Draft
from rag.answer.support import mean
from rag.domain import Pack
from rag.store.generations import Generation
from rag.store.traces import Answered, acl_hash, text_hash
from rag.types import Hit, Message


def fields(
    draft: Draft,
    generation: Generation,
    told: Mapping[str, Answered],
    *,
    pack: Pack,
    reranker: str | None,
    pseudonym: str,
    at: datetime,
) -> dict[str, Any]:
    """Every field of the interaction but the consent, in the words of the trace's columns.

    `told` are the answers of before that a model was told, by their text; `pack` is as the release
    has it; `reranker` is a fingerprint.
    """
    card, usage, place = draft.writer.card, draft.usage, draft.place
    levers = draft.levers
    prompt = pack.prompts["answer"]
    cited = {citation.chunk_id for citation in draft.citations}
    given = {hit.payload.chunk_id for hit in draft.given}
    knobs = {
        "retrieval": pack.retrieval.model_dump(mode="json"),
        "answer": pack.answer.model_dump(mode="json"),
    }
    return {
        "id": draft.trace_id,
        "tenant_id": "default",
        "domain": pack.name,
        "thread_id": place.conversation if place else draft.trace_id,
        "turn": place.turn if place else sum(turn.role == "user" for turn in draft.request.history),
        "ts": at,
        "principal_id": draft.principal.id,
        "actor_pseudonym": pseudonym,
        "acl_hash": acl_hash(draft.principal),
        "query_raw": draft.request.question,
        "query_standalone": draft.query,
        "told": sorted({source for one in told.values() for source in one.sources}),
        "lang": pack.language,
        "rendered_messages": [
            _rendered(message, told)
            for message in (*draft.messages[:1], *draft.messages[1 + draft.examples :])
        ],
        "prompt_template_id": f"{pack.name}/{prompt.name}"
        + (f"+{levers.prompt}" if draft.examples else ""),
        "prompt_sha": text_hash(prompt.source + pack.prompts["question"].source),
        "hits": [_traced(hit, given, cited) for hit in draft.hits],
        "index_snapshot_id": generation.id,
        "embedder_rev": str(generation.fingerprint.get("embedder", "")),
        "chunker_rev": str(generation.fingerprint.get("chunker", "")),
        "adapter_id": levers.adapter.id if levers.adapter else None,
        "memory_id": levers.memory.id if levers.memory else None,
        "reranker_id": reranker,
        "retrieval_cfg_sha": text_hash(json.dumps(knobs, sort_keys=True)),
        "explore_policy": "none",
        "provider": card.provider,
        "model": draft.writer.name,
        "fingerprint": f"{card.provider}/{card.model}",
        "lora_id": card.candidate or None,
        "params": dict(card.params),
        "route": _story(draft),
        "answer": draft.text,
        "answer_sha": text_hash(draft.text),
        "abstained": draft.abstained,
        "confidence": draft.evidence.confidence if draft.evidence else 0.0,
        "citations": [citation.model_dump(mode="json") for citation in draft.citations],
        "claims": [claim.model_dump(mode="json") for claim in draft.claims],
        "conflicts": [conflict.model_dump(mode="json") for conflict in draft.conflicts],
        "support": mean(draft.claims),
        "finish_reason": draft.finish,
        "error": draft.error,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cost": usage.cost,
        "latency_ms": round((time.perf_counter() - draft.started) * 1000, 3),
        "timings": draft.timings,
        "cache_key": _cache_key(draft),
        "sibling_ids": [place.beside] if place and place.beside else [],
        "output_training_policy": card.output_training_policy,
        "terms_ref": "",
        "retention_until": None,
    }


def _rendered(message: Message, told: Mapping[str, Answered]) -> dict[str, Any]:
    """A message of the prompt; one that repeats an answer of before names its trace."""
    answer = repeated(message, told) if message.role == "assistant" else None
    return {**message.model_dump(), **({"trace_id": told[answer].trace_id} if answer else {})}


def _story(draft: Draft) -> dict[str, Any]:
    """Who wrote the answer, who the question that stands alone, and who judged the claims."""
    story = draft.writer.story()
    if draft.request.history:
        story["standalone"] = {"by": draft.rewriting}
    if draft.rewriter is not None:
        story["standalone"] |= {"attempts": draft.rewriter.story()["attempts"]}
    if draft.judging:
        story["judge"] = {"by": draft.judging}
    if draft.judge is not None:
        story["judge"] |= {"attempts": draft.judge.story()["attempts"]}
    for one in draft.beside:
        # What was spent is counted even if no model wrote the answer.
        story["price"] = story["price"] or one.story()["price"]
    if draft.side:
        story["candidate"] = dict(draft.side)
    if draft.cached:
        story["cached"] = draft.cached
    return story


def _cache_key(draft: Draft) -> str | None:
    """Of what may be given again: written whole, now, by the model that is asked first."""
    whole = draft.finish == "stop" and not draft.abstained and not draft.cached
    return draft.cache_key or None if whole and draft.writer.as_planned else None


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
