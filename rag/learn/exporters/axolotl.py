"""Axolotl: rows in its own shapes, with the part of its YAML that reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar

import yaml

from rag.datasets import Columns, Instruction, Preference, Table, Task
from rag.learn.exporters.lines import MESSAGES, Lines, asked, distinct, reply, turns, written

YAML = "axolotl.yaml"
_HEAD = (
    "# The part of a configuration that reads these files, from this folder.\n"
    "# Add `base_model` and how to train it.\n"
)


class Sft(Lines):
    """Every message says whether it is trained on: of a conversation, the last answer alone."""

    about = "Axolotl, supervised, with its YAML"
    tasks = ("instruction",)
    trains = True
    columns: ClassVar[Mapping[Task, Columns]] = {
        "instruction": {"messages": [{"role": "string", "content": "string", "train": "bool"}]}
    }

    def lines(self, row: Instruction) -> Iterable[Mapping[str, Any]]:
        before = [{**turn, "train": False} for turn in turns(asked(row))]
        yield {"messages": [*before, {**reply(row.completion), "train": True}]}

    def finish(self, folder: Path, tables: Iterable[Table]) -> None:
        reads: dict[str, Any] = {
            "ds_type": "json",
            "type": "chat_template",
            "field_messages": "messages",
            "message_property_mappings": {"role": "role", "content": "content"},
            "message_field_training": "train",
            "roles_to_train": [],
        }
        configure(folder, tables, reads, {})


class Dpo(Lines):
    """The prompt is called `messages`, and each answer is one message, not a list."""

    about = "Axolotl, preferences: DPO, with its YAML"
    tasks = ("preference",)
    trains = True
    columns: ClassVar[Mapping[Task, Columns]] = {
        "preference": {"messages": MESSAGES, "chosen": MESSAGES[0], "rejected": MESSAGES[0]}
    }

    def lines(self, row: Preference) -> Iterable[Mapping[str, Any]]:
        yield {
            "messages": turns(asked(distinct(row))),
            "chosen": reply(row.chosen),
            "rejected": reply(row.rejected),
        }

    def finish(self, folder: Path, tables: Iterable[Table]) -> None:
        reads: dict[str, Any] = {
            "ds_type": "json",
            "type": "chat_template.default",
            "field_messages": "messages",
            "field_chosen": "chosen",
            "field_rejected": "rejected",
            "message_property_mappings": {"role": "role", "content": "content"},
        }
        configure(folder, tables, reads, {"rl": "dpo"})


def configure(
    folder: Path, tables: Iterable[Table], reads: Mapping[str, Any], more: Mapping[str, Any]
) -> None:
    """Write the YAML. Axolotl cannot read a file without rows, so such a one is not named."""
    # Copies: YAML would write the same object a second time as a reference to the first.
    held = {table.split: table.path for table in tables if table.rows}
    wanted: dict[str, Any] = {**more, "chat_template": "tokenizer_default", "datasets": []}
    if "train" in held:
        wanted["datasets"] = [{"path": held["train"], "split": "train", **deepcopy(dict(reads))}]
    if "validation" in held:
        wanted["test_datasets"] = [
            {"path": held["validation"], "split": "train", **deepcopy(dict(reads))}
        ]
    with written(folder / YAML) as file:
        file.write(_HEAD + yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True))
