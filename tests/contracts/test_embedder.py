"""The Embedder contract on every implementation."""

import pytest

from rag.backends.kept_questions import KEPT, KeptQuestions
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
        # Which precision is the faster one is by chance on a busy machine.
        chosen = EmbeddingSettings(threads=1, precision="fp32")
        return SentenceTransformersEmbedder(chosen, self.folder)


class TestKeptQuestions(TestSentenceTransformers):
    def embedder(self, folder):
        return KeptQuestions(super().embedder(folder))

    def test_a_question_is_embedded_once_and_its_words_are_not_kept(self, run):
        async def scenario(embedder):
            first = await embedder.embed_query("Where is the canary?")
            inner, embedder._embedder = embedder._embedder, None
            try:
                assert await embedder.embed_query("Where is the canary?") == first
                assert "canary" not in repr(vars(embedder))
            finally:
                embedder._embedder = inner
            for n in range(KEPT):
                embedder._kept[b"%d" % n] = first
            assert await embedder.embed_query("Another one?") != first
            assert len(embedder._kept) <= KEPT + 1

        run(scenario)


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
