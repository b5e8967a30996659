"""Our search as a LlamaIndex retriever, for query engines, agents and whatever else takes one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import (
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)

from rag.errors import InvalidInput
from rag.types import Filter, Hit, Principal, SearchRequest

if TYPE_CHECKING:
    from rag.app import App
    from rag.remote import RemoteApp

_PLACE = ("document_id", "version", "uri", "page")


class RatchetRetriever(BaseRetriever):
    """Finds what a principal may read, as it is at the moment of each query.

    Made on the event loop that the app lives on. `aretrieve` is for that loop, `retrieve` for
    other threads while it runs. Errors are those of `App.search`.
    """

    def __init__(
        self,
        app: App | RemoteApp,
        principal: Principal,
        *,
        domain: str | None = None,
        limit: int = 10,
        filter: Filter | None = None,
    ) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._app = app
        self._principal = principal
        self._domain = domain
        self._limit = limit
        self._filter = filter
        self._loop = asyncio.get_running_loop()

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = await self._app.search(self._principal, self._request(query_bundle.query_str))
        return [_node(hit) for hit in found.hits]

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        try:
            waiting = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            waiting = False
        if waiting:
            raise InvalidInput(
                "retrieve() would wait for the event loop that it is called on.",
                hint="Await aretrieve(), or aquery() of the engine.",
            )
        found = asyncio.run_coroutine_threadsafe(self._aretrieve(query_bundle), self._loop)
        return found.result()

    def _request(self, query: str) -> SearchRequest:
        return SearchRequest(
            query=query, domain=self._domain, limit=self._limit, filter=self._filter
        )


def _node(hit: Hit) -> NodeWithScore:
    """The chunk as a node: a model is told its title, the rest says where it stands."""
    payload = hit.payload
    place = payload.model_dump(include={*_PLACE})
    source = RelatedNodeInfo(node_id=payload.document_id, metadata=place)
    node = TextNode(
        id_=payload.chunk_id,
        text=payload.text,
        metadata={"title": payload.title, **place},
        excluded_llm_metadata_keys=[*_PLACE],
        excluded_embed_metadata_keys=[*_PLACE],
        start_char_idx=payload.start,
        end_char_idx=payload.end,
        relationships={NodeRelationship.SOURCE: source},
    )
    return NodeWithScore(node=node, score=hit.score)
