"""Which questions of a version ask much the same, and in which split they are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from heapq import nlargest
from pathlib import Path
from typing import Any

from rag.datasets import Split
from rag.learn.writing import PROVENANCE
from rag.types import Data

QUESTIONS = 5
"""Of a cluster that are told, at most."""


class ClusterRows(Data):
    """Rows of questions that ask much the same."""

    cluster: str
    splits: Mapping[Split, int]
    """Rows by split; more than one is a leak."""
    questions: tuple[str, ...]


class Clusters(Data):
    """Those with the most rows, leaks first."""

    count: int
    leaks: int
    """How many are in more than one split."""
    shown: tuple[ClusterRows, ...]


def clusters(folder: Path, limit: int) -> Clusters:
    """Reads where rows came from, twice; holds a count for each cluster."""
    counts: dict[str, Counter[Split]] = {}
    for one in _origins(folder):
        counts.setdefault(one["cluster"], Counter())[one["split"]] += 1
    most = nlargest(limit, counts, key=lambda name: (len(counts[name]), counts[name].total(), name))
    asked: dict[str, dict[str, None]] = {name: {} for name in most}
    for one in _origins(folder):
        known = asked.get(one["cluster"])
        if known is not None and len(known) < QUESTIONS:
            known.update((trace["question"], None) for trace in one["traces"])
    return Clusters(
        count=len(counts),
        leaks=sum(len(splits) > 1 for splits in counts.values()),
        shown=tuple(
            ClusterRows(cluster=name, splits=counts[name], questions=tuple(asked[name])[:QUESTIONS])
            for name in most
        ),
    )


def _origins(folder: Path) -> Any:
    with (folder / PROVENANCE).open(encoding="utf-8", newline="\n") as file:
        for line in file:
            yield json.loads(line)
