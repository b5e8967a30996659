"""LLaMA-Factory: its converter alone, row by row, told by `dataset_info.json`. No training."""

import json
import logging
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace

from datasets import disable_progress_bars, load_dataset

for absent in ("torchaudio", "av"):
    # Imported for sounds and films alone, which no export has.
    sys.modules[absent] = ModuleType(absent)
    sys.modules[absent].__spec__ = ModuleSpec(absent, None)

from llamafactory.data.converter import get_dataset_converter  # noqa: E402
from llamafactory.data.parser import get_dataset_list  # noqa: E402


def run(job, result):
    result.used("llamafactory", "datasets")
    logging.disable(logging.WARNING)
    disable_progress_bars()
    folder = Path(job["folder"])
    names = list(json.loads((folder / "dataset_info.json").read_text(encoding="utf-8")))
    by_path = {table["path"]: table for table in job["tables"]}
    for told in get_dataset_list(names, str(folder)):
        path = told.dataset_name
        job["at"] = path
        if path not in by_path:
            continue
        rows = load_dataset("json", data_files=str(folder / path), split="train")
        convert = get_dataset_converter(told.formatting, told, SimpleNamespace(media_dir=""))
        kind = by_path[path]["config"]
        kept = turned = added = 0
        for row in rows:
            made = convert(row)
            # A row that it skips has neither; only its log says so.
            kept += bool(made["_prompt"]) and bool(made["_response"])
            turned += len(made["_response"]) != (1 if kind == "instruction" else 2)
            added += (made["_system"] or "") not in said(row)
        result.loaded(path, len(rows), kept)
        if kept < len(rows):
            result.problem(
                "rows_dropped",
                path,
                f"LLaMA-Factory skips {len(rows) - kept} of {len(rows)} rows: "
                "people and the model do not take turns.",
            )
        if turned:
            result.problem(
                "not_bool" if kind == "label" else "answers",
                path,
                f"{turned} of {len(rows)} rows become ordinary examples to imitate: "
                "what is said of their answers is not read.",
            )
        if added:
            result.problem(
                "words_added", path, f"{added} system messages get words that nobody wrote."
            )


def said(row):
    """Everything in a row that may be a system message."""
    turns = row.get("conversations") or row.get("messages") or []
    return {row.get("system") or "", "", *(text for turn in turns for text in turn.values())}
