"""Search latency at scale: `python -m bench.search [PASSAGES_GZ] [COUNT]` prints JSON.

The passages are embedded by hashing (their vectors do not matter to the engine's speed), the
questions by the real encoder, so the figure is what a person waits for.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from uuid import UUID

from rag.backends.bm25 import Bm25Encoder
from rag.backends.qdrant_edge import QdrantEdgeIndex
from rag.backends.sentence_transformers import SentenceTransformersEmbedder
from rag.config import EmbeddingSettings
from rag.domain import RetrievalKnobs
from rag.retrieve.fuse import fuse
from rag.testing.fakes import HashingEmbedder
from rag.types import IndexQuery, Match, Payload, Point

ASKED = 100


async def measure(passages: list[str]) -> dict[str, float]:
    sparse, hashing = Bm25Encoder("en"), HashingEmbedder(384)
    with tempfile.TemporaryDirectory(prefix="ratchet-bench-") as scratch:
        embedder = SentenceTransformersEmbedder(EmbeddingSettings(), Path(scratch) / "cache")
        index = QdrantEdgeIndex(Path(scratch) / "index", 20_000)
        generation = str(UUID(int=1))
        try:
            await index.create(generation, 384)
            started = time.perf_counter()
            for start in range(0, len(passages), 500):
                part = passages[start : start + 500]
                vectors = await hashing.embed_documents(part)
                await index.upsert(
                    generation,
                    [
                        Point.model_construct(
                            dense=vector,
                            sparse=sparse.encode_document(text),
                            payload=_payload(start + offset, text),
                        )
                        for offset, (text, vector) in enumerate(zip(part, vectors, strict=True))
                    ],
                )
            written = time.perf_counter() - started
            started = time.perf_counter()
            await index.optimize(generation)
            optimized = time.perf_counter() - started
            await embedder.warm()
            asked = [" ".join(text.split()[:12]) for text in passages[:: len(passages) // ASKED]]
            figures: dict[str, list[float]] = {"embed": [], "open": [], "filtered": [], "fuse": []}
            only = Match(field="source", any_of=("s1", "s2"))
            for question in asked:
                clock = time.perf_counter()
                dense = await embedder.embed_query(question)
                figures["embed"].append(time.perf_counter() - clock)
                words = sparse.encode_query(question)
                for name, given in (("open", None), ("filtered", only)):
                    clock = time.perf_counter()
                    found = await index.search(
                        generation,
                        IndexQuery(
                            dense=dense,
                            sparse=words,
                            readers=frozenset({"everyone", "user:a", "group:b"}),
                            filter=given,
                            limit=50,
                        ),
                    )
                    figures[name].append(time.perf_counter() - clock)
                clock = time.perf_counter()
                fuse(found, RetrievalKnobs())
                figures["fuse"].append(time.perf_counter() - clock)
        finally:
            await index.aclose()
            await embedder.aclose()
    milliseconds = {f"{name}_p50_ms": round(1000 * median(v), 3) for name, v in figures.items()}
    return {
        "passages": len(passages),
        "upserts_per_s": round(len(passages) / written, 1),
        "optimize_s": round(optimized, 1),
        **milliseconds,
    }


def _payload(number: int, text: str) -> Payload:
    return Payload(
        chunk_id=str(UUID(int=number)),
        document_id=str(UUID(int=number // 5)),
        version=1,
        source=f"s{number % 10}",
        readers=("everyone",) if number % 3 else ("group:b",),
        language="en",
        title=f"Document {number // 5}",
        uri=f"file:///{number // 5}",
        text=text[:1500],
        header=f"Document {number // 5}",
        ordinal=number % 5,
        start=0,
        end=len(text),
    )


def read(path: Path, count: int) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [f"{row.get('title', '')} {row['text']}" for row in rows[:count]]


if __name__ == "__main__":
    source = Path(sys.argv[1])
    print(json.dumps(asyncio.run(measure(read(source, int(sys.argv[2])))), indent=2))
