"""The rows of a version as they are written, each with why it is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from rag.datasets import Split, Task, rows_path
from rag.learn.writing import PROVENANCE
from rag.types import Data


class Shown(Data):
    """A row: its name, exactly its line in the file, and its provenance."""

    row: str
    line: str
    provenance: dict[str, Any]


def shown(folder: Path, task: Task, split: Split, limit: int, after: str = "") -> list[Shown]:
    """The first rows by name, or those after one; reads no further than it shows."""
    path = folder / rows_path(task, split)
    if not path.exists():
        return []
    with (
        path.open(encoding="utf-8", newline="\n") as rows,
        (folder / PROVENANCE).open(encoding="utf-8", newline="\n") as file,
    ):
        # Both are in the order of the rows' names.
        both = zip(rows, _of(file, task, split), strict=False)
        later = (
            Shown(row=known["row"], line=line.rstrip("\n"), provenance=known)
            for line, known in both
            if known["row"] > after
        )
        return list(islice(later, limit))


def _of(file: Iterator[str], task: Task, split: Split) -> Iterator[dict[str, Any]]:
    for line in file:
        known = json.loads(line)
        if (known["task"], known["split"]) == (task, split):
            yield known
