"""TRL and Unsloth: conversations, with the prompt always told apart from what is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from rag.datasets import Columns, Instruction, Label, Preference, Task
from rag.learn.exporters.lines import MESSAGES, Lines, asked, distinct, reply, turns, weighted


class Sft(Lines):
    """The one to take for retrieved contexts: the loss is on the completion alone."""

    about = "TRL and Unsloth, supervised: trains on the answer alone"
    tasks = ("instruction",)
    trains = True
    columns: ClassVar[Mapping[Task, Columns]] = {
        "instruction": {"prompt": MESSAGES, "completion": MESSAGES}
    }

    def lines(self, row: Instruction) -> Iterable[Mapping[str, Any]]:
        yield {"prompt": turns(asked(row)), "completion": [reply(row.completion)]}


class Chat(Lines):
    """Whole conversations. TRL's loss is on every token of them, the retrieved context too."""

    about = (
        "TRL language modelling and other chat trainers: whole conversations, "
        "of which TRL trains on the context too"
    )
    tasks = ("instruction",)
    trains = True
    columns: ClassVar[Mapping[Task, Columns]] = {
        "instruction": {"messages": [{"role": "string", "content": "string", "weight": "int64"}]}
    }

    def lines(self, row: Instruction) -> Iterable[Mapping[str, Any]]:
        yield {"messages": weighted(row)}


class Dpo(Lines):
    about = "TRL and Unsloth, preferences: DPO and ORPO"
    tasks = ("preference",)
    trains = True
    columns: ClassVar[Mapping[Task, Columns]] = {
        "preference": {"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES}
    }

    def lines(self, row: Preference) -> Iterable[Mapping[str, Any]]:
        prompt = turns(asked(distinct(row)))
        yield {"prompt": prompt, "chosen": [reply(row.chosen)], "rejected": [reply(row.rejected)]}


class Reward(Dpo):
    about = "TRL, reward models: which of two answers people prefer"


class Kto(Lines):
    about = "TRL and Unsloth, single verdicts: KTO"
    tasks = ("label",)
    trains = True
    columns: ClassVar[Mapping[Task, Columns]] = {
        "label": {"prompt": MESSAGES, "completion": MESSAGES, "label": "bool"}
    }

    def lines(self, row: Label) -> Iterable[Mapping[str, Any]]:
        yield {
            "prompt": turns(asked(row)),
            "completion": [reply(row.completion)],
            "label": row.label,
        }
