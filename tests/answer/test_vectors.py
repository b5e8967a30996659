"""Sentences are embedded once, also while others push them out of what is kept."""

import asyncio

import numpy as np
import pytest

from rag.answer import vectors
from rag.answer.vectors import Vectors
from rag.testing.fakes import HashingEmbedder


def test_each_text_is_embedded_once_and_rows_are_in_order() -> None:
    embedded: list[str] = []

    class Counting(HashingEmbedder):
        async def embed_documents(self, texts, *, urgent=False):
            embedded.extend(texts)
            return await super().embed_documents(texts, urgent=urgent)

    kept = Vectors(Counting())
    first = asyncio.run(kept.of(["a b", "c", "a b"]))
    again = asyncio.run(kept.of(["c", "a b"]))
    assert embedded == ["a b", "c"]
    assert np.array_equal(first[0], first[2])
    assert np.array_equal(first[[1, 0]], again)


def test_what_is_pushed_out_meanwhile_is_still_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "CACHED", 2)

    class Slow(HashingEmbedder):
        async def embed_documents(self, texts, *, urgent=False):
            if texts == ["mine"]:
                # Somebody else asks while this waits.
                await kept.of(["x", "y", "z"])
            return await super().embed_documents(texts, urgent=urgent)

    kept = Vectors(Slow())

    async def story() -> np.ndarray:
        await kept.of(["known"])
        return await kept.of(["known", "mine"])

    found = asyncio.run(story())
    assert found.shape[0] == 2
    assert len(kept._kept) == 2
