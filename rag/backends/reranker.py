"""A Reranker over a cross-encoder on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np

from rag.backends.encoder import QUESTION, Worker, load_network, usable_cores
from rag.backends.local_model import digest
from rag.errors import ConfigError, ModelError
from rag.types import Hit

_BATCH = 16


class CrossEncoderReranker:
    """Scores each hit against the question with a sentence-transformers CrossEncoder folder.

    The model is loaded with the first question, on a thread of its own. Pairs longer than it reads
    are judged by their beginning: it orders hits, it embeds nothing.
    """

    def __init__(self, folder: Path, threads: int = 0) -> None:
        if not (folder / "config.json").is_file():
            raise ConfigError(
                f"No cross-encoder in {folder}: it has no config.json.",
                hint="Point the reranker at a folder that CrossEncoder.save made.",
            )
        self._folder = folder
        self._threads = threads or usable_cores()
        self._worker = Worker("reranker")
        self._network: Any = None
        self.fingerprint = f"{folder.resolve().name}:{digest(folder)}"

    async def rerank(self, question: str, hits: Sequence[Hit]) -> list[float]:
        """One score per hit, in the order given; higher is better."""
        pairs = [(question, _shown(hit)) for hit in hits]
        parts: list[Future[list[float]]] = [
            self._worker.submit(
                QUESTION, lambda part=pairs[start : start + _BATCH]: self._score(part)
            )
            for start in range(0, len(pairs), _BATCH)
        ]
        try:
            return [score for part in parts for score in await asyncio.wrap_future(part)]
        finally:
            for part in parts:
                part.cancel()

    async def aclose(self) -> None:
        await self._worker.aclose()

    def _score(self, pairs: list[tuple[str, str]]) -> list[float]:
        if self._network is None:
            self._network = load_network(self._folder, self._threads, "CrossEncoder")
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


def _shown(hit: Hit) -> str:
    payload = hit.payload
    return f"{payload.header}\n{payload.text}" if payload.header else payload.text
