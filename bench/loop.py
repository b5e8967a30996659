# pyright: basic
"""What ratings are worth: `python -m bench.loop FOLDER [--cache FILE]` prints JSON lines.

FOLDER is a BEIR data set with a train and a test split (SciFact). People ask the train questions
and rate what was shown; then the test questions are asked. Raters are simulated from the qrels, as
`LOOP` tells: right unless they are adversaries, and clicking by rank. Search, fusion, memory and
gate are the real ones; documents count by their best chunk. `--cache` keeps the lists that were
found, which take minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from rag.app.composition import _embedder
from rag.backends.bm25 import Bm25Encoder
from rag.backends.qdrant_edge import QdrantEdgeIndex
from rag.candidates import Asked, Rules
from rag.config import load
from rag.domain import RetrievalKnobs
from rag.ingest.chunking import StructureChunker
from rag.learn import retrieval
from rag.learn.clicking import Clicks, looks
from rag.learn.gate import interval, judged
from rag.learn.remembering import MISSED, SPEC, Rated, fitted
from rag.protocols import Embedder
from rag.retrieve.fuse import Ranked, fuse, remembered
from rag.retrieve.memory import NOTES, Memory, MemoryKnobs, Note, Vote, boosts
from rag.store.events import Event
from rag.types import EVERYONE, IndexQuery, Payload, Point, SparseVector

SHOWN = 10
SEEDS = range(5)
NOVEL = 0.7
GENERATION = str(uuid5(NAMESPACE_URL, "bench/loop"))
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
Votes = list[dict[str, list[Vote]]]
"""For each question that was rated: what people found of documents."""


class Questions:
    """One split: texts, vectors, fused lists of documents, and which are relevant."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self.vectors = np.array(found["vectors"], dtype=np.float32)
        self.lists = [
            [Ranked(d, s, n, (), "dbsf") for n, (d, s) in enumerate(one, 1)]
            for one in found["lists"]
        ]
        self.relevant = [set(one) for one in found["relevant"]]


def ndcg(ranked: Iterable[str], relevant: set[str]) -> float:
    gains = [1 / np.log2(n + 2) for n, one in enumerate(ranked) if one in relevant and n < SHOWN]
    best = sum(1 / np.log2(n + 2) for n in range(min(SHOWN, len(relevant))))
    return float(sum(gains) / best)


# --- what people do ---


def rated(
    asked: Questions, seed: int, *, share: float = 1.0, adversaries: float = 0.0,
    missing: bool = False, sly: bool = False,
) -> Votes:  # fmt: skip
    """Each question is rated by one person: every document shown, right unless an adversary, who
    says the opposite of all or, sly, praises one wrong document as if it were the right one."""
    rng = np.random.default_rng(seed)
    found: Votes = []
    for n, (ranked, relevant) in enumerate(zip(asked.lists, asked.relevant, strict=True)):
        votes: dict[str, list[Vote]] = {}
        if rng.random() < share:
            sign = -1.0 if rng.random() < adversaries else 1.0
            shown = [one.chunk_id for one in ranked[:SHOWN]]
            wrong = [one for one in shown if one not in relevant]
            praised = {one for one in shown if (one in relevant) == (sign > 0)}
            if sly and sign < 0 and wrong:
                praised = {rng.choice(wrong)}
            for one in shown:
                votes[one] = [Vote(f"p{n}", 1.0 if one in praised else -1.0, f"e{n}")]
            for one in relevant.difference(shown) if missing and sign > 0 else ():
                votes[one] = [Vote(f"p{n}", MISSED, f"e{n}")]
        found.append(votes)
    return found


def clicked(asked: Questions, seed: int, *, corrected: bool, people: int = 20) -> Votes:
    """Twenty look at each question, at rank r with a chance of 1/r, and click on what is relevant,
    or wrongly one time of ten. Corrected: as the product does. Naive: everybody looked at all."""
    rng = np.random.default_rng(seed)
    found: Votes = []
    for n, (ranked, relevant) in enumerate(zip(asked.lists, asked.relevant, strict=True)):
        opened: dict[str, Any] = {}
        for rank, one in enumerate(ranked[:SHOWN], 1):
            looks = rng.random(people) < 1 / rank
            wants = rng.random(people) < (0.9 if one.chunk_id in relevant else 0.1)
            opened[one.chunk_id] = looks & wants
        found.append(_corrected(str(n), opened) if corrected else _naive(opened))
    return found


