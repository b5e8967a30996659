"""Hosts that take OpenAI's shape: OpenAI, Azure, Together, Fireworks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from rag.datasets import Columns, Instruction, Preference, Task
from rag.learn.exporters.lines import MESSAGES, Lines, asked, distinct, reply, turns, weighted


class Sft(Lines):
    """Earlier answers of a conversation have the weight 0; hosts want ten rows and more."""

    about = "OpenAI, Azure, Together and Fireworks, supervised"
    tasks = ("instruction",)
    trains = True
    columns: ClassVar[Mapping[Task, Columns]] = {
        "instruction": {"messages": [{"role": "string", "content": "string", "weight": "int64"}]}
    }

    def lines(self, row: Instruction) -> Iterable[Mapping[str, Any]]:
        yield {"messages": weighted(row)}


class Preferences(Lines):
    about = "OpenAI, Azure, Together and Fireworks, preferences"
    tasks = ("preference",)
    trains = True
    columns: ClassVar[Mapping[Task, Columns]] = {
        "preference": {
            "input": {"messages": MESSAGES},
            "preferred_output": MESSAGES,
            "non_preferred_output": MESSAGES,
        }
    }

    def lines(self, row: Preference) -> Iterable[Mapping[str, Any]]:
        yield {
            "input": {"messages": turns(asked(distinct(row)))},
            "preferred_output": [reply(row.chosen)],
            "non_preferred_output": [reply(row.rejected)],
        }
