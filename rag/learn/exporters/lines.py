"""What formats of one JSON object a line have in common."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TextIO

from rag.datasets import (
    Columns,
    Exported,
    Instruction,
    Judged,
    Label,
    Preference,
    Relevance,
    Row,
    Split,
    Table,
    Task,
)
from rag.types import Message

MESSAGES: list[Any] = [{"role": "string", "content": "string"}]
# Python and JavaScript break lines at these, JSON does not.
_BREAKS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}

Rows = Mapping[Task, Mapping[Split, Iterable[Row]]]


class Unfit(Exception):
    """A row that the format cannot hold; says why, in words that can be counted."""


class LeftOut:
    """Counts what an exporter leaves out."""

    def __init__(self) -> None:
        self._counts: dict[Task, dict[Split, Counter[str]]] = {}

    def add(self, task: Task, split: Split, reason: str) -> None:
        self._counts.setdefault(task, {}).setdefault(split, Counter())[reason] += 1

    def told(self) -> dict[Task, dict[Split, dict[str, int]]]:
        """By task, split and reason."""
        return {
            task: {split: dict(sorted(counts.items())) for split, counts in splits.items()}
            for task, splits in self._counts.items()
        }


def encode(value: object) -> str:
    """A line of JSON, keys as they come. Nothing in it breaks a line, whoever counts lines."""
    text = json.dumps(value, ensure_ascii=False).translate(_BREAKS)
    return text.encode("utf-8", "replace").decode("utf-8") + "\n"


@contextmanager
def written(path: Path) -> Generator[TextIO]:
    """A new text file of UTF-8 whose lines end as they are written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8", newline="") as file:
        yield file


class Lines(ABC):
    """One file a split, one JSON object a line, in the order of the rows.

    A row gives one line or, where it holds several things, more; or it is left out.
    """

    columns: ClassVar[Mapping[Task, Columns]]
    """What a line of each task holds, in this order."""
    files: ClassVar[Mapping[Task, str]] = {}
    """What files of a task are called before `-SPLIT.jsonl`, where there are several tasks."""

    @abstractmethod
    def lines(self, row: Any) -> Iterable[Mapping[str, Any]]:
        """What a row becomes. Raises Unfit."""

    def export(self, rows: Rows, folder: Path) -> Exported:
        """Write every split of every task, also those without rows."""
        left_out = LeftOut()
        tables: list[Table] = []
        for task, splits in rows.items():
            for split, some in splits.items():
                count = 0
                path = f"{self.files[task]}-{split}.jsonl" if self.files else f"{split}.jsonl"
                with written(folder / path) as file:
                    for row in some:
                        try:
                            made = [encode(one) for one in self.lines(row)]
                        except Unfit as why:
                            left_out.add(task, split, str(why))
                            continue
                        file.writelines(made)
                        count += len(made)
                tables.append(
                    Table(
                        path=path,
                        config=task,
                        split=split,
                        rows=count,
                        columns=self.columns[task],
                    )
                )
        self.finish(folder, tables)
        return Exported(tables=tuple(tables), left_out=left_out.told())

    def finish(self, folder: Path, tables: Iterable[Table]) -> None:
        """Write what the consumer wants beside the rows."""
        return


# --- what several formats ask of a row -----------------------------------------------------------


def turns(messages: Iterable[Message]) -> list[dict[str, str]]:
    """Messages as most consumers write them."""
    return [{"role": message.role, "content": message.content} for message in messages]


def said(text: str) -> str:
    """An answer that is more than spaces."""
    if not text.strip():
        raise Unfit("an empty answer")
    return text


def reply(text: str) -> dict[str, str]:
    """What a model is to say."""
    return {"role": "assistant", "content": said(text)}


def weighted(row: Instruction) -> list[dict[str, Any]]:
    """The conversation whose last answer alone is to be learnt: earlier ones weigh nothing."""
    before: list[dict[str, Any]] = [
        {**turn, "weight": 0} if turn["role"] == "assistant" else {**turn}
        for turn in turns(asked(row))
    ]
    return [*before, {**reply(row.completion), "weight": 1}]


def asked(row: Instruction | Preference | Label) -> tuple[Message, ...]:
    """The prompt, of which a chat template can make something: it ends with a question."""
    if row.prompt[-1].role != "user":
        raise Unfit("the prompt does not end with a question")
    if any(message.role == "system" for message in row.prompt[1:]):
        raise Unfit("a system message after the first")
    if not all(message.content.strip() for message in row.prompt):
        raise Unfit("an empty message")
    return row.prompt


def distinct(row: Preference) -> Preference:
    """Two answers that differ; equal ones teach nothing, and trainers do not mind."""
    if row.chosen.strip() == row.rejected.strip():
        raise Unfit("both answers are the same")
    return row


def helpful(row: Relevance) -> list[Judged]:
    """The passages that people found relevant, the most relevant first."""
    found = sorted((p for p in row.passages if p.score > 0), key=lambda p: (-p.score, p.id))
    if not found:
        raise Unfit("no relevant passage")
    return found


def useless(row: Relevance) -> list[Judged]:
    """The passages that people found not relevant at all."""
    return sorted((p for p in row.passages if p.score == 0), key=lambda p: p.id)


def whole(passage: Judged) -> str:
    """A passage with its title, as it was embedded."""
    return f"{passage.title}\n{passage.text}" if passage.title else passage.text