def _naive(opened: Mapping[str, Any]) -> dict[str, list[Vote]]:
    # Nobody's twice: whoever finds several useful shares one vote among them.
    return {
        name: [Vote(f"up {name}", float(of.sum()), "e"), Vote("down", -float((~of).sum()), "e")]
        for name, of in opened.items()
    }


def _corrected(question: str, opened: Mapping[str, Any]) -> dict[str, list[Vote]]:
    cited = {"id": question, "citations": [{"chunk_id": one} for one in opened], "hits": []}
    clicks = Clicks(SPEC.per_rater)
    clicks.add(
        looks(
            cited,
            question,
            [
                Event(
                    f"{question} {person} {name}", question, None, str(person), BEGINNING, "user",
                    "click", None, {"chunk_id": name}, None, ("retrieval",), "raw", str(person),
                )
                for name, of in opened.items()
                for person in np.flatnonzero(of).tolist()
            ],
        )
    )  # fmt: skip
    votes: dict[str, list[Vote]] = {}
    for one in clicks.votes():
        said = Vote(one.actor, one.vote.value, one.vote.feedback_id)
        votes.setdefault(one.vote.chunk_id, []).append(said)
    return votes


# --- what is learned, and what it is worth ---


def notes_of(votes: Votes) -> list[tuple[Note, ...]]:
    return [
        tuple(Note(chunk_id=one, votes=tuple(of)) for one, of in sorted(each.items()))
        for each in votes
    ]


def measure(
    train: Questions, test: Questions, votes: Votes, knobs: MemoryKnobs
) -> tuple[np.ndarray, np.ndarray]:
    """nDCG@10 of every test question, without the memory and with it."""
    near = test.vectors @ train.vectors.T
    notes = notes_of(votes)
    before, after = [], []
    for n, (ranked, relevant) in enumerate(zip(test.lists, test.relevant, strict=True)):
        places = [m for m in np.flatnonzero(near[n] >= knobs.gate) if notes[m]]
        places.sort(key=lambda m: -near[n, m])
        moved = boosts([(float(near[n, m]), notes[m]) for m in places[:32]], knobs)
        before.append(ndcg((one.chunk_id for one in ranked), relevant))
        better = remembered(ranked, moved, found_only=False)
        after.append(ndcg((one.chunk_id for one in better), relevant))
    return np.array(before), np.array(after)


def fit(train: Questions, votes: Votes) -> MemoryKnobs:
    """How near and how far, as the product finds it from these very ratings."""
    knobs, _ = fitted(
        [
            Rated(
                vector.astype(np.float16).tobytes(),
                [(one.chunk_id, one.score) for one in ranked[:SHOWN]],
                notes,
            )
            for vector, ranked, notes in zip(
                train.vectors, train.lists, notes_of(votes), strict=True
            )
            if notes
        ]
    )
    return knobs


def told(before: np.ndarray, after: np.ndarray, novel: np.ndarray) -> dict[str, Any]:
    gain = interval(after - before, 0.025)
    return {
        "before": round(float(before.mean()), 4),
        "after": round(float(after.mean()), 4),
        "gain": round(gain.mean, 4),
        "low": round(gain.low, 4),
        "high": round(gain.high, 4),
        "p": round(gain.p, 5),
        "novel": round(float((after - before)[novel].mean()), 4),
    }


