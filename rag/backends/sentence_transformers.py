"""The default Embedder: a sentence-transformers model on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from rag.backends.encoder import Choice, Encoder
from rag.backends.local_model import Remembered, describe
from rag.config import EmbeddingSettings


class SentenceTransformersEmbedder:
    """Embeds with the packaged MiniLM, a local folder or a hub model, never cutting a document.

    Construction reads files only; torch and the weights are loaded by `warm` or the first call, on
    the encoder's own threads. A question never waits for documents. A question longer than the
    model reads is represented by its first `max_tokens` tokens; a document that long raises
    InvalidInput. Precision and batch are measured once per machine and kept in `cache`.
    """

    def __init__(self, settings: EmbeddingSettings, cache: Path) -> None:
        remembered = Remembered(cache / "embedding.json")
        self._model = describe(settings, cache, remembered)
        self._encoder = Encoder(self._model, settings.precision, settings.threads, remembered)
        self.fingerprint = self._model.fingerprint
        self.dimension = self._model.dimension
        self.max_tokens = self._model.max_tokens

    @property
    def choice(self) -> Choice | None:
        """Precision and batch budget in use; None until loaded."""
        return self._encoder.choice

    async def warm(self) -> None:
        """Load the model now; run it as a background task to have it ready for the first call."""
        await self._encoder.warm()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._model.count_tokens(texts)

    async def embed_documents(
        self, texts: Sequence[str], *, urgent: bool = False
    ) -> list[tuple[float, ...]]:
        if not texts:
            return []
        ids = await asyncio.to_thread(self._model.document_ids, texts)
        vectors = await self._encoder.encode_documents(ids, urgent=urgent)
        return [tuple(row) for row in vectors.tolist()]

    async def embed_query(self, text: str) -> tuple[float, ...]:
        vectors = await self._encoder.encode_question(self._model.query_ids(text))
        return tuple(vectors[0].tolist())

    async def aclose(self) -> None:
        await self._encoder.aclose()
