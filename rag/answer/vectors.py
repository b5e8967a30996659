"""Vectors of sentences, each made once: the same passages answer many questions."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from rag.protocols import Embedder

MAX_CHARS = 700
# About 30 MB at 384 dimensions.
CACHED = 20_000


class Vectors:
    """Embeds sentences and keeps the latest; a vector depends on nothing but its text."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()

    async def of(self, texts: Sequence[str]) -> np.ndarray:
        """A unit vector a row. Cutting a text to what the embedder reads only blurs a score."""
        texts = [text[:MAX_CHARS] for text in texts]
        # What others ask meanwhile may push out what is kept now.
        known = {text: self._kept[text] for text in texts if text in self._kept}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            limit = self.embedder.max_tokens
            cut = [
                text if count <= limit else text[: int(len(text) * 0.9 * limit / count)]
                for text, count in zip(missing, self.embedder.count_tokens(missing), strict=True)
            ]
            vectors = await self.embedder.embed_documents(cut, urgent=True)
            for text, vector in zip(missing, vectors, strict=True):
                known[text] = np.asarray(vector, dtype=np.float32)
        for text, vector in known.items():
            self._kept[text] = vector
            self._kept.move_to_end(text)
        while len(self._kept) > CACHED:
            self._kept.popitem(last=False)
        return np.stack([known[text] for text in texts])
