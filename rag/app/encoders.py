"""Whose vectors a generation has: the configured embedder's, or those of a candidate that was
trained further."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rag.backends.kept_questions import KeptQuestions
from rag.backends.sentence_transformers import SentenceTransformersEmbedder
from rag.config import Settings
from rag.errors import ConfigError, Unavailable
from rag.protocols import Embedder
from rag.store.generations import Generations

FOLDER = "candidates"
"""Of the data folder; in it a folder for each candidate that is more than rows."""


class Encoders:
    """Opens each encoder once. What is in no generation any more is closed with the next that
    opens.

    Questions are compared with each other, and with sentences, by the configured one: only what
    is searched for in a generation is embedded as that was.
    """

    def __init__(self, configured: Embedder, generations: Generations, settings: Settings) -> None:
        self.configured = configured
        self._generations = generations
        self._settings = settings
        self._opened: dict[str, Embedder] = {}
        self._named: dict[str, str | None] = {}
        """The encoder of each generation, which never changes."""
        self._opening = asyncio.Lock()

    async def searching(self, generation: str) -> Embedder:
        """That of a generation, by its id. Raises Unavailable where its files are gone."""
        if generation not in self._named:
            found = await asyncio.to_thread(self._generations.encoder, generation)
            self._named[generation] = found
        return await self.of(self._named[generation])

    async def of(self, encoder: str | None) -> Embedder:
        """A candidate's, or the configured one. Raises Unavailable where its files are gone."""
        if encoder is None:
            return self.configured
        if encoder not in self._opened:
            async with self._opening:
                if encoder not in self._opened:
                    await self._close_unused()
                    self._opened[encoder] = await asyncio.to_thread(self._open, encoder)
        return self._opened[encoder]

    def folder(self, encoder: str) -> Path:
        """Where the files of a candidate are."""
        return self._settings.data / FOLDER / encoder

    def _open(self, encoder: str) -> Embedder:
        data = self._settings.data
        settings = self._settings.embedding.model_copy(
            update={"provider": "sentence_transformers", "model": str(self.folder(encoder)),
                    "revision": "", "allow_download": False, "max_tokens": 0}
        )  # fmt: skip
        try:
            return KeptQuestions(SentenceTransformersEmbedder(settings, data / "cache"))
        except ConfigError as error:
            raise Unavailable(
                f"The files of the encoder '{encoder}' are gone or damaged: {error.message}",
                hint=f"Restore {FOLDER}/{encoder} in the data folder, or go back: rag rollback.",
            ) from error

    async def _close_unused(self) -> None:
        used = await asyncio.to_thread(self._generations.encoders)
        for one in [*self._opened.keys() - used]:
            await self._opened.pop(one).aclose()

    async def aclose(self) -> None:
        """Close those of candidates; the configured one is its owner's to close."""
        while self._opened:
            _, one = self._opened.popitem()
            await one.aclose()
