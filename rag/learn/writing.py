"""The folder of a dataset: rows, provenance, card, croissant and manifest, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rag.datasets import Manifest, Split, Task, rows_path
from rag.learn import cards
from rag.learn.built import CROISSANT, MANIFEST, README, appearing, listed

PROVENANCE = "provenance.jsonl"


def write_dataset(
    target: Path,
    manifest: dict[str, Any],
    rows: Callable[[Task, Split], Iterable[str]],
    provenance: Callable[[], Iterable[str]],
) -> None:
    """Write a version and say in its manifest what is in its files; one that is there stays.

    Raises StorageFull, Unavailable.
    """
    if (target / MANIFEST).exists():
        # Of a build that was cut off before it was listed: what is listed says what the files do.
        manifest.update(json.loads((target / MANIFEST).read_text(encoding="utf-8")))
        return
    with appearing(target) as folder:
        for task, splits in manifest["rows"].items():
            for split in splits:
                write_lines(folder / rows_path(task, split), rows(task, split))
        write_lines(folder / PROVENANCE, provenance())
        manifest["files"] = _listed(folder)
        told = Manifest.model_validate(manifest)
        (folder / README).write_text(cards.readme(told), encoding="utf-8")
        (folder / CROISSANT).write_text(cards.croissant(told), encoding="utf-8")
        manifest["files"] = _listed(folder)
        text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True)
        (folder / MANIFEST).write_text(f"{text}\n", encoding="utf-8")


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """One file of lines, each of them ended."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{one}\n" for one in lines)


def _listed(folder: Path) -> dict[str, Any]:
    return {name: one.model_dump() for name, one in listed(folder).items()}
