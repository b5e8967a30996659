"""Trains a cross-encoder on what people found useful, in a process of its own.

A fifth of the clusters of questions is kept apart: it says after which epoch to stop, and whether
what came of it surely orders better than what people see now.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.errors import InvalidInput
from rag.learn.folding import folds_of
from rag.learn.lora import answered, running
from rag.learn.measuring import dcg
from rag.store.scratch import scratch
from rag.types import Progress

FOLDS = 5
EPOCHS = 3
RATE = 2e-5
BATCH = 16
MAX_LENGTH = 256
"""In tokens, of question and passage together: longer ones are cut, as when they are ordered."""
UNSAID = 0.3
"""What it counts that people saw a passage and said nothing of it, where they said that another was
useful; 1 is that they said it is not."""
SEED = 20_261_122


class Read(NamedTuple):
    """One question, and what people said of what they saw, in the order in which they see it."""

    question: str
    vector: NDArray[np.float32]
    names: Sequence[str]
    texts: Sequence[str]
    said: Sequence[float]
    """From -1 to 1; 0 where nobody said anything. At least one is above."""


class Crossed(NamedTuple):
    """What came of a training."""

    before: float
    """Mean nDCG@10, on questions apart, of the order that people see now."""
    after: float
    surely: float
    """By how much it is better at least, less a standard error."""
    apart: int
    told: Mapping[str, Any]


def pairs_of(read: Sequence[Read]) -> list[dict[str, Any]]:
    """What is learned from: useful or not, and by how much that counts."""
    return [
        {
            "question": one.question,
            "text": text,
            "label": float(said > 0),
            "weight": abs(said) or UNSAID,
        }
        for one in read
        for text, said in zip(one.texts, one.said, strict=True)
    ]


def parted(read: Sequence[Read]) -> tuple[list[Read], list[Read]]:
    """What is learned from, and what is kept apart: they share neither a useful passage nor a
    meaning. Raises InvalidInput where all belong together."""
    names = sorted({name for one in read for name in one.names})
    places = {name: n for n, name in enumerate(names)}
    useful = np.zeros((len(read), len(names)), dtype=bool)
    for row, one in zip(useful, read, strict=True):
        for name, said in zip(one.names, one.said, strict=True):
            row[places[name]] = said > 0
    folds = folds_of(np.stack([one.vector for one in read]), useful, FOLDS)
    apart = [one for one, fold in zip(read, folds, strict=True) if fold == 0]
    rest = [one for one, fold in zip(read, folds, strict=True) if fold != 0]
    if not apart or not rest:
        raise InvalidInput(
            "All questions are near each other, so none can be kept apart to measure with.",
            hint="Accept feedback on other questions too: rag review.",
        )
    return rest, apart


async def crossed(
    base: Path, read: Sequence[Read], out: Path, data: Path, progress: Callable[[Progress], None]
) -> Crossed:
    """Fill `out`, an empty folder, with a cross-encoder trained from `base`.

    The training ends when whoever waits for it is cancelled or killed. Raises InvalidInput for
    questions that cannot be parted or a base that reads no pairs, Unavailable where it fails.
    """
    rest, apart = parted(read)
    progress(Progress(phase="train", done=0))
    with scratch(data) as work:
        job, answer, rows = (work / name for name in ("job.json", "result.json", "rows.json"))
        measured = [
            {
                "question": one.question,
                "texts": list(one.texts),
                "useful": [max(0.0, said) for said in one.said],
            }
            for one in apart
        ]
        told = {"train": pairs_of(rest), "apart": measured}
        rows.write_text(json.dumps(told), encoding="utf-8")
        given = {
            "with": "cross_encoder",
            "base": str(base.resolve()),
            "rows": str(rows),
            "out": str(out.resolve()),
            "work": str(work.resolve()),
            "epochs": EPOCHS,
            "rate": RATE,
            "batch": BATCH,
            "max_length": MAX_LENGTH,
            "seed": SEED,
        }
        job.write_text(json.dumps(given), encoding="utf-8")
        last = ""
        async with running(Path(sys.executable), job, answer, work) as lines:
            async for line in lines:
                step = json.loads(line)
                last = f"loss {step['loss']:.3f}"
                progress(Progress(phase="train", done=step["done"], total=step["total"]))
        result = dict(answered(answer, work, last))
    after = np.array(result.pop("worths"))
    before = np.array([_worth(one) for one in apart])
    gains = after - before
    surely = float(gains.mean() - gains.std() / np.sqrt(len(gains)))
    return Crossed(float(before.mean()), float(after.mean()), surely, len(apart), result)


def _worth(one: Read) -> float:
    useful = [max(0.0, said) for said in one.said]
    return dcg(useful) / dcg(sorted(useful, reverse=True))
