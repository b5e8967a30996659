"""What made an answer, beside a verdict on it: for whoever judges whether that verdict is right."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rag.errors import NotFound, Unavailable
from rag.store.blobs import Blobs
from rag.store.gaps import Gaps
from rag.store.ledger import Ledger
from rag.types import Citation, Data, Document

LONGEST = 2_000
"""Characters of a passage that are told; all of it stands in its document."""


class FoundPassage(Data):
    """A passage that was found; `text` and `title` are empty where it may not be read, or is kept
    no more."""

    chunk_id: str
    document_id: str
    version: int
    title: str
    text: str
    span: tuple[int, int]
    page: int | None
    rank: int
    in_context: bool
    cited: bool


class Made(Data):
    """Everything that made an answer and may be read."""

    trace_id: str
    at: datetime
    question: str
    standalone: str
    """The question as it was searched for."""
    language: str
    answer: str
    abstained: bool
    citations: tuple[Citation, ...]
    passages: tuple[FoundPassage, ...]
    """As they were ranked."""
    provider: str
    model: str
    prompt: str
    """Of which template, and which version of it; empty where no model was prompted."""
    prompt_sha: str
    generation: str


def made(trace: Mapping[str, Any], ledger: Ledger, blobs: Blobs, gaps: Gaps) -> Made:
    """Of a trace as it is shown to whoever looks."""
    hits = sorted(trace["hits"], key=lambda hit: hit["rank_shown"])
    shown = [hit for hit in hits if not hit.get("removed")]
    digests = ledger.texts({(hit["doc_id"], hit["doc_version"]) for hit in shown})
    titles = gaps.titles({hit["doc_id"] for hit in shown})
    documents = {digest: _document(blobs, digest) for digest in set(digests.values())}
    passages: list[FoundPassage] = []
    for hit in hits:
        start, end = hit["span"]
        at = (hit["doc_id"], hit["doc_version"])
        removed = bool(hit.get("removed"))
        document = None if removed else documents.get(digests.get(at, ""))
        passages.append(
            FoundPassage(
                chunk_id="" if removed else hit["chunk_id"],
                document_id="" if removed else hit["doc_id"],
                version=hit["doc_version"],
                title="" if removed else titles.get(hit["doc_id"], ""),
                text=document.text[start : min(end, start + LONGEST)] if document else "",
                span=(start, end),
                page=_page(document, start) if document else None,
                rank=hit["rank_shown"],
                in_context=hit["in_context"],
                cited=hit["cited"],
            )
        )
    return Made(
        trace_id=trace["id"],
        at=trace["ts"],
        question=trace["query_raw"],
        standalone=trace["query_standalone"],
        language=trace["lang"],
        answer=trace["answer"],
        abstained=trace["abstained"],
        citations=tuple(Citation.model_validate(one) for one in trace["citations"]),
        passages=tuple(passages),
        provider=trace["provider"],
        model=trace["model"],
        prompt=trace["prompt_template_id"],
        prompt_sha=trace["prompt_sha"],
        generation=trace["index_snapshot_id"],
    )


def _document(blobs: Blobs, digest: str) -> Document | None:
    try:
        return blobs.get_document(digest)
    except (NotFound, Unavailable):
        return None


def _page(document: Document, start: int) -> int | None:
    return next((block.page for block in document.blocks if block.start <= start < block.end), None)
