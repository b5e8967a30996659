"""A Reranker over a cross-encoder on this machine."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rag.backends.encoder import Threads, load_network, usable_cores
from rag.backends.local_model import digest
from rag.errors import ConfigError, ModelError
from rag.types import Hit

_BATCH = 8


class CrossEncoderReranker:
    """Scores each hit against the question with a sentence-transformers CrossEncoder folder.

    The model is loaded with the first question, on threads of its own. Pairs longer than it reads
    are judged by their beginning: it orders hits, it embeds nothing.
    """

    def __init__(self, folder: Path, threads: int = 0) -> None:
        if not (folder / "config.json").is_file():
            raise ConfigError(
                f"No cross-encoder in {folder}: it has no config.json.",
                hint="Point the reranker at a folder that CrossEncoder.save made.",
            )
        self._folder = folder
        self._threads = Threads("reranker", threads or usable_cores())
        self._loading = threading.Lock()
        self._network: Any = None
        self.fingerprint = f"{folder.resolve().name}:{digest(folder)}"

    async def rerank(self, question: str, hits: Sequence[Hit]) -> list[float]:
        """One score per hit, in the order given; higher is better."""
        pairs = [(question, read_text(hit)) for hit in hits]
        parts = await self._threads.each(
            partial(self._score, pairs[start : start + _BATCH])
            for start in range(0, len(pairs), _BATCH)
        )
        return [score for part in parts for score in part]

    async def aclose(self) -> None:
        await self._threads.aclose()

    def _score(self, pairs: list[tuple[str, str]]) -> list[float]:
        with self._loading:
            if self._network is None:
                self._network = load_network(self._folder, "CrossEncoder")
        try:
            found = self._network.predict(pairs, batch_size=_BATCH, show_progress_bar=False)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise ModelError(f"The reranker {self._folder.name} failed: {error}") from error
        scores = np.asarray(found, np.float64)
        if scores.shape != (len(pairs),) or not np.isfinite(scores).all():
            raise ModelError(
                f"The reranker {self._folder.name} gave no single finite score per hit.",
                hint="It must be a cross-encoder with one label.",
            )
        return scores.tolist()


def read_text(hit: Hit) -> str:
    """What of a hit is read beside the question."""
    payload = hit.payload
    return f"{payload.header}\n{payload.text}" if payload.header else payload.text
