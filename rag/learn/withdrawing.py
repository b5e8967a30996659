"""Taking rows out of a dataset whose sources are no more, or may not be read any more.

What is left is a version of its own; of the one before nothing stays but that it was there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from rag.datasets import SPLITS, TASKS, line, row_hash, rows_path
from rag.learn.built import manifest_of
from rag.learn.redaction import summed
from rag.learn.writing import PROVENANCE, write_dataset
from rag.redaction import Redaction
from rag.store.opinions import Replaced

AT_ONCE = 500


class Origin(NamedTuple):
    """What a row was made of, by ids."""

    row: str
    traces: frozenset[str]
    events: frozenset[str]
    documents: frozenset[str]


Unsound = Callable[[Sequence[Origin]], set[str]]
"""Which of these rows were made of something that is no more, or may not be read."""


def unsound(folder: Path, look: Unsound) -> set[str]:
    """The rows of a version that may not stay, by their hashes."""
    found: set[str] = set()
    origins = _origins(folder)
    while some := list(islice(origins, AT_ONCE)):
        found |= look(some)
    return found


def traces_of(folder: Path) -> set[str]:
    """The answers that a version was made of."""
    return {trace for origin in _origins(folder) for trace in origin.traces}


def without(folder: Path, bad: set[str], target: Callable[[str], Path]) -> dict[str, Any]:
    """Write what is left of a version to where `target` says its version belongs. Returns its
    manifest."""
    before = manifest_of(folder)
    rows: dict[str, dict[str, int]] = {}
    content = hashlib.sha256()
    for task in TASKS:
        for split in SPLITS:
            for name in map(row_hash, _left(folder / rows_path(task, split), bad)):
                rows.setdefault(task, {}).setdefault(split, 0)
                rows[task][split] += 1
                content.update(f"{task} {split} {name}\n".encode())
    told = {name: of for name, of in before.items() if name not in ("format", "version", "files")}
    told |= {"rows": rows, "withdrawn": before.get("withdrawn", 0) + len(bad)}
    if "redaction" in before:
        said = summed(Redaction.model_validate(before["redaction"]), _replaced(folder, bad))
        told["redaction"] = said.model_dump(mode="json")
    content.update(line(told).encode())
    manifest: dict[str, Any] = {"format": 1, "version": content.hexdigest(), **told}
    write_dataset(
        target(manifest["version"]),
        manifest,
        lambda task, split: _left(folder / rows_path(task, split), bad),
        lambda: (one for one in _lines(folder / PROVENANCE) if json.loads(one)["row"] not in bad),
    )
    return manifest


def origin_of(told: Mapping[str, Any]) -> Origin:
    """What a row was made of, of its provenance."""
    return Origin(
        row=told["row"],
        traces=frozenset(trace["id"] for trace in told["traces"]),
        events=frozenset(opinion["event"] for opinion in told["opinions"]),
        documents=frozenset(
            document["id"] for trace in told["traces"] for document in trace["documents"]
        ),
    )


def _origins(folder: Path) -> Iterator[Origin]:
    return (origin_of(json.loads(one)) for one in _lines(folder / PROVENANCE))


def _replaced(folder: Path, bad: set[str]) -> Iterator[tuple[Replaced, int]]:
    """What was replaced in each row that stays."""
    for one in _lines(folder / PROVENANCE):
        told = json.loads(one)
        if told["row"] not in bad:
            yield told.get("replaced", {}), 1


def _left(path: Path, bad: set[str]) -> Iterator[str]:
    return (one for one in _lines(path) if row_hash(one) not in bad)


def _lines(path: Path) -> Iterator[str]:
    """None where there is no such file: a task or a split without rows has none."""
    if path.exists():
        with path.open(encoding="utf-8", newline="\n") as file:
            for one in file:
                yield one.removesuffix("\n")
