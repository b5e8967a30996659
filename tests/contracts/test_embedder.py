"""The Embedder contract on every implementation."""

import pytest

from rag.backends.openai_embeddings import OpenAICompatibleEmbedder
from rag.backends.sentence_transformers import SentenceTransformersEmbedder
from rag.config import EmbeddingSettings
from rag.testing.embedder import EmbedderContract
from tests.backends.embedding_endpoint import DIMENSION, endpoint


class TestSentenceTransformers(EmbedderContract):
    """On the model packaged with Ratchet; the measured probe is shared between the tests."""

    @pytest.fixture(autouse=True)
    def cache(self, tmp_path_factory):
        self.folder = tmp_path_factory.getbasetemp() / "embedding"

    def embedder(self, folder):
        return SentenceTransformersEmbedder(EmbeddingSettings(threads=1), self.folder)


class TestOpenAICompatible(EmbedderContract):
    @pytest.fixture(autouse=True)
    def server(self):
        with endpoint() as self.endpoint:
            yield

    def embedder(self, folder):
        return OpenAICompatibleEmbedder(
            EmbeddingSettings(
                provider="openai_compatible",
                model="hashing",
                base_url=self.endpoint.url,
                dimension=DIMENSION,
            )
        )
