"""The table of formats in docs/datasets.md, made from the exporters themselves.

`python -m rag.learn.exporters.reference docs/datasets.md` writes it where it belongs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from rag import plugins
from rag.datasets import SPLITS, Split
from rag.learn.exporters.lines import Rows
from rag.learn.preflight.verifying import FORMATS
from rag.protocols import Exporter

BEGIN = "<!-- formats: python -m rag.learn.exporters.reference docs/datasets.md -->"
END = "<!-- end of formats -->"


def table() -> str:
    """Every format: whose rows, its files and columns, who reads it, and who can verify it."""
    lines = [
        "| format | for | rows of | files | columns, in order | verified with |",
        "|---|---|---|---|---|---|",
    ]
    for name in plugins.names("rag.exporters"):
        one = cast(Exporter, plugins.load("rag.exporters", name)())
        files, columns = _held(one)
        readers = [who for who, some in FORMATS.items() if name in some]
        lines.append(
            f"| `{name}` | {one.about} | {', '.join(one.tasks)} | {files} | {columns} "
            f"| {', '.join(f'`{who}`' for who in readers) or 'its card alone'} |"
        )
    return "\n".join(lines)


def _held(one: Exporter) -> tuple[str, str]:
    """What it writes for no rows at all: the same files as for any."""
    splits: list[Split] = [split for split in SPLITS if split != "test" or not one.trains]
    none: Rows = {task: dict.fromkeys(splits, ()) for task in one.tasks}
    with TemporaryDirectory() as folder:
        done = one.export(none, Path(folder))
        beside = {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.*")}
    named = [table.path for table in done.tables]
    files = [*dict.fromkeys(_any_split(path) for path in named), *sorted(beside - {*named})]
    columns = dict.fromkeys(
        ", ".join(f"`{name}`" for name in table.columns)
        for table in done.tables
        if table.columns and not (len(one.tasks) > 3)
    )
    told = "; ".join(columns) or "those of the rows" * (len(one.tasks) > 3) or "one object"
    return ", ".join(f"`{path}`" for path in files), told


def _any_split(path: str) -> str:
    for word in ("train", "validation", "dev", "test"):
        path = path.replace(word, "SPLIT")
    return path


def written(page: str) -> str:
    """A page with the table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.write_text(written(place.read_text(encoding="utf-8")), encoding="utf-8")
