"""LLaMA-Factory: its two shapes for three tasks, with the `dataset_info.json` that reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import JsonValue

from rag.datasets import Columns, Instruction, Label, Preference, Table, Task
from rag.learn.exporters.lines import Lines, Unfit, asked, distinct, said, written
from rag.types import Message

INFO = "dataset_info.json"
NAMES: Mapping[Any, str] = {"instruction": "sft", "preference": "dpo", "label": "kto"}
_TURN: JsonValue = {"from": "string", "value": "string"}
_ALPACA: dict[str, JsonValue] = {"instruction": "string", "input": "string"}
_AROUND: dict[str, JsonValue] = {"system": "string", "history": [["string"]]}
_READ = {"prompt": "instruction", "query": "input", "system": "system", "history": "history"}
_TAGS = {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"}


class Alpaca(Lines):
    about = "LLaMA-Factory in Alpaca's shape: supervised, preferences and KTO"
    tasks = ("instruction", "preference", "label")
    trains = True
    files = NAMES
    columns: ClassVar[Mapping[Task, Columns]] = {
        "instruction": {**_ALPACA, "output": "string", **_AROUND},
        "preference": {**_ALPACA, "chosen": "string", "rejected": "string", **_AROUND},
        "label": {**_ALPACA, "output": "string", "kto_tag": "bool", **_AROUND},
    }

    def lines(self, row: Instruction | Preference | Label) -> Iterable[Mapping[str, Any]]:
        system, talk = apart(row)
        questions = [turn.content for turn in talk[::2]]
        answers = [turn.content for turn in talk[1::2]]
        pairs = [list(pair) for pair in zip(questions, answers, strict=False)]
        around = {"system": system, "history": pairs}
        start = {"instruction": questions[-1], "input": ""}
        if isinstance(row, Preference):
            distinct(row)
            yield {**start, "chosen": said(row.chosen), "rejected": said(row.rejected), **around}
        elif isinstance(row, Label):
            yield {**start, "output": said(row.completion), "kto_tag": row.label, **around}
        else:
            yield {**start, "output": said(row.completion), **around}

    def finish(self, folder: Path, tables: Iterable[Table]) -> None:
        verdicts = {
            "instruction": {"response": "output"},
            "preference": {"chosen": "chosen", "rejected": "rejected"},
            "label": {"response": "output", "kto_tag": "kto_tag"},
        }
        inform(folder, tables, {task: {**_READ, **more} for task, more in verdicts.items()}, {})


class ShareGpt(Lines):
    """Turns strictly in turn, people's first. The system's message stands beside them."""

    about = "LLaMA-Factory in ShareGPT's shape: supervised, preferences and KTO"
    tasks = ("instruction", "preference", "label")
    trains = True
    files = NAMES
    columns: ClassVar[Mapping[Task, Columns]] = {
        "instruction": {"conversations": [_TURN], "system": "string"},
        "preference": {
            "conversations": [_TURN], "chosen": _TURN, "rejected": _TURN, "system": "string",
        },
        "label": {"conversations": [_TURN], "kto_tag": "bool", "system": "string"},
    }  # fmt: skip

    def lines(self, row: Instruction | Preference | Label) -> Iterable[Mapping[str, Any]]:
        system, talk = apart(row)
        called = {"user": "human", "assistant": "gpt"}
        turns = [{"from": called[turn.role], "value": turn.content} for turn in talk]
        if isinstance(row, Preference):
            distinct(row)
            answers = {"chosen": _gpt(row.chosen), "rejected": _gpt(row.rejected)}
            yield {"conversations": turns, **answers, "system": system}
        elif isinstance(row, Label):
            turns.append(_gpt(row.completion))
            yield {"conversations": turns, "kto_tag": row.label, "system": system}
        else:
            turns.append(_gpt(row.completion))
            yield {"conversations": turns, "system": system}

    def finish(self, folder: Path, tables: Iterable[Table]) -> None:
        columns = {
            task: {name if name != "conversations" else "messages": name for name in held}
            for task, held in self.columns.items()
        }
        # Never its `openai`: that one adds words of its own to every system message.
        inform(folder, tables, columns, {"formatting": "sharegpt", "tags": _TAGS})


def _gpt(text: str) -> dict[str, str]:
    return {"from": "gpt", "value": said(text)}


def apart(row: Instruction | Preference | Label) -> tuple[str, tuple[Message, ...]]:
    """The system's message, and the talk, in which people and the model take turns.

    LLaMA-Factory skips any other talk, and only its log says so.
    """
    prompt = asked(row)
    system, talk = "", prompt
    if prompt[0].role == "system":
        system, talk = prompt[0].content, prompt[1:]
    if any(turn.role != ("user", "assistant")[place % 2] for place, turn in enumerate(talk)):
        raise Unfit("people and the model do not take turns")
    return system, talk


def inform(
    folder: Path,
    tables: Iterable[Table],
    columns: Mapping[Any, Mapping[str, str]],
    more: Mapping[str, Any],
) -> None:
    """Name every file with how it is read. Whatever is not named there is not read at all."""
    wanted: dict[str, Any] = {}
    for table in tables:
        entry: dict[str, Any] = {"file_name": table.path, **more}
        if table.config == "preference":
            entry["ranking"] = True
        entry["columns"] = dict(columns[table.config])
        wanted[table.path.removesuffix(".jsonl")] = entry
    with written(folder / INFO) as file:
        file.write(json.dumps(wanted, indent=2) + "\n")
