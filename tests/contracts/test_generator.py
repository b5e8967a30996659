"""The Generator contract on a genuine language model."""

import pytest

from rag.backends.generators import build_generator
from rag.config import ModelSettings
from rag.testing.generator import GeneratorContract
from tests.backends.small_llm import CONTEXT, small_llm


@pytest.fixture(scope="module")
def url():
    with small_llm() as found:
        yield found


class TestOpenAIChat(GeneratorContract):
    provider, model = "openai_like", "smollm2"

    @pytest.fixture(autouse=True)
    def server(self, url):
        self.url = url

    def generator(self):
        return build_generator(
            "small",
            ModelSettings(
                provider=self.provider,
                model=self.model,
                api_key="none",
                base_url=self.url,
                context_window=CONTEXT,
                max_output_tokens=24,
            ),
        )


class TestLlamaIndex(TestOpenAIChat):
    provider, model = "openai", "gpt-4o-mini"
    """Its class knows no other names; the server does not ask."""
