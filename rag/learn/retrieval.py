"""Measures retrieval on a BEIR folder, through the same chunker, encoders, index and fusion."""

from __future__ import annotations

import asyncio
import csv
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from uuid import NAMESPACE_URL, uuid5

import ir_measures
from ir_measures import RR, R, nDCG

from rag.domain import RetrievalKnobs
from rag.errors import InvalidInput
from rag.ingest.write import embedded_text
from rag.protocols import Chunker, Embedder, Index, SparseEncoder
from rag.retrieve.fuse import fuse
from rag.types import (
    EVERYONE,
    Block,
    Chunk,
    Document,
    IndexQuery,
    Payload,
    Point,
    Progress,
)

BATCH = 512
MEASURES = {"ndcg@10": nDCG @ 10, "recall@10": R @ 10, "recall@100": R @ 100, "mrr@10": RR @ 10}
# Enough chunks that a hundred documents remain when several are of one document.
DEPTH = 300


async def evaluate_beir(
    folder: Path,
    split: str,
    *,
    embedder: Embedder,
    sparse: SparseEncoder,
    index: Index,
    chunker: Chunker,
    knobs: RetrievalKnobs,
    progress: Callable[[Progress], None],
) -> Mapping[str, Any]:
    """Means over the queries of the split; dense and BM25 alone beside the fused list.

    A document's score is its best chunk's. Raises InvalidInput where the folder is not BEIR.
    """
    started = time.monotonic()
    queries, qrels = await asyncio.to_thread(_read, folder, split)
    generation = str(uuid5(NAMESPACE_URL, str(folder)))
    await index.create(generation, embedder.dimension)
    documents = 0
    owner: dict[str, str] = {}
    batch: list[tuple[str, Chunk]] = []
    for document_id, document in _documents(folder):
        documents += 1
        batch.extend((document_id, chunk) for chunk in chunker.chunk(document))
        if len(batch) >= BATCH:
            owner |= await _write(generation, batch, embedder, sparse, index)
            batch = []
            progress(Progress(phase="index", done=documents))
    owner |= await _write(generation, batch, embedder, sparse, index)
    runs: dict[str, dict[str, dict[str, float]]] = {"fused": {}, "dense": {}, "bm25": {}}
    for done, (query_id, text) in enumerate(queries.items(), 1):
        candidates = await index.search(
            generation,
            IndexQuery(
                dense=await embedder.embed_query(text),
                sparse=sparse.encode_query(text),
                readers=frozenset({EVERYONE}),
                limit=DEPTH,
            ),
        )
        lists = (
            ("fused", fuse(candidates, knobs)),
            ("dense", candidates.dense),
            ("bm25", candidates.sparse),
        )
        for name, ranked in lists:
            runs[name][query_id] = _best((owner[one.chunk_id], one.score) for one in ranked)
        progress(Progress(phase="query", done=done, total=len(queries)))
    measured = {name: _measure(qrels, run) for name, run in runs.items()}
    return {
        **measured["fused"],
        "queries": len(queries),
        "documents": documents,
        "seconds": round(time.monotonic() - started, 3),
        "chunks": len(owner),
        "dense": measured["dense"],
        "bm25": measured["bm25"],
    }


async def _write(
    generation: str,
    batch: Sequence[tuple[str, Chunk]],
    embedder: Embedder,
    sparse: SparseEncoder,
    index: Index,
) -> dict[str, str]:
    """Which document each chunk is of."""
    texts = [embedded_text(chunk) for _, chunk in batch]
    vectors = await embedder.embed_documents(texts)
    points = [
        Point.model_construct(
            dense=vector,
            sparse=sparse.encode_document(text),
            payload=_payload(document_id, chunk),
        )
        for (document_id, chunk), text, vector in zip(batch, texts, vectors, strict=True)
    ]
    await index.upsert(generation, points)
    return {point.payload.chunk_id: point.payload.document_id for point in points}


def _payload(document_id: str, chunk: Chunk) -> Payload:
    return Payload(
        chunk_id=str(uuid5(NAMESPACE_URL, f"{document_id}/{chunk.ordinal}")),
        document_id=document_id,
        version=1,
        source="beir",
        readers=(EVERYONE,),
        language="und",
        title=chunk.header,
        uri="",
        text=chunk.text,
        header=chunk.header,
        ordinal=chunk.ordinal,
        start=chunk.start,
        end=chunk.end,
    )


def _best(scored: Iterator[tuple[str, float]]) -> dict[str, float]:
    best: dict[str, float] = {}
    for document_id, score in scored:
        best[document_id] = max(score, best.get(document_id, score))
    return best


def _measure(
    qrels: Mapping[str, Mapping[str, int]], run: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    # The library ships no types.
    found: dict[Any, float] = cast(Any, ir_measures).calc_aggregate(
        list(MEASURES.values()), qrels, run
    )
    return {name: round(found[measure], 4) for name, measure in MEASURES.items()}


def _documents(folder: Path) -> Iterator[tuple[str, Document]]:
    for row in _rows(folder / "corpus.jsonl"):
        title, text = row.get("title") or "", row["text"]
        yield (
            row["_id"],
            Document(
                title=title,
                text=text,
                blocks=(Block(kind="text", start=0, end=len(text)),) if text.strip() else (),
                media_type="text/plain",
            ),
        )


def _read(folder: Path, split: str) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    path = folder / "qrels" / f"{split}.tsv"
    if not path.exists():
        known = sorted(one.stem for one in (folder / "qrels").glob("*.tsv"))
        raise InvalidInput(
            f"{folder} has no split '{split}'.",
            hint=f"It has: {', '.join(known)}." if known else "A BEIR folder has qrels/*.tsv.",
        )
    qrels: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            qrels.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    texts = {row["_id"]: row["text"] for row in _rows(folder / "queries.jsonl")}
    return {query_id: texts[query_id] for query_id in qrels if query_id in texts}, qrels


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                if line.strip():
                    yield json.loads(line)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be read as JSON lines: {error}.") from error
