# pyright: basic
"""Search latency at scale: `python -m bench.search [PASSAGES_GZ] [COUNT]` prints JSON.

The passages are embedded by hashing (their vectors do not matter to the engine's speed), the
questions by the real encoder; ledger, engine and retriever are the real ones. So `above_embed` is
what a person waits for beyond the embedding of the question.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import qdrant_edge as edge

from rag.backends.bm25 import Bm25Encoder
from rag.backends.qdrant_edge import QdrantEdgeIndex
from rag.backends.qdrant_filter import BODY
from rag.backends.sentence_transformers import SentenceTransformersEmbedder
from rag.config import EmbeddingSettings
from rag.domain import builtin_pack, load_pack
from rag.file_kinds import FileKind
from rag.retrieve.retriever import Retriever
from rag.store.blobs import Blobs
from rag.store.database import Database
from rag.store.ledger import Ledger
from rag.store.placements import NewVersion, chunk_id
from rag.testing.fakes import HashingEmbedder
from rag.types import Filter, IndexQuery, Match, Payload, Point, Principal

ASKED = 100
PER_DOCUMENT = 5
WRITTEN_AT_ONCE = 500
SHOWN = 10
WHO = Principal(id="a", groups=frozenset({"b"}))
ONLY = Match(field="source", any_of=("s1", "s2"))


class Laps(dict[str, list[float]]):
    """Seconds by name."""

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.setdefault(name, []).append(time.perf_counter() - began)

    def medians(self) -> dict[str, float]:
        return {f"{name}_p50_ms": _ms(median(laps)) for name, laps in self.items()}


async def measure(passages: list[str]) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="ratchet-bench-") as folder:
        scratch = Path(folder)
        embedder = SentenceTransformersEmbedder(EmbeddingSettings(), scratch / "cache")
        index = QdrantEdgeIndex(scratch / "index", 20_000)
        database = Database(f"sqlite:///{scratch / 'ratchet.db'}")
        database.migrate()
        ledger = Ledger(database)
        generation = ledger.generations.add("pumps", {}, 384, "live").id
        retriever = Retriever(
            pack=load_pack(builtin_pack("pumps")),
            index=index,
            embedder=embedder,
            sparse=Bm25Encoder("en"),
            ledger=ledger,
            blobs=Blobs(scratch / "blobs"),
        )
        try:
            await index.create(generation, 384)
            began = time.perf_counter()
            await _fill(passages, ledger, index, generation)
            written = time.perf_counter() - began
            await embedder.warm()
            asked = [
                " ".join(text.split()[:12]) for text in passages[:: len(passages) // (2 * ASKED)]
            ]
            queries = [await _query(retriever, question) for question in asked]
            began = time.perf_counter()
            worst = await _search_while_optimizing(index, generation, queries)
            optimized = time.perf_counter() - began
            retrieved = await _retrieve(retriever, generation, asked)
            ours = await _through_index(index, generation, queries)
        finally:
            await index.aclose()
            await embedder.aclose()
            database.close()
        engines = await asyncio.to_thread(_in_process, scratch / "index" / generation, queries)
    return {
        "passages": len(passages),
        "upserts_per_s": round(len(passages) / written, 1),
        "optimize_s": round(optimized, 1),
        "worst_search_while_optimizing_ms": _ms(worst),
        **retrieved.medians(),
        "index_p50_ms": _ms(median(ours)),
        "engine_in_process_p50_ms": _ms(median(engines)),
        "overhead_p50_ms": _ms(median(ours) - median(engines)),
    }


async def _fill(
    passages: Sequence[str], ledger: Ledger, index: QdrantEdgeIndex, generation: str
) -> None:
    sparse, hashing = Bm25Encoder("en"), HashingEmbedder(384)
    source = ledger.sources.add("pumps", "bench", "files", {}).id
    for start in range(0, len(passages), WRITTEN_AT_ONCE):
        part = passages[start : start + WRITTEN_AT_ONCE]
        keys = [(str(n), f"file:///{n}") for n in range(0, len(part), PER_DOCUMENT)]
        keys = [(f"{start}-{key}", uri) for key, uri in keys]
        reserved = ledger.placements.reserve(generation, source, "pumps", keys)
        vectors = await hashing.embed_documents(part)
        owners = list(reserved.values())
        points = [
            Point.model_construct(
                dense=vector,
                sparse=sparse.encode_document(text),
                payload=_payload(*owners[offset // PER_DOCUMENT], start + offset, text),
            )
            for offset, (text, vector) in enumerate(zip(part, vectors, strict=True))
        ]
        await index.upsert(generation, points)
        ledger.placements.commit(generation, [_version(key, *reserved[key]) for key, _ in keys])


async def _query(retriever: Retriever, question: str) -> IndexQuery:
    return IndexQuery(
        dense=await retriever.embedder.embed_query(question),
        sparse=retriever.sparse.encode_query(question),
        readers=WHO.readers,
        limit=retriever.pack.retrieval.candidates,
    )


async def _search_while_optimizing(
    index: QdrantEdgeIndex, generation: str, queries: Sequence[IndexQuery]
) -> float:
    """The longest that a search took, in seconds; one after the other, from start to end."""
    worst, asked = 0.0, 0
    optimizing = asyncio.create_task(index.optimize(generation))
    while not optimizing.done():
        began = time.perf_counter()
        await index.search(generation, queries[asked % len(queries)])
        worst = max(worst, time.perf_counter() - began)
        asked += 1
        await asyncio.sleep(0.005)
    await optimizing
    return worst


async def _retrieve(retriever: Retriever, generation: str, asked: Sequence[str]) -> Laps:
    """The second half of the questions; the first only wakes everything up."""
    laps = Laps()
    given: tuple[tuple[str, Filter | None], ...] = (("open", None), ("filtered", ONLY))
    for number, question in enumerate(asked):
        for name, filter in given:
            began = time.perf_counter()
            found = await retriever.retrieve(
                WHO, question, generation=generation, limit=SHOWN, filter=filter
            )
            whole = time.perf_counter() - began
            if number < len(asked) // 2:
                continue
            embedding = found.timings["embed"] / 1000
            laps.setdefault(f"{name}_above_embed", []).append(whole - embedding)
            if filter is None:
                for stage, took in found.timings.items():
                    laps.setdefault(stage, []).append(took / 1000)
    return laps


async def _through_index(
    index: QdrantEdgeIndex, generation: str, queries: Sequence[IndexQuery]
) -> list[float]:
    laps = Laps()
    for query in queries:
        with laps.lap("ours"):
            found = await index.search(generation, query)
            await index.payloads(generation, [one.chunk_id for one in found.dense[:SHOWN]])
    return laps["ours"][len(queries) // 2 :]


def _in_process(folder: Path, queries: Sequence[IndexQuery]) -> list[float]:
    """The same questions to the engine itself, in this process: what remains is ours."""
    path = max((one for one in folder.iterdir() if one.is_dir()), key=lambda one: int(one.name))
    shard = _opened(path)
    laps = Laps()
    for query in queries:
        readers = edge.Filter(
            must=[edge.FieldCondition("readers", match=edge.MatchAny(sorted(query.readers)))]
        )
        assert query.sparse is not None
        assert query.dense is not None
        terms = edge.SparseVector(list(query.sparse.indices), list(query.sparse.values))
        nearest = (
            edge.Query.Nearest(list(query.dense), using="dense"),
            edge.Query.Nearest(terms, using="bm25"),
        )
        requests = [
            edge.QueryRequest(limit=query.limit + 1, query=one, filter=readers) for one in nearest
        ]
        with laps.lap("engine"):
            dense, _ = shard.query_batch(edge.QueryBatchRequest(requests))
            ids = [point.id for point in dense[:SHOWN]]
            shard.retrieve(ids, with_payload=[BODY], with_vector=False)
    shard.close()
    return laps["engine"][len(queries) // 2 :]


def _opened(path: Path) -> edge.EdgeShard:
    """Once the engine's own process, which ends after its last client, has left it."""
    for _ in range(100):
        try:
            return edge.EdgeShard.load(str(path))
        except Exception:  # noqa: BLE001 -- Edge raises nothing narrower
            time.sleep(0.1)
    return edge.EdgeShard.load(str(path))


