"""Every reranker keeps the contract."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from rag.backends.lambdamart import LambdaMartReranker
from rag.backends.reranker import CrossEncoderReranker
from rag.learn.ranking import ranked
from rag.testing.reranker import RerankerContract
from tests.backends.test_reranker import save_cross_encoder
from tests.learn.test_ranking import asked


@cache
def grown() -> bytes:
    return ranked(asked(60, "terms")).written


class TestLambdaMart(RerankerContract):
    def reranker(self, folder: Path) -> LambdaMartReranker:
        file = folder / "reranker.json"
        file.write_bytes(grown())
        return LambdaMartReranker(file)


class TestCrossEncoder(RerankerContract):
    def reranker(self, folder: Path) -> CrossEncoderReranker:
        if not (folder / "config.json").exists():
            save_cross_encoder(folder)
        return CrossEncoderReranker(folder, threads=1)
