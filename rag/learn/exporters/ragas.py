"""Evaluations in the shape of ragas' `SingleTurnSample`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from rag.datasets import Columns, Evaluation, Task
from rag.learn.exporters.lines import Lines


class Ragas(Lines):
    """What nobody said is null, not an empty text."""

    about = "ragas and what reads its samples: evaluation"
    tasks = ("evaluation",)
    trains = False
    columns: ClassVar[Mapping[Task, Columns]] = {
        "evaluation": {
            "user_input": "string",
            "retrieved_contexts": ["string"],
            "retrieved_context_ids": ["string"],
            "response": "string",
            "reference": "string",
            "reference_contexts": ["string"],
            "reference_context_ids": ["string"],
        }
    }

    def lines(self, row: Evaluation) -> Iterable[Mapping[str, Any]]:
        yield {
            "user_input": row.question,
            "retrieved_contexts": row.contexts,
            "retrieved_context_ids": row.context_ids,
            "response": row.response or None,
            "reference": row.reference or None,
            "reference_contexts": row.reference_contexts,
            "reference_context_ids": row.reference_ids,
        }
