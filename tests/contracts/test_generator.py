"""The Generator contract on a genuine language model."""

import pytest

from rag.backends.llamaindex import build_generator
from rag.config import ModelSettings
from rag.testing.generator import GeneratorContract
from tests.backends.small_llm import CONTEXT, small_llm


@pytest.fixture(scope="module")
def url():
    with small_llm() as found:
        yield found


class TestLlamaIndex(GeneratorContract):
    @pytest.fixture(autouse=True)
    def server(self, url):
        self.url = url

    def generator(self):
        return build_generator(
            "small",
            ModelSettings(
                provider="openai_like",
                model="smollm2",
                base_url=self.url,
                context_window=CONTEXT,
                max_output_tokens=24,
            ),
        )
