"""Hugging Face datasets: loads every config that the README names, as the README says."""

from pathlib import Path

import yaml
from datasets import disable_progress_bars, load_dataset


def run(job, result):
    result.used("datasets", "pyarrow")
    disable_progress_bars()
    card = Path(job["folder"], "README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(card.split("---\n")[1])
    rows = {(table["config"], table["split"]): table for table in job["tables"]}
    for config in head.get("configs", []):
        name = config["config_name"]
        job["at"] = name
        read = load_dataset(job["folder"], name)
        for split, some in read.items():
            table = rows[name, split]
            kept = sum(1 for _ in some)
            result.loaded(table["path"], table["rows"], kept)
            if kept != table["rows"]:
                result.problem(
                    "rows_dropped", table["path"], f"Of {table['rows']} rows {kept} are read."
                )
            if set(some.column_names) != set(table["columns"]):
                result.problem(
                    "columns",
                    table["path"],
                    f"It has the columns {some.column_names}, not {list(table['columns'])}.",
                )
