"""The rows of a version as they are written, each with why it is there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from io import SEEK_END
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from rag.datasets import ExportManifest, Kept, Split, Task, row_hash, rows_path
from rag.learn.built import manifest_of
from rag.learn.writing import PROVENANCE
from rag.types import Data

MOST = 200_000
"""Bytes of a file that are shown, at most."""


class Shown(Data):
    """A row: its name, exactly its line in the file, and its provenance."""

    row: str
    line: str
    provenance: dict[str, Any]


class ShownFile(Data):
    """A file of an export: its first lines, exactly as they are; none where it is no text."""

    path: str
    rows: int
    lines: tuple[str, ...]
    cut: bool
    """The last line goes on."""


class ShownExport(Data):
    """The beginning of an export, and what it could not hold, by task, split and reason."""

    format: str
    rows: Mapping[Task, Mapping[Split, Kept]]
    files: tuple[ShownFile, ...]


def shown(folder: Path, task: Task, split: Split, limit: int, after: str = "") -> list[Shown]:
    """The first rows by name, or those after one; as quick far in a file as at its beginning."""
    path = folder / rows_path(task, split)
    if not path.exists():
        return []
    with path.open("rb") as rows, (folder / PROVENANCE).open("rb") as known:
        # Both are in the order of the rows' names, and the second of tasks and splits before.
        _go_behind(rows, _name, after)
        _go_behind(known, _place, (task, split, after))
        found: list[Shown] = []
        for written, origin in zip(islice(rows, limit), known, strict=False):
            one = json.loads(origin)
            text = written.decode().removesuffix("\n")
            found.append(Shown(row=one["row"], line=text, provenance=one))
        return found


def begun(folder: Path, limit: int) -> ShownExport:
    """The first lines of every file of an export that somebody reads rows of."""
    manifest = ExportManifest.model_validate(manifest_of(folder))
    paths = {table.path: table.rows for table in manifest.tables if table.rows}
    return ShownExport(
        format=manifest.exporter,
        rows=manifest.rows,
        files=tuple(_begun(folder, path, rows, limit) for path, rows in paths.items()),
    )


def _begun(folder: Path, path: str, rows: int, limit: int) -> ShownFile:
    with (folder / path).open("rb") as file:
        data = file.read(MOST)
        more = bool(file.read(1))
    try:
        # A letter may be cut in two where the reading ended.
        text = data.decode("utf-8", "ignore" if more else "strict")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return ShownFile(path=path, rows=rows, lines=(), cut=False)
    every = text.removesuffix("\n").split("\n")
    return ShownFile(
        path=path, rows=rows, lines=tuple(every[:limit]), cut=more and len(every) <= limit
    )


def _go_behind(file: BinaryIO, key: Callable[[bytes], Any], last: Any) -> None:
    """Put a file of lines that are in the order of their keys to the first that is above one."""
    low, high = 0, file.seek(0, SEEK_END)
    while low < high:
        middle = (low + high) // 2
        file.seek(max(middle - 1, 0))
        if middle:
            file.readline()
        line = file.readline()
        if not line or key(line) > last:
            high = middle
        else:
            low = file.tell()
    file.seek(low)


def _name(line: bytes) -> str:
    return row_hash(line.decode().removesuffix("\n"))


def _place(line: bytes) -> tuple[str, str, str]:
    known = json.loads(line)
    return known["task"], known["split"], known["row"]
