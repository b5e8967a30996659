# pyright: basic
"""Fits the weights of `rag.answer.evidence` on the calibration half of a pack's evals.

`python -m bench.evidence DATA` needs a data folder whose domain is synced. It prints the weights
for `answer.confidence` of the pack, or for `rag/answer/evidence.py`, and how well they separate the
half they were not fitted to.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np

from rag.answer.followup import standalone
from rag.app import build
from rag.config import load
from rag.learn.evaluation import facts_found, in_calibration_half
from rag.types import Turn


async def features(data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features, answerable or not, in the calibration half or not, facts found; a row a case."""
    app = await build(load(data))
    try:
        domain = app._domains.get(None)
        generation = await app._generations.answering(domain)
        rows, answerable, fitted, facts = [], [], [], []
        for case in domain.pack.evals():
            history = [Turn(role="user", content=text) for text in case.history]
            query = standalone(case.question, history)
            found = await domain.retriever.retrieve(
                app.person(case.as_user),
                query,
                generation=generation.id,
                limit=domain.pack.retrieval.limit,
            )
            hits = await domain.retriever.widen(found.hits)
            asked = [query, *(text for text in found.queries if text != query)]
            evidence = await domain.asker.selector.select(
                asked,
                domain.retriever.expander.words(query),
                hits,
                domain.pack.answer.max_sentences,
            )
            rows.append(evidence.features)
            answerable.append(case.answerable)
            fitted.append(in_calibration_half(case))
            said = " ".join(sentence.text for sentence in evidence.sentences)
            facts.append(facts_found(case.facts, said))
    finally:
        await app.aclose()
    return np.array(rows), np.array(answerable, float), np.array(fitted), np.array(facts)


def fit(rows: np.ndarray, labels: np.ndarray, penalty: float = 0.01) -> np.ndarray:
    """Logistic regression with balanced classes by Newton's method; bias first."""
    matrix = np.hstack([np.ones((len(rows), 1)), rows])
    share = labels.mean()
    importance = np.where(labels > 0, 0.5 / share, 0.5 / (1 - share))
    weights = np.zeros(matrix.shape[1])
    ridge = penalty * len(rows) * np.eye(len(weights)) / 10
    ridge[0, 0] = 0
    for _ in range(50):
        p = 1 / (1 + np.exp(-matrix @ weights))
        gradient = matrix.T @ (importance * (p - labels)) + ridge @ weights
        curvature = (matrix * (importance * p * (1 - p))[:, None]).T @ matrix + ridge
        weights -= np.linalg.solve(curvature + 1e-9 * np.eye(len(weights)), gradient)
    return weights


def report(weights: np.ndarray, rows: np.ndarray, labels: np.ndarray, facts: np.ndarray) -> None:
    confidence = 1 / (1 + np.exp(-(weights[0] + rows @ weights[1:])))
    for target in (0.02, 0.05, 0.08, 0.10):
        threshold = float(np.quantile(confidence[labels > 0], target))
        refused = float((confidence[labels == 0] < threshold).mean())
        kept = (confidence >= threshold) & (labels > 0)
        stated = float((facts * kept)[labels > 0].mean())
        print(
            f"  false refusal {target:.2f}: threshold {threshold:.3f}, "
            f"refused unanswerable {refused:.3f}, facts {stated:.3f}"
        )


def main() -> None:
    rows, labels, fitted, facts = asyncio.run(features(Path(sys.argv[1])))
    weights = fit(rows[fitted], labels[fitted])
    print("confidence =", [round(float(value), 3) for value in weights])
    for name, half in (("fitted", fitted), ("reported", ~fitted)):
        print(name, "facts", facts[half & (labels > 0)].mean())
        report(weights, rows[half], labels[half], facts[half])


if __name__ == "__main__":
    main()
