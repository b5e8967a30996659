"""Parquet: rows of any task as they are, each with its name in the provenance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, cast

from rag.datasets import COLUMNS, TASKS, Columns, Exported, Row, Table, Task, line, row_hash
from rag.learn.exporters.lines import Rows

GROUP = 1_000
"""Rows that are held at a time."""


class Parquet:
    about = "Anything that reads Parquet: rows of every task, with the name of each"
    tasks = TASKS
    trains = False

    def export(self, rows: Rows, folder: Path) -> Exported:
        tables: list[Table] = []
        for task, splits in rows.items():
            columns = named(task)
            for split, some in splits.items():
                path = f"{task}/{split}.parquet"
                (folder / path).parent.mkdir(exist_ok=True)
                count = _write(folder / path, columns, some)
                tables.append(
                    Table(
                        path=path,
                        config=task,
                        split=split,
                        rows=count,
                        columns=columns,
                        # The only name by which mlcroissant knows it.
                        media_type="application/x-parquet",
                    )
                )
        return Exported(tables=tuple(tables))


def named(task: Task) -> Columns:
    """A row's columns, its name first."""
    return {"row": "string"} | {
        name: kind for name, kind in COLUMNS[task].items() if name != "task"
    }


def record(row: Row) -> dict[str, Any]:
    """A row as plain values under its name."""
    plain = row.model_dump(mode="json")
    plain["row"] = row_hash(line(plain))
    del plain["task"]
    return plain


def _write(path: Path, columns: Columns, rows: Iterable[Row]) -> int:
    # Loaded when wanted: it has no types, and listing formats needs none of it.
    pa: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
    schema = pa.schema([(name, _type(pa, kind)) for name, kind in columns.items()])
    count = 0
    # A file of ours, so that a full disk is told by the system's own error.
    with path.open("xb") as file, parquet.ParquetWriter(file, schema, compression="zstd") as into:
        for some in _groups(rows):
            made = [_encodable(record(row)) for row in some]
            into.write_table(pa.Table.from_pylist(made, schema=schema))
            count += len(made)
    return count


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while group := list(islice(left, GROUP)):
        yield group


def _type(pa: Any, kind: Any) -> Any:
    if isinstance(kind, list):
        return pa.list_(_type(pa, cast(list[Any], kind)[0]))
    if isinstance(kind, dict):
        inner = cast(dict[str, Any], kind)
        return pa.struct([(name, _type(pa, one)) for name, one in inner.items()])
    return {
        "string": pa.string(), "bool": pa.bool_(), "int64": pa.int64(), "float64": pa.float64(),
    }[kind]  # fmt: skip


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_encodable(one) for one in cast(list[Any], value)]
    if isinstance(value, dict):
        return {name: _encodable(one) for name, one in cast(dict[str, Any], value).items()}
    return value
