"""The contract of `rag.protocols.Embedder`: subclass, say how to open yours, and run pytest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from math import sqrt
from pathlib import Path

import pytest

from rag.errors import InvalidInput
from rag.protocols import Embedder

Scenario = Callable[[Embedder], Awaitable[None]]
Run = Callable[[Scenario], None]

TEXTS = (
    "The pump leaks at the shaft seal.",
    "Warranty lasts 24 months from delivery.",
    "Seal",
    "Die Dichtung ist undicht und muss ersetzt werden.",
    "A longer text about replacing the mechanical seal of a centrifugal pump in the field. " * 2,
)


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Of two unit vectors."""
    return sum(a * b for a, b in zip(one, other, strict=True))


class EmbedderContract:
    """What every Embedder promises. Override `embedder`; it is closed after each test."""

    def embedder(self, folder: Path) -> Embedder:
        """Open the implementation under test; `folder` is empty and its own."""
        raise NotImplementedError("A contract has none of its own: the subclass names it.")

    @pytest.fixture
    def run(self, tmp_path: Path) -> Generator[Run]:
        """Runs scenarios against one embedder on one event loop."""
        with asyncio.Runner() as runner:
            embedder = self.embedder(tmp_path)

            def run(scenario: Scenario) -> None:
                async def whole() -> None:
                    await scenario(embedder)

                runner.run(whole())

            yield run
            runner.run(embedder.aclose())

    def test_vectors_have_the_dimension_and_length_one(self, run: Run) -> None:
        async def scenario(embedder: Embedder) -> None:
            vectors = [*await embedder.embed_documents(TEXTS), await embedder.embed_query("Seal?")]
            assert len(vectors) == len(TEXTS) + 1
            for vector in vectors:
                assert len(vector) == embedder.dimension
                assert sqrt(sum(x * x for x in vector)) == pytest.approx(1.0, abs=1e-4)

        run(scenario)

    def test_order_is_kept_whatever_the_lengths(self, run: Run) -> None:
        async def scenario(embedder: Embedder) -> None:
            together = await embedder.embed_documents(TEXTS)
            backwards = await embedder.embed_documents(TEXTS[::-1])
            for one, other in zip(together, backwards[::-1], strict=True):
                assert one == pytest.approx(other, abs=1e-4)

        run(scenario)

    def test_a_vector_does_not_depend_on_its_batch(self, run: Run) -> None:
        async def scenario(embedder: Embedder) -> None:
            together = await embedder.embed_documents(TEXTS)
            for text, vector in zip(TEXTS, together, strict=True):
                (alone,) = await embedder.embed_documents([text])
                assert alone == pytest.approx(vector, abs=1e-4)

        run(scenario)

    def test_different_texts_differ(self, run: Run) -> None:
        async def scenario(embedder: Embedder) -> None:
            first, second, *_ = await embedder.embed_documents(TEXTS)
            assert cosine(first, second) < 0.99

        run(scenario)

    def test_nothing_in_gives_nothing(self, run: Run) -> None:
        async def scenario(embedder: Embedder) -> None:
            assert await embedder.embed_documents([]) == []
            assert embedder.count_tokens([]) == []

        run(scenario)

    def test_tokens_grow_with_the_text(self, run: Run) -> None:
        async def scenario(embedder: Embedder) -> None:
            empty, one, two = embedder.count_tokens(["", "seal", "seal of the pump"])
            assert 0 <= empty < one < two
            assert embedder.count_tokens(["seal of the pump"]) == [two]

        run(scenario)

    def test_a_document_is_never_silently_cut(self, run: Run) -> None:
        async def scenario(embedder: Embedder) -> None:
            text = "pump " * (embedder.max_tokens + 1)
            assert embedder.count_tokens([text])[0] > embedder.max_tokens
            with pytest.raises(InvalidInput):
                await embedder.embed_documents(["short", text])

        run(scenario)

    def test_a_long_question_is_embedded(self, run: Run) -> None:
        async def scenario(embedder: Embedder) -> None:
            vector = await embedder.embed_query("pump " * (embedder.max_tokens + 1))
            assert len(vector) == embedder.dimension

        run(scenario)

    def test_odd_characters_are_embedded(self, run: Run) -> None:
        async def scenario(embedder: Embedder) -> None:
            texts = ["", " ", "\ud800", "\x00", "😀", "\u202e"]
            vectors = await embedder.embed_documents(texts)
            assert all(len(vector) == embedder.dimension for vector in vectors)

        run(scenario)

    def test_calls_may_overlap(self, run: Run) -> None:
        async def scenario(embedder: Embedder) -> None:
            documents, query, again = await asyncio.gather(
                embedder.embed_documents(TEXTS),
                embedder.embed_query(TEXTS[0]),
                embedder.embed_documents(TEXTS[:1]),
            )
            assert len(documents) == len(TEXTS)
            assert again[0] == pytest.approx(documents[0], abs=1e-4)
            assert len(query) == embedder.dimension

        run(scenario)

    def test_the_fingerprint_is_stable(self, run: Run, tmp_path: Path) -> None:
        async def scenario(embedder: Embedder) -> None:
            other = self.embedder(tmp_path)
            assert embedder.fingerprint
            assert other.fingerprint == embedder.fingerprint
            await other.aclose()

        run(scenario)
