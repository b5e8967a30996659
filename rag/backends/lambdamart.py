"""A Reranker of small trees over what a search knows of each hit already: no model reads anything.

It begins with the order that the search gave and moves what people's ratings say should move. The
file is plain JSON, as XGBoost writes it; nothing of it is ever run.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log, log1p
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ConfigError
from rag.types import Hit

Floats = NDArray[np.float32]
FEATURES = (
    "meaning",
    "meaning_place",
    "words",
    "words_place",
    "fused",
    "fused_place",
    "terms",
    "phrase",
    "title",
    "share",
    "length",
    "ordinal",
    "siblings",
    "fresh",
)
"""What is known of a hit, in the order of the columns; as the playground tells it to people."""
FUSED = FEATURES.index("fused")
HEAD_START = 4.0
"""What the best of the search is ahead of its last before any tree has spoken."""
_WORD = re.compile(r"\w+")


def features(question: str, hits: Sequence[Hit]) -> Floats:
    """A row for each hit, all finite; the order of the hits changes no row.

    All that is told beside others is told beside these: nothing but the hits is needed.
    """
    if not hits:
        return np.zeros((0, len(FEATURES)), dtype=np.float32)
    told = {**_of_lists(hits), **_of_texts(question, hits), **_of_documents(hits)}
    return np.array([told[name] for name in FEATURES], dtype=np.float32).T.copy()


def _of_lists(hits: Sequence[Hit]) -> dict[str, list[float]]:
    places = [{one.stage: one for one in hit.scores} for hit in hits]
    told: dict[str, list[float]] = {}
    for name, stage in (("meaning", "dense"), ("words", "bm25"), ("fused", "fusion")):
        found = [place.get(stage) for place in places]
        told[name] = _beside([one.score if one else None for one in found], absent=0.0)
        told[f"{name}_place"] = [1 / one.rank if one else 0.0 for one in found]
    # How near it is tells by itself, and not only beside others.
    told["meaning"] = [place["dense"].score if "dense" in place else 0.0 for place in places]
    return told


def _of_texts(question: str, hits: Sequence[Hit]) -> dict[str, list[float]]:
    asked = _WORD.findall(question.casefold())
    pairs = {*pairwise(asked)}
    texts = [_WORD.findall(hit.payload.text.casefold()) for hit in hits]
    sets = [{*text} for text in texts]
    heads = [
        {*_WORD.findall(f"{hit.payload.title} {hit.payload.header}".casefold())} for hit in hits
    ]
    # What all of them have tells none of them apart.
    weights = {
        term: log((len(hits) + 1) / (count + 0.5))
        for term in sorted({*asked})
        if (count := sum(term in one for one in sets))
    }
    whole = sum(weights.values()) or 1.0

    def share(of: set[str]) -> float:
        return sum(weight for term, weight in weights.items() if term in of) / whole

    return {
        "terms": [share(one) for one in sets],
        "title": [share(one) for one in heads],
        "phrase": [len(pairs & {*pairwise(text)}) / max(1, len(pairs)) for text in texts],
        "share": [sum(word in weights for word in text) / max(1, len(text)) for text in texts],
    }


def _of_documents(hits: Sequence[Hit]) -> dict[str, list[float]]:
    documents = Counter(hit.payload.document_id for hit in hits)
    return {
        "length": [log1p(len(hit.payload.text)) for hit in hits],
        "ordinal": [log1p(hit.payload.ordinal) for hit in hits],
        "siblings": [log1p(documents[hit.payload.document_id] - 1) for hit in hits],
        "fresh": _beside([hit.payload.modified_at for hit in hits], absent=0.5),
    }


def _beside(values: Sequence[float | None], absent: float) -> list[float]:
    """Where each lies between the least, 0, and the most, 1."""
    known = [one for one in values if one is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    return [
        absent if one is None else (one - low) / (high - low) if high > low else 0.5
        for one in values
    ]


def head_start(rows: Floats) -> Floats:
    """The scores before any tree has spoken: the order of the search."""
    return rows[:, FUSED] * np.float32(HEAD_START)


class LambdaMartReranker:
    """Scores each hit by trees that were grown on what people found useful."""

    def __init__(self, file: Path) -> None:
        """Raises ConfigError for a file that is not there or not made for these features."""
        try:
            written = file.read_bytes()
        except OSError as error:
            raise ConfigError(f"No reranker in {file}: {error}") from error
        self._trees = trees_of(written)
        self.fingerprint = f"lambdamart:{hashlib.sha256(written).hexdigest()[:16]}"

    async def rerank(self, question: str, hits: Sequence[Hit]) -> list[float]:
        """One score per hit, in the order given; higher is better."""
        return await asyncio.to_thread(self._scores, question, hits)

    async def reasons(self, question: str, hits: Sequence[Hit]) -> list[Mapping[str, float]]:
        """By how much each feature moves each hit, beside what it does to the others on average."""
        return await asyncio.to_thread(self._reasons, question, hits)

    async def aclose(self) -> None:
        """Nothing is open."""

    def _scores(self, question: str, hits: Sequence[Hit]) -> list[float]:
        rows = features(question, hits)
        if not len(rows):
            return []
        found = self._trees.inplace_predict(rows, base_margin=head_start(rows))
        return [float(one) for one in found]

    def _reasons(self, question: str, hits: Sequence[Hit]) -> list[Mapping[str, float]]:
        import xgboost

        rows = features(question, hits)
        if not len(rows):
            return []
        matrix = xgboost.DMatrix(rows, feature_names=[*FEATURES], nthread=1)
        # The last column is what all begin with.
        told = self._trees.predict(matrix, pred_contribs=True)[:, :-1]
        told -= told.mean(axis=0)
        return [
            {name: float(value) for name, value in zip(FEATURES, row, strict=True)} for row in told
        ]


def trees_of(written: bytes) -> Any:
    """The trees in a file's bytes. Raises ConfigError for what is none, or of other features."""
    import xgboost

    try:
        trees: Any = xgboost.Booster({"nthread": 1})
        trees.load_model(bytearray(written))
    except xgboost.core.XGBoostError as error:
        raise ConfigError("The reranker's file is damaged.", hint="Make another one.") from error
    if tuple(trees.feature_names or ()) != FEATURES:
        raise ConfigError(
            "The reranker was made for other features.", hint="Make another: rag tune reranker."
        )
    return trees
