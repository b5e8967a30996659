"""CSV for people with a spreadsheet: no cell is ever taken for a formula."""

from __future__ import annotations

import csv
from pathlib import Path

from rag.datasets import TASKS, Exported, Table, line
from rag.learn.exporters.lines import Rows, written
from rag.learn.exporters.parquet import named, record

# Signs that begin a formula, also in the width that East Asian scripts have.
_FORMULA = tuple("=+-@＝＋－＠")
_ODD = ("\t", "\r", "\n", "'")


class Csv:
    """Lists are JSON in a cell. A cell that would begin a formula begins with an apostrophe."""

    about = "Spreadsheets: rows of every task, safe from formulas"
    tasks = TASKS
    trains = False

    def export(self, rows: Rows, folder: Path) -> Exported:
        tables: list[Table] = []
        for task, splits in rows.items():
            columns = named(task)
            for split, some in splits.items():
                count = 0
                path = f"{task}-{split}.csv"
                with written(folder / path) as file:
                    # Every cell in quotes: some spreadsheets part cells at semicolons.
                    cells = csv.writer(file, quoting=csv.QUOTE_ALL)
                    cells.writerow(columns)
                    for row in some:
                        held = record(row)
                        cells.writerow(
                            [
                                safe(held[name] if kind == "string" else line(held[name]))
                                for name, kind in columns.items()
                            ]
                        )
                        count += 1
                tables.append(
                    Table(
                        path=path,
                        config=task,
                        split=split,
                        rows=count,
                        columns={
                            name: kind if isinstance(kind, str) else "string"
                            for name, kind in columns.items()
                        },
                        media_type="text/csv",
                    )
                )
        return Exported(tables=tuple(tables))


def safe(text: str) -> str:
    """What a cell may hold; what begins with an apostrophe has one more than it had."""
    text = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text.startswith(_ODD) else text
