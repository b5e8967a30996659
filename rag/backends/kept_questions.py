"""An Embedder that embeds a question once: whoever needs its vector again is given the same."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from rag.protocols import Embedder

KEPT = 512
"""Questions whose vectors are kept, the latest."""


class KeptQuestions:
    """The embedder as it is, for documents. Of questions no words are kept, only their hash."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.fingerprint = embedder.fingerprint
        self.dimension = embedder.dimension
        self.max_tokens = embedder.max_tokens
        self._kept: OrderedDict[bytes, tuple[float, ...]] = OrderedDict()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._embedder.count_tokens(texts)

    async def embed_documents(
        self, texts: Sequence[str], *, urgent: bool = False
    ) -> list[tuple[float, ...]]:
        return await self._embedder.embed_documents(texts, urgent=urgent)

    async def embed_query(self, text: str) -> tuple[float, ...]:
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        found = self._kept.get(key)
        if found is None:
            found = await self._embedder.embed_query(text)
            self._kept[key] = found
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found

    async def aclose(self) -> None:
        await self._embedder.aclose()
