"""What is in one version of a dataset and not in another, and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from rag.datasets import Difference, Split, Task
from rag.learn.writing import PROVENANCE
from rag.types import Data

SHOWN = 200
"""Rows that are told of, at most."""
Why = Literal[
    "asked_since",
    "judged_since",
    "filter",
    "review",
    "erased",
    "unreadable",
    "redaction",
    "opinion",
    "text",
    "split",
    "other",
]
"""Why a row came, went or changed, as far as can be told now; `docs/datasets.md` tells each."""


class RowChange(Data):
    """A row that is in one version only, or otherwise in the other."""

    kind: Literal["added", "removed", "changed", "moved"]
    why: Why
    task: Task
    split: Split
    row: str
    """Its name in the later version; of a row that went, in the earlier one."""
    question: str
    trace: str


class Changes(Data):
    """What became of the rows from one version to another, and those that came, went or changed."""

    one: str
    other: str
    counts: Mapping[str, int]
    """By kind, of all rows; `kept` for those that are the same."""
    filter: tuple[str, ...]
    """What of the specification is another."""
    changes: tuple[RowChange, ...]
    """The first of them."""


Origin = Mapping[str, Any]
Gone = Callable[[Sequence[Origin]], Mapping[str, Why]]
"""Why rows that went cannot be there now, by their names; nothing of those of which nothing is
known."""


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


def changed(
    one: str,
    before: Path,
    other: str,
    after: Path,
    *,
    filter: Sequence[str],
    since: str,
    gone: Gone,
) -> Changes:
    """The rows that came, went or changed. `since`: when the first was built; `filter`: what of the
    specification is another. Holds the names of the first one's rows, and what differs."""
    counts: Counter[str] = Counter()
    changes: list[RowChange] = []
    known = {(task, name): split for task, split, name in _rows(before)}
    came: dict[tuple[str, str], list[Origin]] = {}
    for origin in _origins(after):
        was = known.pop((origin["task"], origin["row"]), None)
        if was is None:
            came.setdefault(_about(origin), []).append(origin)
        elif was == origin["split"]:
            counts["kept"] += 1
        else:
            counts["moved"] += 1
            changes.append(_change("moved", "split", origin))
    left: list[Origin] = []
    for origin in _origins(before):
        if (origin["task"], origin["row"]) not in known:
            continue
        same = came.get(_about(origin))
        if same:
            new = same.pop()
            counts["changed"] += 1
            changes.append(_change("changed", _differs(origin, new), new))
        else:
            counts["removed"] += 1
            left.append(origin)
    changes = changes[:SHOWN]
    left = left[:SHOWN]
    reasons = gone(left)
    otherwise: Why = "filter" if filter else "other"
    changes += [_change("removed", reasons.get(each["row"], otherwise), each) for each in left]
    new = [each for some in came.values() for each in some]
    counts["added"] = len(new)
    changes += [_change("added", _came(each, since, filter), each) for each in islice(new, SHOWN)]
    return Changes(
        one=one, other=other, counts=counts, filter=tuple(filter), changes=tuple(changes[:SHOWN])
    )


def _change(
    kind: Literal["added", "removed", "changed", "moved"], why: Why, one: Origin
) -> RowChange:
    first = one["traces"][0]
    return RowChange(
        kind=kind, why=why, task=one["task"], split=one["split"], row=one["row"],
        question=first["question"], trace=first["id"],
    )  # fmt: skip


def _about(origin: Origin) -> tuple[str, str]:
    return origin["task"], " ".join(sorted(trace["id"] for trace in origin["traces"]))


def _differs(was: Origin, now: Origin) -> Why:
    if was["redaction_rev"] != now["redaction_rev"]:
        return "redaction"
    return "opinion" if was["opinions"] != now["opinions"] else "text"


def _came(origin: Origin, since: str, filter: Sequence[str]) -> Why:
    if all(trace["asked_at"] > since for trace in origin["traces"]):
        return "asked_since"
    return "filter" if filter else "judged_since"


def _rows(folder: Path) -> Iterator[tuple[str, str, str]]:
    return ((one["task"], one["split"], one["row"]) for one in _origins(folder))


def _origins(folder: Path) -> Iterator[Origin]:
    with (folder / PROVENANCE).open(encoding="utf-8", newline="\n") as file:
        for line in file:
            yield json.loads(line)
