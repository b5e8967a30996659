"""Fast stand-ins that pass the same contracts as what they stand for. For tests and benchmarks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import sqrt


class HashingEmbedder:
    """Unit vectors from hashed words: texts that share words are near, at no model's cost."""

    def __init__(self, dimension: int = 64, max_tokens: int = 256) -> None:
        self.fingerprint = f"hashing-{dimension}"
        self.dimension = dimension
        self.max_tokens = max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    async def embed_documents(
        self, texts: Sequence[str], *, urgent: bool = False
    ) -> list[tuple[float, ...]]:
        return [self._embed(text) for text in texts]

    async def embed_query(self, text: str) -> tuple[float, ...]:
        return self._embed(text)

    async def aclose(self) -> None:
        """Nothing to close."""

    def _embed(self, text: str) -> tuple[float, ...]:
        vector = [0.0] * self.dimension
        for word in text.lower().split():
            digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            vector[digest[0] % self.dimension] += 1.0 if digest[1] % 2 else -1.0
            vector[digest[2] % self.dimension] += 1.0 if digest[3] % 2 else -1.0
        length = sqrt(sum(value * value for value in vector))
        if length == 0:
            vector[0], length = 1.0, 1.0
        return tuple(value / length for value in vector)
