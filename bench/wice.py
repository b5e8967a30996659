# pyright: basic
"""Fits the weights of `rag.answer.support` on WiCE's dev split and measures them on its test split.

`python -m bench.wice DATA/wice [--fit]`. Each claim is checked against the whole page that it
cites, line by line; the question is whether it is supported, against partly or not. `--fit` looks
at the dev split alone: it prints the weights and thresholds to put into `rag/answer/support.py`,
and the AUROC of each half of dev under weights fitted to the other. Without it the shipped weights
are measured on both splits, beside two figures that need no fitting.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.evidence import fit
from rag.answer import support
from rag.answer.support import Checker, Said
from rag.answer.vectors import Vectors
from rag.backends.sentence_transformers import SentenceTransformersEmbedder
from rag.config import EmbeddingSettings
from rag.protocols import Embedder


@dataclass(frozen=True)
class Row:
    """A claim with what was computed of it: `label` is 2 where supported, 1 partly, 0 not."""

    label: int
    features: tuple[float, ...]
    score: float
    overlap: float
    cosine: float


async def read(folder: Path, split: str, embedder: Embedder) -> list[Row]:
    """Every claim of a split, in file order."""
    labels = {"supported": 2, "partially_supported": 1, "not_supported": 0}
    checker = Checker(Vectors(embedder), "en")
    rows: list[Row] = []
    for line in (folder / f"claim_{split}.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
        claim = checker.said(case["claim"])
        page = [checker.said(text) for text in case["evidence"]]
        near = support.nearest(claim, page)
        vectors = await checker.vectors.of([claim.text, *(said.text for said in near)])
        lost = len(support.lost(claim, page))
        rows.append(
            Row(
                label=labels[case["label"]],
                features=support.features(claim, page, near, lost, vectors[0], vectors[1:]),
                score=support.judge(claim, page, near, vectors[0], vectors[1:]).score,
                overlap=overlap(claim, page),
                cosine=float((vectors[1:] @ vectors[0]).max()),
            )
        )
    return rows


def overlap(claim: Said, page: Sequence[Said]) -> float:
    """The share of the claim's words that stand anywhere on the page."""
    said = frozenset[str]().union(*(one.words for one in page))
    return len(claim.words & said) / max(1, len(claim.words))


def auroc(scores: np.ndarray, positive: np.ndarray) -> float:
    """How often a positive is above a negative, ties counting half."""
    above = scores[positive][:, None] - scores[~positive][None, :]
    return float((above > 0).mean() + 0.5 * (above == 0).mean())


def threshold(scores: np.ndarray, positive: np.ndarray) -> float:
    """Where the shares of both sides that fall on theirs add up to most."""
    cuts = np.unique(scores)
    gains = [(scores[positive] >= cut).mean() + (scores[~positive] < cut).mean() for cut in cuts]
    return float(cuts[int(np.argmax(gains))])


def scored(weights: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(weights[0] + matrix @ weights[1:])))


def fitted(rows: Sequence[Row]) -> None:
    matrix = np.array([row.features for row in rows])
    labels = np.array([row.label for row in rows])
    half = np.arange(len(rows)) % 2 == 0
    for one in (half, ~half):
        weights = fit(matrix[~one], (labels[~one] == 2).astype(float))
        print(
            "half of dev, cross-fit:",
            round(auroc(scored(weights, matrix[one]), labels[one] == 2), 3),
        )
    weights = fit(matrix, (labels == 2).astype(float))
    scores = scored(weights, matrix)
    print("BIAS =", round(float(weights[0]), 3))
    print("WEIGHTS =", tuple(round(float(weight), 3) for weight in weights[1:]))
    print("SUPPORTED =", round(threshold(scores, labels == 2), 3))
    print("PARTLY =", round(threshold(scores, labels > 0), 3))


def report(split: str, rows: Sequence[Row]) -> None:
    labels = np.array([row.label for row in rows])
    print(f"{split}: {len(rows)} claims, {(labels == 2).sum()} supported")
    for name in ("score", "overlap", "cosine"):
        values = np.array([getattr(row, name) for row in rows])
        print(f"  AUROC of the {name}: {auroc(values, labels == 2):.3f}")
    for name, label in (("supported", 2), ("partly", 1), ("unsupported", 0)):
        found = [support.verdict(row.score) for row in rows if row.label == label]
        shares = {v: round(found.count(v) / len(found), 3) for v in sorted(set(found))}
        print(f"  verdicts where {name}: {shares}")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fit", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        embedder = SentenceTransformersEmbedder(EmbeddingSettings(), Path(cache))
        try:
            dev = await read(chosen.folder, "dev", embedder)
            if chosen.fit:
                fitted(dev)
                return
            report("dev", dev)
            report("test", await read(chosen.folder, "test", embedder))
        finally:
            await embedder.aclose()


if __name__ == "__main__":
    asyncio.run(main())
