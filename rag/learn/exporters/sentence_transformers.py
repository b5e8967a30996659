"""sentence-transformers: embedders and rerankers. The order of the columns is what it reads.

Whatever stands in a line besides is taken for one more text to train on, so nothing does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from rag.datasets import Columns, Relevance, Task
from rag.learn.exporters.lines import Lines, Unfit, helpful, useless, whole


class Pairs(Lines):
    about = "sentence-transformers, pairs: a question and a passage that answers it"
    tasks = ("relevance",)
    trains = True
    columns: ClassVar[Mapping[Task, Columns]] = {
        "relevance": {"anchor": "string", "positive": "string"}
    }

    def lines(self, row: Relevance) -> Iterable[Mapping[str, Any]]:
        for passage in helpful(row):
            yield {"anchor": row.question, "positive": whole(passage)}


class Triplets(Lines):
    """Every relevant and every irrelevant passage is in at least one triplet of its question."""

    about = "sentence-transformers, triplets: with a passage that does not answer it"
    tasks = ("relevance",)
    trains = True
    columns: ClassVar[Mapping[Task, Columns]] = {
        "relevance": {"anchor": "string", "positive": "string", "negative": "string"}
    }

    def lines(self, row: Relevance) -> Iterable[Mapping[str, Any]]:
        good, bad = helpful(row), useless(row)
        if not bad:
            raise Unfit("no passage that was found irrelevant")
        for place in range(max(len(good), len(bad))):
            yield {
                "anchor": row.question,
                "positive": whole(good[place % len(good)]),
                "negative": whole(bad[place % len(bad)]),
            }


class Scored(Lines):
    about = "sentence-transformers, scored pairs: how relevant a passage is, from 0 to 1"
    tasks = ("relevance",)
    trains = True
    columns: ClassVar[Mapping[Task, Columns]] = {
        "relevance": {"sentence1": "string", "sentence2": "string", "score": "float64"}
    }

    def lines(self, row: Relevance) -> Iterable[Mapping[str, Any]]:
        for one in sorted(row.passages, key=lambda passage: passage.id):
            yield {"sentence1": row.question, "sentence2": whole(one), "score": float(one.score)}


class RerankerPairs(Lines):
    about = "sentence-transformers' CrossEncoder, pairs with a label from 0 to 1"
    tasks = ("relevance",)
    trains = True
    columns: ClassVar[Mapping[Task, Columns]] = {
        "relevance": {"query": "string", "doc": "string", "label": "float64"}
    }

    def lines(self, row: Relevance) -> Iterable[Mapping[str, Any]]:
        for one in sorted(row.passages, key=lambda passage: passage.id):
            yield {"query": row.question, "doc": whole(one), "label": float(one.score)}


class RerankerLists(Lines):
    """A question with its passages; where all were judged alike there is no order to learn."""

    about = "sentence-transformers' CrossEncoder, lists: all passages of a question"
    tasks = ("relevance",)
    trains = True
    columns: ClassVar[Mapping[Task, Columns]] = {
        "relevance": {"query": "string", "docs": ["string"], "labels": ["float64"]}
    }

    def lines(self, row: Relevance) -> Iterable[Mapping[str, Any]]:
        passages = sorted(row.passages, key=lambda passage: passage.id)
        labels = [float(passage.score) for passage in passages]
        if len(set(labels)) < 2:
            raise Unfit("all passages were judged alike")
        yield {
            "query": row.question,
            "docs": [whole(passage) for passage in passages],
            "labels": labels,
        }
