# pyright: basic
"""What trees that order hits are worth: `python -m bench.reranker FOLDER [--cache FILE]`.

FOLDER is a BEIR data set with a train and a test split (SciFact). Each question is searched as the
product searches; one person rates the best passage of each of the first ten documents, rightly.
Leak-free: in five folds of clusters (a shared document, or questions at a cosine above .8), each
ordered by what the product's own fit makes of the others. `--cache` keeps what was found.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pickle
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.adapter import clusters, told
from bench.loop import GENERATION, SHOWN, indexed, ndcg
from rag.backends.lambdamart import LambdaMartReranker, features, trees_of
from rag.candidates import Asked as Measured
from rag.candidates import Rules
from rag.domain import RetrievalKnobs
from rag.learn import retrieval
from rag.learn.gate import judged
from rag.learn.ranking import TREES, Asked, _grown, ranked, scored
from rag.retrieve.fuse import fuse
from rag.types import EVERYONE, Hit, IndexQuery

DEPTH = RetrievalKnobs().candidates
FOLDS = 5
SEED = 1


async def found(folder: Path) -> dict[str, Any]:
    """Every question with its hits, before a reranker."""
    kept: list[tuple[str, Any, Sequence[Hit], list[str]]] = []
    async with indexed(folder) as (index, embedder, sparse, owner):
        for split in ("train", "test"):
            texts, qrels = retrieval._read(folder, split)
            for name, text in texts.items():
                vector = await embedder.embed_query(text)
                query = IndexQuery(
                    dense=vector, sparse=sparse.encode_query(text),
                    readers=frozenset({EVERYONE}), limit=DEPTH,
                )  # fmt: skip
                best = fuse(await index.search(GENERATION, query), RetrievalKnobs())[:DEPTH]
                payloads = await index.payloads(GENERATION, [one.chunk_id for one in best])
                hits = [one.hit(n, payloads[one.chunk_id]) for n, one in enumerate(best, 1)]
                kept.append((text, np.array(vector, dtype=np.float32), hits, sorted(qrels[name])))
    return {"questions": kept, "owner": owner}


def asked_of(vector: Any, text: str, hits: Sequence[Hit], wanted: set[str], owner: Any) -> Asked:
    """As the product would keep it, with what one person said of what was shown."""
    names = [hit.payload.chunk_id for hit in hits]
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(owner[name], name)
    shown = dict(list(first.items())[:SHOWN])
    useful = {name: 1.0 for document, name in shown.items() if document in wanted}
    return Asked(vector, features(text, hits), names, useful, frozenset(shown.values()))


def worth(one: Asked, scores: Any, wanted: set[str], owner: Mapping[str, str]) -> float:
    """nDCG@10 of the documents, each at its best passage."""
    order = sorted(range(len(one.names)), key=lambda n: (-scores[n], one.names[n]))
    return ndcg(dict.fromkeys(owner[one.names[n]] for n in order), wanted)


def report(kept: Mapping[str, Any]) -> Any:
    owner, questions = kept["owner"], kept["questions"]
    relevant = [set(one[3]) for one in questions]
    asked = [
        asked_of(vector, text, hits, wanted, owner)
        for (text, vector, hits, _), wanted in zip(questions, relevant, strict=True)
    ]
    order = [-np.arange(len(one.names)) for one in asked]
    before = np.array([worth(*each, owner) for each in zip(asked, order, relevant, strict=True)])
    data: Any = SimpleNamespace(
        questions=np.stack([one.vector for one in asked]), relevant=relevant
    )
    of = clusters(data)
    names = np.random.default_rng(SEED).permutation(np.unique(of))
    fold = {name: n % FOLDS for n, name in enumerate(names)}
    folds = np.array([fold[one] for one in of])
    gains = np.zeros(len(asked))
    fixed = {count: np.zeros(len(asked)) for count in TREES}
    trees, laps = [], []
    for n in range(FOLDS):
        rest = [one for one, other in zip(asked, folds, strict=True) if other != n and one.useful]
        since = time.perf_counter()
        fit = ranked(rest)
        laps.append(round(time.perf_counter() - since, 1))
        trees.append(fit.trees)
        whole = _grown(rest, TREES[-1])
        for place in np.flatnonzero(folds == n):
            one, wanted = asked[place], relevant[place]
            if fit.trees:
                scores = scored(trees_of(fit.written), one.rows)
                gains[place] = worth(one, scores, wanted, owner) - before[place]
            for count, into in fixed.items():
                scores = scored(whole, one.rows, count)
                into[place] = worth(one, scores, wanted, owner) - before[place]
    yield "before", {
        "questions": len(asked), "rated useful": sum(bool(one.useful) for one in asked),
        "ndcg": round(float(before.mean()), 4),
    }  # fmt: skip
    gate = judged(
        [
            Measured(id=str(n), stratum="novel", before=float(a), after=float(a + b))
            for n, (a, b) in enumerate(zip(before, gains, strict=True))
        ],
        look=1, rules=Rules(),
    )  # fmt: skip
    yield "leak-free, as the product fits", {
        **told(gains), "trees": trees, "seconds": laps, "gate": gate.outcome, "why": gate.why,
    }  # fmt: skip
    for count, each in fixed.items():
        yield f"leak-free, {count} trees", told(each)
    # What one knows by heart: learned and measured on the same.
    whole = _grown([one for one in asked if one.useful], TREES[-1])
    leaky = [
        worth(one, scored(whole, one.rows), wanted, owner)
        for one, wanted in zip(asked, relevant, strict=True)
    ]
    yield f"leaky, {TREES[-1]} trees", told(np.array(leaky) - before)
    with TemporaryDirectory() as scratch:
        file = Path(scratch) / "reranker.json"
        file.write_bytes(bytes(whole.save_raw("json")))
        yield "time", {**asyncio.run(laps_of(file, questions)), "bytes": file.stat().st_size}


async def laps_of(file: Path, questions: Sequence[Any]) -> dict[str, float]:
    reranker = LambdaMartReranker(file)
    laps: list[float] = []
    for text, _, hits, _ in questions[:500]:
        since = time.perf_counter()
        await reranker.rerank(text, hits)
        laps.append(1_000 * (time.perf_counter() - since))
    return {
        "rerank_ms_p50": round(statistics.median(laps), 2),
        "rerank_ms_p95": round(statistics.quantiles(laps, n=20)[18], 2),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path, help="a file of one's own: it is unpickled")
    given = parser.parse_args(arguments)
    if given.cache and given.cache.exists():
        kept = pickle.loads(given.cache.read_bytes())
    else:
        kept = asyncio.run(found(given.folder))
        if given.cache:
            given.cache.write_bytes(pickle.dumps(kept))
    print(json.dumps({"name": "machine", "cores": os.cpu_count(), "load": os.getloadavg()}))
    for name, result in report(kept):
        print(json.dumps({"name": name, **result}), flush=True)


if __name__ == "__main__":
    main()