def memory(train: Questions, test: Questions) -> Iterable[tuple[str, Any]]:
    near = test.vectors @ train.vectors.T
    shares = np.array([[bool(one & other) for other in train.relevant] for one in test.relevant])
    novel = (near.max(axis=1) <= NOVEL) & ~shares.any(axis=1)
    knobs = fit(train, rated(train, 0))
    yield "knobs", {**knobs.model_dump(), "novel": int(novel.sum())}
    # The most that can be gained: everything relevant to a near question is known.
    known = [
        set().union(*(train.relevant[m] for m in np.flatnonzero(near[n] >= knobs.gate)))
        for n in range(len(test.lists))
    ]
    best = [
        ndcg([*(one & relevant), *(r.chunk_id for r in ranked if r.chunk_id not in one)], relevant)
        for one, ranked, relevant in zip(known, test.lists, test.relevant, strict=True)
    ]
    plans: dict[str, Callable[[int], Votes]] = {
        "all shown are rated": lambda seed: rated(train, seed),
        "and what was missing": lambda seed: rated(train, seed, missing=True),
        "a quarter is rated": lambda seed: rated(train, seed, share=0.25),
        "a tenth is rated": lambda seed: rated(train, seed, share=0.1),
        "30% adversaries": lambda seed: rated(train, seed, adversaries=0.3),
        "30% sly ones": lambda seed: rated(train, seed, adversaries=0.3, sly=True),
        "clicks, naive": lambda seed: clicked(train, seed, corrected=False),
        "clicks, corrected": lambda seed: clicked(train, seed, corrected=True),
    }
    for name, plan in plans.items():
        runs, fits = [], []
        for seed in SEEDS:
            votes = plan(seed)
            fits.append(fit(train, votes))
            runs.append(measure(train, test, votes, fits[-1]))
        before = runs[0][0]
        after = np.mean([one for _, one in runs], axis=0)
        each = [round(float((one - before).mean()), 4) for _, one in runs]
        yield name, {
            **told(before, after, novel), "by_seed": each,
            "gates": [one.gate for one in fits], "strengths": [one.strength for one in fits],
        }  # fmt: skip
    before, _ = measure(train, test, rated(train, 0), knobs)
    yield "the most there is", {"gain": round(float(np.mean(best) - before.mean()), 4)}
    # The gate on the same: near questions and new ones, by time.
    before, after = measure(train, test, rated(train, 0), knobs)
    started = time.perf_counter()
    report = judged(
        [
            Asked(
                id=str(n),
                stratum="novel" if novel[n] else "near_duplicate",
                before=float(before[n]),
                after=float(after[n]),
            )
            for n in range(len(before))
        ],
        look=1,
        rules=Rules(),
    )
    seconds = time.perf_counter() - started
    yield "gate on the memory", {
        "outcome": report.outcome, "why": report.why, "seconds": round(seconds, 2),
    }  # fmt: skip


def same_against_same(draws: int) -> dict[str, Any]:
    """How often a gate lets through what is no better: 300 questions, differences of chance."""
    rng = np.random.default_rng(0)
    strata = ("repeat", "near_duplicate", "novel")
    outcomes: dict[str, int] = {}
    for _ in range(draws):
        asked = [
            Asked(id=str(n), stratum=strata[n % 3], before=0.6, after=0.6 + float(difference))  # type: ignore[arg-type]
            for n, difference in enumerate(rng.normal(0, 0.115, 300))
        ]
        outcome = judged(asked, look=1, rules=Rules()).outcome
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    return {"draws": draws, **outcomes}


