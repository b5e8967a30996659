# pyright: basic
"""How fast texts are embedded, against `SentenceTransformer.encode` in fp32 on the same chunks.

Run `python -m bench.embed`. Runs alternate, so that a busy machine slows both alike.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from rag.backends.encoder import cpu_name, load_network, usable_cores
from rag.backends.local_model import locate
from rag.backends.sentence_transformers import SentenceTransformersEmbedder
from rag.config import ChunkingSettings, EmbeddingSettings
from rag.ingest.chunking import StructureChunker
from rag.testing.chunker import make_document

CORPUS = Path(__file__).parents[2] / "shared" / "data" / "scifact" / "corpus.jsonl"
CHUNKS = 256
RUNS = 5


def documents() -> list[tuple[str, str]]:
    """(title, text) of real abstracts where they are on this machine, else of made-up ones."""
    if CORPUS.is_file():
        with CORPUS.open(encoding="utf-8") as lines:
            rows = [json.loads(next(lines)) for _ in range(CHUNKS)]
        return [(row["title"], row["text"]) for row in rows]
    sentence = "Pump {n} was serviced after {n}00 hours because the shaft seal leaked at {n} bar. "
    return [
        (f"Incident report {n}", "".join(sentence.format(n=n + i) for i in range(4 + n % 12)))
        for n in range(CHUNKS)
    ]


def chunked(embedder: SentenceTransformersEmbedder) -> tuple[list[str], float]:
    """The texts to embed, and the seconds that parsing text into chunks took."""
    chunker = StructureChunker(embedder, ChunkingSettings())
    chunker.chunk(make_document([("text", 0, "Loads the sentence model.")]))
    started = time.perf_counter()
    chunks = [
        chunk
        for title, text in documents()
        for chunk in chunker.chunk(make_document([("text", 0, text)], title))
    ]
    seconds = (time.perf_counter() - started) * CHUNKS / len(chunks)
    return [f"{chunk.header}\n{chunk.text}" for chunk in chunks[:CHUNKS]], seconds


def run() -> dict[str, Any]:
    """Medians in chunks per second, their ratio, and how alike the vectors are."""
    with TemporaryDirectory() as cache, asyncio.Runner() as loop:
        embedder = SentenceTransformersEmbedder(EmbeddingSettings(), Path(cache))
        texts, chunking = chunked(embedder)
        # Each of our threads has begun before the library is given every core.
        loop.run(embedder.embed_documents(texts))
        folder = locate("all-MiniLM-L6-v2", "", False, Path(cache))
        plain = load_network(folder, "SentenceTransformer")
        # The library's own way: each operation over all cores.
        torch.set_num_threads(usable_cores())
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(RUNS):
            started = time.perf_counter()
            vectors = loop.run(embedder.embed_documents(texts))
            ours.append(len(texts) / (time.perf_counter() - started))
            started = time.perf_counter()
            reference = plain.encode(texts, normalize_embeddings=True, show_progress_bar=False)
            theirs.append(len(texts) / (time.perf_counter() - started))
        choice = embedder.choice
        loop.run(embedder.aclose())
    alike = (np.asarray(vectors) * reference).sum(axis=1)
    counts = embedder.count_tokens(texts)
    return {
        "cpu": cpu_name(),
        "threads": usable_cores(),
        "chunks": len(texts),
        "mean_tokens": round(sum(counts) / len(counts), 1),
        "precision": choice and choice.precision,
        "budget": choice and choice.budget,
        "ours_per_s": round(median(ours), 1),
        "plain_fp32_per_s": round(median(theirs), 1),
        "ratio": round(median(o / t for o, t in zip(ours, theirs, strict=True)), 3),
        "least_cosine": round(float(alike.min()), 6),
        "chunking_share": round(chunking / (len(texts) / median(ours)), 4),
    }


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=1)
    sys.stdout.write("\n")
