"""How the documents of a generation are cut: as configured, or as a candidate says."""

from __future__ import annotations

import asyncio

from rag.config import ChunkingSettings
from rag.errors import NotFound, Unavailable
from rag.ingest.chunking import StructureChunker
from rag.protocols import Embedder
from rag.store.candidates import Candidates


class Chunkers:
    """Makes each chunker once: what a candidate was made of never changes.

    Tokens are always counted by the configured embedder: passages of a trained one are the same.
    """

    def __init__(self, configured: StructureChunker, embedder: Embedder, kept: Candidates) -> None:
        self._configured = configured
        self._embedder = embedder
        self._kept = kept
        self._known: dict[str, StructureChunker] = {}

    async def of(self, chunking: str | None) -> StructureChunker:
        """A candidate's, or the configured one. Raises Unavailable where it is forgotten."""
        if chunking is None:
            return self._configured
        if chunking not in self._known:
            self._known[chunking] = await asyncio.to_thread(self._made, chunking)
        return self._known[chunking]

    def cut(self, settings: ChunkingSettings) -> StructureChunker:
        """Another one, for a trial."""
        return StructureChunker(self._embedder, settings)

    def _made(self, chunking: str) -> StructureChunker:
        try:
            lineage = self._kept.lineage(chunking)
        except NotFound:
            raise Unavailable(
                f"How the index of the chunking '{chunking}' is cut is not known any more.",
                hint="Go back: rag rollback; or make another: rag tune chunking.",
            ) from None
        return self.cut(ChunkingSettings.model_validate(lineage["cut"]))
