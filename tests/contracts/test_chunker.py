"""The Chunker contract on real tokenizers and several budgets."""

from functools import lru_cache

import pytest

from rag.backends.sentence_transformers import SentenceTransformersEmbedder
from rag.config import ChunkingSettings, EmbeddingSettings
from rag.ingest.chunking import StructureChunker
from rag.testing.chunker import ChunkerContract
from rag.testing.fakes import HashingEmbedder


@lru_cache
def minilm(folder, max_tokens=0):
    return SentenceTransformersEmbedder(EmbeddingSettings(max_tokens=max_tokens), folder)


class OnMiniLM(ChunkerContract):
    max_tokens = 0
    settings = ChunkingSettings()

    @pytest.fixture(autouse=True)
    def cache(self, tmp_path_factory):
        self.folder = tmp_path_factory.getbasetemp() / "embedding"

    def embedder(self):
        return minilm(self.folder, self.max_tokens)

    def chunker(self):
        return StructureChunker(self.embedder(), self.settings)


class TestDefault(OnMiniLM):
    """As configured out of the box."""


class TestOverlapping(OnMiniLM):
    settings = ChunkingSettings(size=64, overlap=16)


class TestFilledToTheLimit(OnMiniLM):
    max_tokens = 32
    settings = ChunkingSettings(size=512)


class TestOnWords(ChunkerContract):
    """A tokenizer without marks at start and end, that counts one token per word."""

    def embedder(self):
        return HashingEmbedder(max_tokens=40)

    def chunker(self):
        return StructureChunker(self.embedder(), ChunkingSettings(size=30))