async def latency(train: Questions, knobs: MemoryKnobs, votes: Votes) -> dict[str, Any]:
    """How long a recall takes and a rebuild, in the vector store, of all questions rated."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        index = QdrantEdgeIndex(Path(scratch), 10_000)
        try:
            id = str(uuid5(NAMESPACE_URL, "memory"))
            points = [
                Point.model_construct(
                    dense=tuple(float(x) for x in train.vectors[n]),
                    sparse=SparseVector(indices=(), values=()),
                    payload=_payload(id, n, NOTES.dump_json(notes).decode()),
                )
                for n, notes in enumerate(notes_of(votes))
            ]
            started = time.perf_counter()
            await index.create(id, train.vectors.shape[1])
            await index.upsert(id, points)
            written = time.perf_counter() - started
            changes: list[float] = []
            for point in points[:50]:
                since = time.perf_counter()
                await index.upsert(id, [point])
                changes.append(time.perf_counter() - since)
            recalling = Memory(id, index, knobs)
            laps: list[float] = []
            for vector in np.tile(train.vectors, (2, 1))[:1_000]:
                since = time.perf_counter()
                await recalling.recall([float(x) for x in vector])
                laps.append(time.perf_counter() - since)
        finally:
            await index.aclose()
    return {
        "questions": len(points),
        "written_s": round(written, 3),
        "one_changed_ms_p50": round(1_000 * statistics.median(changes), 2),
        "recall_ms_p50": round(1_000 * statistics.median(laps), 3),
        "recall_ms_p95": round(1_000 * statistics.quantiles(laps, n=20)[18], 3),
    }


def _payload(id: str, n: int, text: str) -> Payload:
    return Payload(
        chunk_id=str(uuid5(NAMESPACE_URL, f"{id} {n}")), document_id=str(n), version=0,
        source="memory", readers=(EVERYONE,), language="und", title="", uri="", text=text,
        header="", ordinal=0, start=0, end=0,
    )  # fmt: skip


# --- the lists ---


class Indexed(NamedTuple):
    """A BEIR collection in an index of its own."""

    index: QdrantEdgeIndex
    embedder: Embedder
    sparse: Bm25Encoder
    owners: dict[str, str]
    """The document of each passage."""


@asynccontextmanager
async def indexed(folder: Path) -> AsyncGenerator[Indexed]:
    """Chunked, embedded and indexed as the product does it; gone in the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        settings = load(Path(scratch))
        embedder, sparse = _embedder(settings), Bm25Encoder("en")
        index = QdrantEdgeIndex(Path(scratch) / "index", settings.index.optimize_above)
        chunker = StructureChunker(embedder, settings.chunking)
        owner: dict[str, str] = {}
        try:
            await index.create(GENERATION, embedder.dimension)
            batch: list[tuple[str, Any]] = []
            for name, document in retrieval._documents(folder):
                batch += [(name, chunk) for chunk in chunker.chunk(document)]
                if len(batch) >= retrieval.BATCH:
                    owner |= await retrieval._write(GENERATION, batch, embedder, sparse, index)
                    batch = []
            owner |= await retrieval._write(GENERATION, batch, embedder, sparse, index)
            yield Indexed(index, embedder, sparse, owner)
        finally:
            await index.aclose()
            await embedder.aclose()


async def lists(folder: Path) -> dict[str, Any]:
    """Both splits, searched in an index of its own."""
    async with indexed(folder) as (index, embedder, sparse, owner):
        found: dict[str, Any] = {}
        for split in ("train", "test"):
            queries, qrels = retrieval._read(folder, split)
            one: dict[str, list[Any]] = {"vectors": [], "lists": [], "relevant": []}
            for name, text in queries.items():
                vector = await embedder.embed_query(text)
                query = IndexQuery(
                    dense=vector, sparse=sparse.encode_query(text),
                    readers=frozenset({EVERYONE}), limit=100,
                )  # fmt: skip
                ranked = fuse(await index.search(GENERATION, query), RetrievalKnobs())
                best = retrieval._best((owner[it.chunk_id], it.score) for it in ranked)
                one["vectors"].append(list(vector))
                one["lists"].append(sorted(best.items(), key=lambda it: (-it[1], it[0])))
                one["relevant"].append(sorted(qrels[name]))
            found[split] = one
        return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--same", type=int, default=1_000)
    asked = parser.parse_args(arguments)
    if asked.cache and asked.cache.exists():
        found = json.loads(asked.cache.read_text())
    else:
        found = asyncio.run(lists(asked.folder))
        if asked.cache:
            asked.cache.write_text(json.dumps(found))
    train, test = Questions(found["train"]), Questions(found["test"])
    for name, result in memory(train, test):
        print(json.dumps({"name": name, **result}), flush=True)
    knobs = MemoryKnobs(gate=0.6, strength=3.0)
    speed = asyncio.run(latency(train, knobs, rated(train, 0)))
    print(json.dumps({"name": "in the vector store", **speed}), flush=True)
    print(json.dumps({"name": "the same against itself", **same_against_same(asked.same)}))


if __name__ == "__main__":
    main()
