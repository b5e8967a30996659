"""Exports with the faults that consumers take without a word."""

import json

from rag.learn.exporting import export
from rag.testing.exporter import sample
from rag.types import Message
from tests.learn.dataset_folders import write_dataset


def exported(folder, name, rows=None, count=12):
    """An export of plain rows, or of these."""
    tasks = ("instruction", "preference", "label", "relevance")
    rows = rows or {
        task: {
            "train": [sample(task, number) for number in range(count)],
            "validation": [sample(task, 100), sample(task, 101)],
        }
        for task in tasks
    }
    export(write_dataset(folder / "pumps", rows), name, folder / name)
    return folder / name


def changed(folder, path, change):
    """Every row of a file as `change` leaves it."""
    rows = [json.loads(line) for line in (folder / path).read_bytes().splitlines()]
    made = [change(place, row) or row for place, row in enumerate(rows)]
    text = "".join(json.dumps(row) + "\n" for row in made)
    (folder / path).write_text(text, encoding="utf-8")
    return folder


def long_rows(words, task="instruction"):
    """Half of the prompts are of so many words, as prompts with passages are."""
    rows = [sample(task, number) for number in range(8)]
    prompt = (Message(role="user", content="pump " * words),)
    return {
        task: {
            "train": [*(row.model_copy(update={"prompt": prompt}) for row in rows[:4]), *rows[4:]]
        }
    }


def two_shapes(place, row):
    """Of TRL's rows: the whole conversation, and its beginning once more as a prompt.

    With the completion beside them TRL reads prompt and completion, and all is well.
    """
    return {"messages": row["prompt"] + row["completion"], "prompt": row["prompt"]}


def tool_call(place, row):
    """An answer that calls a tool says nothing."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    row["completion"] = [{"role": "assistant", "content": None, "tool_calls": [call]}]


def same(place, row):
    row["rejected"] = row["chosen"]


def one_class(place, row):
    row["label"] = True


def as_number(place, row):
    """As SQLite and CSV keep what is true."""
    row["kto_tag"] = int(row["kto_tag"])


def as_text(place, row):
    row["label"] = str(row["label"]).lower()


def twice(place, row):
    """Two questions in a row."""
    first = row["conversations"][0]
    row["conversations"] = [first, *row["conversations"]]


def event_behind(place, row):
    return {**row, "event_id": f"e{place}"}


def event_first(place, row):
    return {"event_id": f"e{place}", **row}


def labelled(place, row):
    return {**row, "label": place % 2}


def emptied(place, row):
    return {"messages": []}


def openai_formatting(folder):
    """Its `openai` reads the same rows, and adds words to them."""
    path = folder / "dataset_info.json"
    told = json.loads(path.read_bytes())
    for entry in told.values():
        entry["formatting"] = "openai"
    path.write_text(json.dumps(told))
    return folder