def _version(key: str, document_id: str, version: int) -> NewVersion:
    return NewVersion(
        document_id=document_id,
        version=version,
        key=key,
        uri=f"file:///{key}",
        name=key,
        revision="1",
        readers=frozenset({"everyone"}),
        content_hash="0" * 64,
        text_hash="0" * 64,
        title=f"Document {key}",
        media_type="text/plain",
        language="en",
        warnings=(),
        modified_at=None,
        chunks=PER_DOCUMENT,
    )


def _payload(document_id: str, version: int, number: int, text: str) -> Payload:
    ordinal = number % PER_DOCUMENT
    return Payload(
        chunk_id=chunk_id(document_id, version, ordinal),
        document_id=document_id,
        version=version,
        source=f"s{number % 10}",
        readers=("everyone",) if number % 3 else ("group:b",),
        language="en",
        title=f"Document {number // PER_DOCUMENT}",
        uri=f"file:///{number // PER_DOCUMENT}",
        text=text[:1500],
        header=f"Document {number // PER_DOCUMENT}",
        ordinal=ordinal,
        start=0,
        end=len(text),
        file_kind=FileKind.TEXT,
    )


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 3)


def read(path: Path, count: int) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [f"{row.get('title', '')} {row['text']}" for row in rows[:count]]


if __name__ == "__main__":
    source = Path(sys.argv[1])
    print(json.dumps(asyncio.run(measure(read(source, int(sys.argv[2])))), indent=2))
