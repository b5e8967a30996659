# pyright: basic
"""What a query adapter is worth: `python -m bench.adapter FOLDER --cache CACHE [--other FOLDER]`.

FOLDER is a BEIR data set with a train and a test split (SciFact). Three fits on the same vectors:
leaky, to the public train split, whose documents the test split asks for as well; leak-free, in
five folds of clusters (a shared document, or questions at a cosine above .8), as the product fits;
and what the leaky one does to another collection. Each measured by vectors alone and as the product
searches, both lists joined. CACHE is a folder that keeps the vectors, which take minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.loop import GENERATION, NOVEL, indexed, ndcg
from rag.candidates import Asked, Rules
from rag.domain import RetrievalKnobs
from rag.learn import adapting, retrieval
from rag.learn.gate import interval, judged
from rag.retrieve.fuse import fuse
from rag.types import EVERYONE, Candidates, IndexQuery, Scored

DEPTH = 100
FOLDS = 5
LEAKY = (150, 1e-3)
"""Steps and rate of a fit that nothing stops."""
SEED = 1


class Set:
    """One collection with its questions: unit vectors, lists by words, what is relevant."""

    def __init__(self, folder: Path) -> None:
        kept = json.loads((folder / "set.json").read_text())
        arrays = np.load(folder / "vectors.npz")
        self.passages, self.questions = arrays["passages"], arrays["questions"]
        self.names: list[str] = kept["names"]
        self.owners: list[str] = kept["owners"]
        self.splits: list[str] = kept["splits"]
        self.sparse: list[list[tuple[str, float]]] = kept["sparse"]
        self.relevant = [set(one) for one in kept["relevant"]]
        self._of = dict(zip(self.names, self.owners, strict=True))
        self._places: dict[str, list[int]] = {}
        for place, owner in enumerate(self.owners):
            self._places.setdefault(owner, []).append(place)

    def of(self, split: str) -> np.ndarray:
        return np.array([n for n, one in enumerate(self.splits) if one == split])

    def useful(self, n: int) -> list[int]:
        """The passage of each relevant document that is nearest to the question."""
        found = []
        for document in sorted(self.relevant[n] & self._places.keys()):
            places = self._places[document]
            near = self.passages[places] @ self.questions[n]
            found.append(places[int(near.argmax())])
        return found

    def worth(self, matrix: np.ndarray | None, places: np.ndarray, *, joined: bool) -> np.ndarray:
        """nDCG@10 of these questions, turned by the matrix if there is one."""
        turned = self.questions[places]
        if matrix is not None:
            turned = turned @ matrix.T
            turned /= np.linalg.norm(turned, axis=1, keepdims=True)
        found = []
        for n, vector in zip(places, turned, strict=True):
            scores = self.passages @ vector
            best = np.argpartition(-scores, DEPTH)[:DEPTH]
            best = best[np.argsort(-scores[best])]
            dense = [Scored(chunk_id=self.names[m], score=float(scores[m])) for m in best]
            sparse = [Scored(chunk_id=name, score=score) for name, score in self.sparse[n]]
            lists = Candidates.model_construct(dense=dense, sparse=sparse if joined else ())
            ranked = dict.fromkeys(self._of[one.chunk_id] for one in fuse(lists, RetrievalKnobs()))
            found.append(ndcg(ranked, self.relevant[n]))
        return np.array(found)


def fitted(data: Set, places: np.ndarray, *, always: bool = False) -> tuple[Any, float]:
    """An adapter as the product fits it; `always`: to the end, whatever it is worth elsewhere."""
    pool: set[int] = set()
    near = data.questions[places] @ data.passages.T
    for n, row in zip(places, near, strict=True):
        pool.update(np.argpartition(-row, 10)[:10].tolist(), data.useful(int(n)))
    order = sorted(pool)
    rows = {place: row for row, place in enumerate(order)}
    known = [n for n in places if data.useful(int(n))]
    useful = [{rows[place]: 1.0 for place in data.useful(int(n))} for n in known]
    since = time.perf_counter()
    if always:
        share = np.zeros((len(known), len(order)), dtype=np.float32)
        for row, said in zip(share, useful, strict=True):
            row[list(said)] = 1 / len(said)
        learned = adapting.Learned(data.questions[known], data.passages[order], share)
        before = adapting.STEPS, adapting.RATE
        adapting.STEPS, adapting.RATE = LEAKY
        try:
            *_, turn = adapting._steps(learned)
        finally:
            adapting.STEPS, adapting.RATE = before
        fit = adapting.Fit(np.eye(len(turn), dtype=np.float32) + turn, 1.0, LEAKY[0], 0.0, 0.0)
    else:
        fit = adapting.adapted(data.questions[known], useful, data.passages[order])
    return fit, time.perf_counter() - since


def told(gains: np.ndarray) -> dict[str, float]:
    found = interval(gains, 0.025)
    return {name: round(getattr(found, name), 4) for name in ("mean", "low", "high", "p")}


def clusters(data: Set) -> np.ndarray:
    parents = list(range(len(data.questions)))

    def root(n: int) -> int:
        while parents[n] != n:
            n = parents[n]
        return n

    near = np.triu(data.questions @ data.questions.T > 0.8, 1)
    pairs = [(int(a), int(b)) for a, b in zip(*np.where(near), strict=True)]
    first: dict[str, int] = {}
    for n, relevant in enumerate(data.relevant):
        pairs += [(first.setdefault(one, n), n) for one in relevant]
    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parents[high] = low
    return np.array([root(n) for n in range(len(parents))])


def report(data: Set, other: Set | None) -> Any:
    train, test = data.of("train"), data.of("test")
    fit, seconds = fitted(data, train, always=True)
    near = (data.questions[test] @ data.questions[train].T).max(axis=1)
    known = set().union(*(data.relevant[n] for n in train))
    novel = np.array(
        [near[m] <= NOVEL and not data.relevant[n] & known for m, n in enumerate(test)]
    )
    for joined in (True, False):
        before, after = (data.worth(one, test, joined=joined) for one in (None, fit.matrix))
        gate = judged(
            [
                Asked(
                    id=str(n), stratum="novel" if novel[n] else "near_duplicate",
                    before=float(before[n]), after=float(after[n]),
                )
                for n in range(len(test))
            ],
            look=1, rules=Rules(),
        )  # fmt: skip
        yield "leaky, joined" if joined else "leaky, by vectors alone", {
            "all": told(after - before), "novel": told((after - before)[novel]),
            "gate": gate.outcome, "why": gate.why, "seconds": round(seconds, 1),
        }  # fmt: skip
    if other is not None:
        places = np.arange(len(other.questions))
        lost = other.worth(fit.matrix, places, joined=True) - other.worth(None, places, joined=True)
        yield "leaky, on another collection", told(lost)
    of = clusters(data)
    names = np.random.default_rng(SEED).permutation(np.unique(of))
    fold = {name: n % FOLDS for n, name in enumerate(names)}
    folds = np.array([fold[one] for one in of])
    gains, alone, mixes, laps = [], [], [], []
    for n in range(FOLDS):
        kept, rest = np.flatnonzero(folds == n), np.flatnonzero(folds != n)
        fit, seconds = fitted(data, rest)
        mixes.append(fit.mix)
        laps.append(round(seconds, 1))
        for joined, into in ((True, gains), (False, alone)):
            before = data.worth(None, kept, joined=joined)
            into.append(data.worth(fit.matrix, kept, joined=joined) - before)
    yield "leak-free", {
        "joined": told(np.concatenate(gains)), "by vectors alone": told(np.concatenate(alone)),
        "mixes": mixes, "seconds": laps,
    }  # fmt: skip


async def vectors(folder: Path, into: Path, splits: Sequence[str]) -> None:
    """Embed and index a collection as the product does, and keep what a search needs."""
    into.mkdir(parents=True, exist_ok=True)
    async with indexed(folder) as (index, embedder, sparse, owner):
        names = list(owner)
        found = await index.vectors(GENERATION, names)
        kept: dict[str, list[Any]] = {"sparse": [], "relevant": [], "splits": []}
        questions = []
        for split in splits:
            texts, qrels = retrieval._read(folder, split)
            for name, text in texts.items():
                query = IndexQuery(
                    dense=None, sparse=sparse.encode_query(text),
                    readers=frozenset({EVERYONE}), limit=DEPTH,
                )  # fmt: skip
                lists = await index.search(GENERATION, query)
                questions.append(await embedder.embed_query(text))
                kept["sparse"].append([(one.chunk_id, one.score) for one in lists.sparse])
                kept["relevant"].append(sorted(qrels[name]))
                kept["splits"].append(split)
    np.savez(
        into / "vectors.npz",
        passages=np.array([found[name] for name in names], dtype=np.float32),
        questions=np.array(questions, dtype=np.float32),
    )
    told = {"names": names, "owners": [owner[name] for name in names], **kept}
    (into / "set.json").write_text(json.dumps(told))


def opened(folder: Path, cache: Path, splits: Sequence[str]) -> Set:
    if not (cache / "set.json").exists():
        asyncio.run(vectors(folder, cache, splits))
    return Set(cache)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--other", type=Path, help="a BEIR folder with a test split")
    asked = parser.parse_args(arguments)
    data = opened(asked.folder, asked.cache / "own", ("train", "test"))
    other = opened(asked.other, asked.cache / "other", ("test",)) if asked.other else None
    for name, result in report(data, other):
        print(json.dumps({"name": name, **result}), flush=True)


if __name__ == "__main__":
    main()
