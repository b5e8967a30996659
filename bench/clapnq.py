# pyright: basic
"""Whether ClapNQ's questions are answered or refused as they should be.

`python -m bench.clapnq DATA/clapnq_dev FOLDER` puts the pooled passages into a data folder, asks
all 600 questions of the extractive default, each also with its own passage taken out of the hits,
and prints one JSON object. What was asked is kept in FOLDER, so that a run cut off goes on.
Thresholds, and where it says so weights, are fitted on one fold and measured on the other.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.evidence import fit
from bench.wice import auroc
from rag.answer.evidence import CONFIDENCE
from rag.app import App, build
from rag.config import load
from rag.domain import init_pack
from rag.types import Principal

WHO = Principal(id="local")
FALSE_REFUSAL = 0.10


def prepare(data: Path, folder: Path) -> None:
    """A data folder whose one domain has each passage as a document."""
    pack = folder / "pack"
    init_pack(pack, "pack")
    for left in pack.glob("documents/**/*"):
        if left.is_file():
            left.unlink()
    for one in lines(data / "beir" / "corpus.jsonl"):
        text = f"# {one['title']}\n\n{one['text']}\n"
        (pack / "documents" / f"{one['_id']}.md").write_text(text, "utf-8")
    (pack / "synonyms.toml").write_text("", "utf-8")
    (folder / "rag.toml").write_text('domain = "pack"\n[domains.pack]\npack = "pack"\n', "utf-8")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def relevant(data: Path) -> dict[str, set[str]]:
    """The passages that each question was written for."""
    found: dict[str, set[str]] = {}
    for path in (data / "beir" / "qrels").iterdir():
        for line in path.read_text("utf-8").splitlines()[1:]:
            question, passage, score = line.split("\t")
            if int(score) > 0:
                found.setdefault(question, set()).add(passage)
    return found


async def ask_all(data: Path, folder: Path, kept: Path) -> None:
    """Adds to `kept` a line for each question that is not in it yet."""
    done = {one["id"] for one in lines(kept)} if kept.exists() else set()
    own = relevant(data)
    app = await build(load(folder))
    try:
        await app.add_pack_sources(WHO)
        await app.sync(WHO)
        with kept.open("a", encoding="utf-8") as out:
            for question in lines(data / "beir" / "queries.jsonl"):
                if question["_id"] not in done:
                    row = await asked(app, question, own.get(question["_id"], set()))
                    out.write(json.dumps(row) + "\n")
                    out.flush()
    finally:
        await app.aclose()


async def asked(app: App, question: dict[str, Any], own: set[str]) -> dict[str, Any]:
    domain = app._domains.get(None)
    generation = await app._generations.answering(domain)
    found = await domain.retriever.retrieve(
        WHO, question["text"], generation=generation.id, limit=domain.pack.retrieval.limit
    )
    hits = await domain.retriever.widen(found.hits)
    others = [hit for hit in hits if Path(hit.payload.uri).stem not in own]
    select, sentences = domain.asker.selector.select, domain.pack.answer.max_sentences
    whole = await select([question["text"]], (), hits, sentences)
    without = await select([question["text"]], (), others, sentences)
    dense = [
        max((s.score for hit in some for s in hit.scores if s.stage == "dense"), default=0.0)
        for some in (hits, others)
    ]
    return {
        "id": question["_id"],
        "answerable": question["metadata"]["answerable"],
        "found": len(others) < len(hits),
        "features": whole.features,
        "without": without.features,
        "dense": dense[0],
        "dense_without": dense[1],
    }


def figures(
    scores: np.ndarray, without: np.ndarray, answerable: np.ndarray, fold: np.ndarray
) -> dict[str, float]:
    """Both errors, and how much is refused once the right passage is gone."""
    refused, refused_without = np.zeros(len(scores), bool), np.zeros(len(scores), bool)
    for one in (0, 1):
        cut = np.quantile(scores[(fold != one) & answerable], FALSE_REFUSAL)
        here = fold == one
        refused[here], refused_without[here] = scores[here] < cut, without[here] < cut
    return {
        "auroc": round(auroc(scores, answerable), 3),
        "unanswerable refused": round(float(refused[~answerable].mean()), 3),
        "false refusal": round(float(refused[answerable].mean()), 3),
        "refused without the passage": round(float(refused_without[answerable].mean()), 3),
    }


def weighed(weights: Sequence[float] | np.ndarray, rows: np.ndarray) -> np.ndarray:
    return weights[0] + rows @ np.asarray(weights[1:])


def report(rows: list[dict[str, Any]]) -> dict[str, Any]:
    answerable = np.array([one["answerable"] for one in rows])
    digests = [hashlib.sha256(one["id"].encode()).hexdigest() for one in rows]
    fold = np.array([int(digest, 16) % 2 for digest in digests])
    here, without = (np.array([one[key] for one in rows]) for key in ("features", "without"))
    fitted, fitted_without = np.zeros(len(rows)), np.zeros(len(rows))
    for one in (0, 1):
        weights = fit(here[fold != one], answerable[fold != one].astype(float))
        fitted[fold == one] = weighed(weights, here[fold == one])
        fitted_without[fold == one] = weighed(weights, without[fold == one])
    cosine, gone = (np.array([one[key] for one in rows]) for key in ("dense", "dense_without"))
    whole = fit(here, answerable.astype(float))
    return {
        "questions": len(rows),
        "right passage in the hits": float(np.mean([r["found"] for r in rows if r["answerable"]])),
        "best chunk's cosine": figures(cosine, gone, answerable, fold),
        "shipped weights": figures(
            weighed(CONFIDENCE, here), weighed(CONFIDENCE, without), answerable, fold
        ),
        "weights of the other fold": figures(fitted, fitted_without, answerable, fold),
        "confidence = (both folds)": [round(float(weight), 3) for weight in whole],
    }


def main() -> None:
    data, folder = (Path(argument).resolve() for argument in sys.argv[1:3])
    if not (folder / "rag.toml").exists():
        folder.mkdir(parents=True, exist_ok=True)
        prepare(data, folder)
    kept = folder / "asked.jsonl"
    asyncio.run(ask_all(data, folder, kept))
    print(json.dumps(report(lines(kept)), indent=2))


if __name__ == "__main__":
    main()
