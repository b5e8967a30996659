# pyright: basic
"""What an encoder that was trained on ratings is worth: `python -m bench.encoder FOLDER`.

FOLDER is a BEIR data set with a train and a test split (SciFact). Each question is searched as the
product searches; one person rates every passage that is shown at 10, rightly. Half of the clusters
(a shared document, or questions at a cosine above .8) are learned from, by `--learn` questions, as
the product trains; the other half measures, in the whole collection embedded anew.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.adapter import clusters, told
from bench.loop import GENERATION, SHOWN, indexed, ndcg
from rag.app.trained import DEEP, _text
from rag.backends.local_model import Remembered, describe
from rag.candidates import Asked, Rules
from rag.config import load
from rag.domain import RetrievalKnobs
from rag.learn import retrieval
from rag.learn.encoding import Found, Rated, lessons, mined, teach
from rag.learn.gate import judged
from rag.retrieve.fuse import fuse
from rag.types import EVERYONE, Candidates, IndexQuery, Scored

DEPTH = 100
SEED = 1


async def measured(folder: Path, learn: int) -> AsyncGenerator[tuple[str, Any]]:
    async with indexed(folder) as (index, embedder, sparse, owner):
        texts: list[str] = []
        relevant: list[set[str]] = []
        vectors, searched = [], []
        for split in ("train", "test"):
            asked, qrels = retrieval._read(folder, split)
            for name, text in asked.items():
                vector = await embedder.embed_query(text)
                query = IndexQuery(
                    dense=vector, sparse=sparse.encode_query(text),
                    readers=frozenset({EVERYONE}), limit=DEPTH,
                )  # fmt: skip
                texts.append(text)
                relevant.append({*qrels[name]})
                vectors.append(np.array(vector, dtype=np.float32))
                searched.append(await index.search(GENERATION, query))
        names = sorted(owner)
        payloads = await index.payloads(GENERATION, names)
        old = await index.vectors(GENERATION, names)
        questions = np.stack(vectors)
        data: Any = SimpleNamespace(questions=questions, relevant=relevant)
        of = clusters(data)
        order = np.random.default_rng(SEED).permutation(np.unique(of))
        first = np.isin(of, order[: len(order) // 2])
        rated: list[Rated] = []
        for n in np.flatnonzero(first):
            found = searched[n]
            best: dict[str, str] = {}
            for one in fuse(found, RetrievalKnobs()):
                best.setdefault(owner[one.chunk_id], one.chunk_id)
            shown = dict([*best.items()][:SHOWN])
            useful = {chunk: 1.0 for name, chunk in shown.items() if name in relevant[n]}
            if useful and len(rated) < learn:
                near = {one.chunk_id: one.score for one in found.dense[:DEEP]}
                looked = [
                    Found(chunk, owner[chunk], near.get(chunk, 0.0))
                    for chunk in dict.fromkeys([*shown.values(), *near])
                ]
                disliked = [chunk for chunk in shown.values() if chunk not in useful]
                rated.append(Rated(texts[n], vectors[n], useful, disliked, looked))
        with tempfile.TemporaryDirectory() as scratch:
            settings, out = load(Path(scratch)), Path(scratch) / "encoder"
            out.mkdir()
            cache = Path(scratch) / "cache"
            local = describe(settings.embedding, cache, Remembered(cache / "embedding.json"))
            given = lessons(
                mined(rated), {name: _text(one) for name, one in payloads.items()},
                (local.query_prompt, local.document_prompt), local.folder, out,
                max_tokens=local.max_tokens, threads=os.cpu_count() or 1,
            )  # fmt: skip
            taught = await teach(given, lambda _: None)
            yield "trained", {
                "questions": len(rated), "passages": len(given.passages),
                **taught.model_dump(include={"before", "after", "epochs", "mix", "seconds"}),
            }  # fmt: skip
            if not taught.epochs:
                return
            from sentence_transformers import SentenceTransformer

            model = SentenceTransformer(str(out), device="cpu", local_files_only=True)
            model.max_seq_length = local.max_tokens
            since = time.perf_counter()
            passages = model.encode(
                [local.document_prompt + _text(payloads[name]) for name in names],
                normalize_embeddings=True, batch_size=32,
            )  # fmt: skip
            rest = np.flatnonzero(~first)
            turned = model.encode(
                [local.query_prompt + texts[n] for n in rest], normalize_embeddings=True
            )
            yield "embedded anew", {
                "passages": len(names), "seconds": round(time.perf_counter() - since, 1)
            }  # fmt: skip
        base = np.stack([np.asarray(old[name], np.float32) for name in names])

        def worth(n: Any, vector: Any, pool: Any, *, joined: bool) -> float:
            scores = pool @ vector
            best = np.argsort(-scores)[:DEPTH]
            dense = [Scored(chunk_id=names[m], score=float(scores[m])) for m in best]
            both = Candidates.model_construct(
                dense=dense, sparse=searched[n].sparse if joined else ()
            )
            found = dict.fromkeys(owner[one.chunk_id] for one in fuse(both, RetrievalKnobs()))
            return ndcg(found, relevant[n])

        for name, joined in (("by vectors alone", False), ("as the product searches", True)):
            before = np.array([worth(n, questions[n], base, joined=joined) for n in rest])
            after = np.array(
                [
                    worth(n, one, passages, joined=joined)
                    for n, one in zip(rest, turned, strict=True)
                ]
            )
            gate = judged(
                [
                    Asked(id=str(n), stratum="novel", before=float(a), after=float(b))
                    for n, (a, b) in enumerate(zip(before, after, strict=True))
                ],
                look=1, rules=Rules(),
            )  # fmt: skip
            yield name, {
                "questions": len(rest), "before": round(float(before.mean()), 4),
                **told(after - before), "gate": gate.outcome, "why": gate.why,
            }  # fmt: skip


async def told_all(folder: Path, learn: int) -> None:
    print(json.dumps({"name": "machine", "cores": os.cpu_count(), "load": os.getloadavg()}))
    async for name, result in measured(folder, learn):
        print(json.dumps({"name": name, **result}), flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--learn", type=int, default=200)
    given = parser.parse_args(arguments)
    asyncio.run(told_all(given.folder, given.learn))


if __name__ == "__main__":
    main()
