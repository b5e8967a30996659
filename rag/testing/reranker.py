"""The contract of `rag.protocols.Reranker`: subclass, say how to open yours, and run pytest."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Generator
from math import isfinite
from pathlib import Path

import pytest

from rag.protocols import Explains, Reranker
from rag.types import EVERYONE, Hit, Payload, Score

Scenario = Callable[[Reranker], Awaitable[None]]
Run = Callable[[Scenario], None]

QUESTION = "How long is the warranty of the pump?"
TEXTS = (
    "The warranty of the pump lasts 24 months from delivery.",
    "The pump leaks at the shaft seal.",
    "Seal",
    "Die Dichtung ist undicht und muss ersetzt werden.",
    "A longer text about replacing the mechanical seal of a centrifugal pump. " * 40,
)


def found(texts: tuple[str, ...] = TEXTS) -> list[Hit]:
    """These texts as a search finds them, every other one by words as well."""
    hits: list[Hit] = []
    for rank, text in enumerate(texts, 1):
        payload = Payload(
            chunk_id=str(uuid.UUID(int=rank)),
            document_id=f"doc-{rank % 3}",
            version=1,
            source="files",
            readers=(EVERYONE,),
            language="en",
            title="Warranty",
            uri="file:///warranty.md",
            text=text,
            header="Pumps",
            ordinal=rank,
            start=0,
            end=len(text),
            modified_at=rank * 86_400.0 if rank % 2 else None,
        )
        scores = [Score(stage="dense", rank=rank, score=0.9 / rank)]
        if rank % 2:
            scores.append(Score(stage="bm25", rank=rank, score=12.0 / rank))
        scores.append(Score(stage="fusion", rank=rank, score=2.0 / rank))
        hits.append(Hit(rank=rank, score=2.0 / rank, payload=payload, scores=tuple(scores)))
    return hits


class RerankerContract:
    """What every Reranker promises. Override `reranker`; it is closed after each test."""

    def reranker(self, folder: Path) -> Reranker:
        """Open the implementation under test; `folder` is empty and its own."""
        raise NotImplementedError("A contract has none of its own: the subclass names it.")

    @pytest.fixture
    def run(self, tmp_path: Path) -> Generator[Run]:
        """Runs scenarios against one reranker on one event loop."""
        with asyncio.Runner() as runner:
            reranker = self.reranker(tmp_path)

            def run(scenario: Scenario) -> None:
                async def whole() -> None:
                    await scenario(reranker)

                runner.run(whole())

            yield run
            runner.run(reranker.aclose())

    def test_there_is_one_finite_score_for_each_hit(self, run: Run) -> None:
        async def scenario(reranker: Reranker) -> None:
            scores = await reranker.rerank(QUESTION, found())
            assert len(scores) == len(TEXTS)
            assert all(isfinite(score) for score in scores)

        run(scenario)

    def test_different_hits_have_different_scores(self, run: Run) -> None:
        async def scenario(reranker: Reranker) -> None:
            assert len({*await reranker.rerank(QUESTION, found())}) > 1

        run(scenario)

    def test_the_order_of_the_hits_does_not_matter(self, run: Run) -> None:
        async def scenario(reranker: Reranker) -> None:
            hits = found()
            scores = await reranker.rerank(QUESTION, hits)
            backwards = await reranker.rerank(QUESTION, hits[::-1])
            assert backwards[::-1] == pytest.approx(scores, abs=1e-4)

        run(scenario)

    def test_the_same_question_is_answered_the_same(self, run: Run) -> None:
        async def scenario(reranker: Reranker) -> None:
            first = await reranker.rerank(QUESTION, found())
            assert await reranker.rerank(QUESTION, found()) == pytest.approx(first, abs=1e-6)

        run(scenario)

    def test_nothing_in_gives_nothing(self, run: Run) -> None:
        async def scenario(reranker: Reranker) -> None:
            assert await reranker.rerank(QUESTION, []) == []

        run(scenario)

    def test_odd_texts_and_questions_have_scores(self, run: Run) -> None:
        async def scenario(reranker: Reranker) -> None:
            hits = found(("", " ", "\x00", "😀", "\u202e", "pump " * 5_000))
            for question in ("", "?", "😀", "pump " * 5_000):
                scores = await reranker.rerank(question, hits)
                assert len(scores) == len(hits)
                assert all(isfinite(score) for score in scores)

        run(scenario)

    def test_hits_that_no_list_found_have_scores(self, run: Run) -> None:
        async def scenario(reranker: Reranker) -> None:
            hits = [hit.model_copy(update={"scores": ()}) for hit in found()]
            assert all(isfinite(score) for score in await reranker.rerank(QUESTION, hits))

        run(scenario)

    def test_calls_may_overlap(self, run: Run) -> None:
        async def scenario(reranker: Reranker) -> None:
            alone = await reranker.rerank(QUESTION, found())
            together = await asyncio.gather(*(reranker.rerank(QUESTION, found()) for _ in range(4)))
            for scores in together:
                assert scores == pytest.approx(alone, abs=1e-4)

        run(scenario)

    def test_the_fingerprint_is_stable(self, run: Run, tmp_path: Path) -> None:
        async def scenario(reranker: Reranker) -> None:
            other = self.reranker(tmp_path)
            assert reranker.fingerprint
            assert other.fingerprint == reranker.fingerprint
            await other.aclose()

        run(scenario)

    def test_whoever_tells_why_tells_it_of_each_hit(self, run: Run) -> None:
        async def scenario(reranker: Reranker) -> None:
            if not isinstance(reranker, Explains):
                return
            told = await reranker.reasons(QUESTION, found())
            assert len(told) == len(TEXTS)
            assert all(isfinite(push) for one in told for push in one.values())
            assert await reranker.reasons(QUESTION, []) == []

        run(scenario)
