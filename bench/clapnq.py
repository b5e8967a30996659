# pyright: basic
"""Whether ClapNQ's questions are answered or refused as they should be.

`python -m bench.clapnq DATA/clapnq_dev FOLDER` puts the pooled passages into a data folder, asks
all 600 questions of the extractive default, each also with its own passage taken out of the hits,
and prints one JSON object. What was asked is kept in FOLDER, so that a run cut off goes on.
`--model N` has SmolLM2-135M answer N of them too, as many of each kind, with unsupported sentences
removed: what then has no sentence left is refused as well.
Thresholds, and where it says so weights, are fitted on one fold and measured on the other.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.evidence import fit
from bench.wice import auroc
from rag.answer.evidence import CONFIDENCE
from rag.app import App, build
from rag.config import AnswerSettings, ModelSettings, load
from rag.domain import init_pack
from rag.types import AskRequest, Principal
from tests.backends.small_llm import CONTEXT, small_llm

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


def cuts(scores: np.ndarray, answerable: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """The threshold for each question, fitted on the other fold."""
    of = [np.quantile(scores[(fold != one) & answerable], FALSE_REFUSAL) for one in (0, 1)]
    return np.array(of)[fold]


def figures(
    scores: np.ndarray, without: np.ndarray, answerable: np.ndarray, fold: np.ndarray
) -> dict[str, float]:
    """Both errors, and how much is refused once the right passage is gone."""
    cut = cuts(scores, answerable, fold)
    refused, refused_without = scores < cut, without < cut
    return {
        "auroc": round(auroc(scores, answerable), 3),
        "unanswerable refused": round(float(refused[~answerable].mean()), 3),
        "false refusal": round(float(refused[answerable].mean()), 3),
        "refused without the passage": round(float(refused_without[answerable].mean()), 3),
    }


def weighed(weights: Sequence[float] | np.ndarray, rows: np.ndarray) -> np.ndarray:
    return weights[0] + rows @ np.asarray(weights[1:])


async def answer_some(data: Path, folder: Path, url: str, count: int, kept: Path) -> None:
    """Adds to `kept` what the model made of each of so many questions that is not in it yet."""
    done = {one["id"] for one in lines(kept)} if kept.exists() else set()
    questions = sorted(lines(data / "beir" / "queries.jsonl"), key=lambda one: digest(one["_id"]))
    kinds = [
        [one for one in questions if one["metadata"]["answerable"] is kind][: count // 2]
        for kind in (True, False)
    ]
    settings = load(folder)
    settings = settings.model_copy(update=asked_of(url))
    app = await build(settings)
    domain = app._domains.get(None)
    answer = {"unsupported": "remove", "abstain_below": 0.0, "context_tokens": 500}
    domain.asker.pack = domain.pack.model_copy(
        update={"answer": domain.pack.answer.model_copy(update=answer)}
    )
    try:
        with kept.open("a", encoding="utf-8") as out:
            for question in [one for pair in zip(*kinds, strict=True) for one in pair]:
                if question["_id"] in done:
                    continue
                told = await app.ask(WHO, AskRequest(question=question["text"]))
                row = {"id": question["_id"], "abstained": told.abstained}
                more = {"support": told.support, "removed": told.removed, "answer": told.answer}
                out.write(json.dumps({**row, **more}) + "\n")
                out.flush()
    finally:
        await app.aclose()


def asked_of(url: str) -> dict[str, Any]:
    small = ModelSettings(
        provider="openai_like",
        model="smollm2",
        base_url=url,
        context_window=CONTEXT,
        max_output_tokens=64,
        timeout_seconds=600,
    )
    return {"models": {"small": small}, "answer": AnswerSettings(model="small")}


def with_model(rows: list[dict[str, Any]], told: list[dict[str, Any]]) -> dict[str, Any]:
    """Both errors where the threshold of the other fold refuses, then what has nothing left."""
    answerable, fold, scores, _ = crossed(rows)
    refused = dict(
        zip((one["id"] for one in rows), scores < cuts(scores, answerable, fold), strict=True)
    )
    kind = {one["id"]: one["answerable"] for one in rows}

    def share(which: bool, of: Callable[[dict[str, Any]], bool]) -> float:
        return round(float(np.mean([of(one) for one in told if kind[one["id"]] is which])), 3)

    both = {"unanswerable refused": False, "false refusal": True}
    return {
        "questions": len(told),
        "by the threshold": {
            k: share(v, lambda one: bool(refused[one["id"]])) for k, v in both.items()
        },
        "and where nothing is left": {
            k: share(v, lambda one: bool(refused[one["id"]]) or one["abstained"])
            for k, v in both.items()
        },
        "nothing left, of what is asked": {
            k: share(v, lambda one: one["abstained"]) for k, v in both.items()
        },
    }


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def crossed(rows: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """answerable, the fold, and the scores with and without the passage by the other's weights."""
    answerable = np.array([one["answerable"] for one in rows])
    fold = np.array([int(digest(one["id"]), 16) % 2 for one in rows])
    here, without = (np.array([one[key] for one in rows]) for key in ("features", "without"))
    fitted, fitted_without = np.zeros(len(rows)), np.zeros(len(rows))
    for one in (0, 1):
        weights = fit(here[fold != one], answerable[fold != one].astype(float))
        fitted[fold == one] = weighed(weights, here[fold == one])
        fitted_without[fold == one] = weighed(weights, without[fold == one])
    return answerable, fold, fitted, fitted_without


def report(rows: list[dict[str, Any]]) -> dict[str, Any]:
    answerable, fold, fitted, fitted_without = crossed(rows)
    here, without = (np.array([one[key] for one in rows]) for key in ("features", "without"))
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=int, default=0, metavar="N")
    given = parser.parse_args()
    data, folder = given.data.resolve(), given.folder.resolve()
    if not (folder / "rag.toml").exists():
        folder.mkdir(parents=True, exist_ok=True)
        prepare(data, folder)
    kept, composed = folder / "asked.jsonl", folder / "composed.jsonl"
    asyncio.run(ask_all(data, folder, kept))
    found = report(lines(kept))
    if given.model:
        with small_llm() as url:
            asyncio.run(answer_some(data, folder, url, given.model, composed))
        found["SmolLM2"] = with_model(lines(kept), lines(composed))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
