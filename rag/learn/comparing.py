"""What is in one version of a dataset and not in another."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rag.datasets import Difference


def compared(one: str, before: Path, other: str, after: Path) -> Difference:
    """From one version's folder to another's; holds the names of the first one's rows."""
    kept: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    added: Counter[str] = Counter()
    removed: Counter[str] = Counter()
    known = {(task, name): split for task, split, name in _rows(before)}
    for task, split, name in _rows(after):
        was = known.pop((task, name), None)
        if was is None:
            added[task] += 1
        elif was == split:
            kept[task] += 1
        else:
            moved[task] += 1
    for task, _ in known:
        removed[task] += 1
    return Difference(one=one, other=other, kept=kept, added=added, removed=removed, moved=moved)


def _rows(folder: Path) -> Iterator[tuple[str, str, str]]:
    with (folder / "provenance.jsonl").open(encoding="utf-8") as file:
        for line in file:
            found = json.loads(line)
            yield found["task"], found["split"], found["row"]
