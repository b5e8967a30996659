"""Our retriever inside LlamaIndex's own query engine, over the real index."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.query_engine import RetrieverQueryEngine

from rag.errors import InvalidInput, NotFound
from rag.llamaindex import RatchetRetriever
from rag.types import Match, Principal
from tests.ways.conftest import Deployment

REFUND = "Who may approve a refund above 200 euro?"


class Echo(CustomLLM):
    """Answers with what it is told, so that a test sees exactly that."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=8_192, num_output=256)

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        return CompletionResponse(text=prompt)

    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
        yield self.complete(prompt)


def retriever(deployment: Deployment, user: str, **more: Any) -> RatchetRetriever:
    async def made() -> RatchetRetriever:
        return RatchetRetriever(deployment.app, Principal(id=user), **more)

    return deployment.run(made())


def engine(deployment: Deployment, user: str, **more: Any) -> RetrieverQueryEngine:
    return RetrieverQueryEngine.from_args(retriever(deployment, user, **more), llm=Echo())


@pytest.mark.parametrize("awaited", [True, False])
def test_a_query_engine_answers_from_what_the_person_may_read(
    deployment: Deployment, awaited: bool
) -> None:
    def ask(user: str) -> Any:
        asked = engine(deployment, user)
        return deployment.run(asked.aquery(REFUND)) if awaited else asked.query(REFUND)

    allowed, refused = ask("robin"), ask("guest")
    assert "shop manager" in str(allowed)
    assert "title: refunds.md" in str(allowed)
    assert "document_id" not in str(allowed), "the place is for programs, not for the model"
    assert refused.source_nodes
    assert "manager" not in str(refused)
    assert all("manager" not in one.node.text for one in refused.source_nodes)


def test_a_node_says_exactly_where_it_stands(deployment: Deployment) -> None:
    nodes = retriever(deployment, "robin", limit=2).retrieve("warranty on a new lamp")
    assert len(nodes) == 2
    assert [one.score for one in nodes] == sorted((one.score for one in nodes), reverse=True)
    for node in (one.node for one in nodes):
        place = node.metadata
        text = deployment.run(
            deployment.app.text(Principal(id="robin"), place["document_id"], place["version"])
        )
        assert text[node.start_char_idx : node.end_char_idx] == node.text
        assert node.source_node.node_id == place["document_id"]


def test_a_retriever_is_of_one_domain_and_obeys_its_filter(deployment: Deployment) -> None:
    found = retriever(deployment, "robin", domain="chairs").retrieve("warranty")
    assert any("60 months" in one.node.text for one in found)
    none = Match(field="language", any_of=("xx",))
    assert retriever(deployment, "robin", filter=none).retrieve("warranty") == []
    with pytest.raises(NotFound):
        retriever(deployment, "carol").retrieve("warranty")


def test_waiting_for_the_own_loop_is_refused(deployment: Deployment) -> None:
    async def stuck() -> None:
        RatchetRetriever(deployment.app, Principal(id="robin")).retrieve("warranty")

    with pytest.raises(InvalidInput, match="aretrieve"):
        deployment.run(stuck())
