"""What can be told of an export from its lines alone: every line of it is read.

These find what consumers do not mind: lines that are no rows, columns too many, answers that are
the same, verdicts of one kind.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from rag.datasets import Fault, Table
from rag.errors import counted
from rag.learn.built import MANIFEST, digest_of

FEWEST = 10
"""Rows that hosts of OpenAI's shape ask for."""
ROLES = {"system", "user", "assistant", "tool", "function", "developer"}
Row = Mapping[str, Any]


class Finding(NamedTuple):
    """What is wrong with one row."""

    code: str
    text: str


def check(folder: Path, format: str, tables: list[Table], files: Mapping[str, Any]) -> list[Fault]:
    """Everything found in the lines, each code once a file with how many rows it is of."""
    found = [*_changed(folder, files)]
    seen: dict[str, set[bytes]] = {}
    for table in tables:
        if table.media_type != "application/jsonlines":
            continue
        found += _table(folder, format, table, seen.setdefault(table.split, set()))
    shared = seen.get("train", set()) & seen.get("validation", set())
    if shared:
        text = f"{counted(len(shared), 'row')} of `train` are in `validation` too."
        found.append(_problem("overlap", "", text))
    found += _named(folder)
    return found


def _changed(folder: Path, files: Mapping[str, Any]) -> Iterator[Fault]:
    """Files that are not what was exported."""
    for path, wanted in files.items():
        if not (folder / path).is_file():
            yield _problem("missing_file", path, "The file is not there.")
        elif digest_of(folder / path).sha256 != wanted["sha256"]:
            yield _problem("changed_file", path, f"It is not what {MANIFEST} says was exported.")


def _table(folder: Path, format: str, table: Table, seen: set[bytes]) -> Iterator[Fault]:
    counts: Counter[Finding] = Counter()
    verdicts: Counter[bool] = Counter()
    rows = 0
    try:
        with (folder / table.path).open("rb") as file:
            for line in file:
                rows += 1
                seen.add(hashlib.blake2b(line.strip(), digest_size=12).digest())
                for finding in _line(line, table, verdicts):
                    counts[finding] += 1
    except FileNotFoundError:
        return
    for finding, count in counts.items():
        text = f"{counted(count, 'row')}: {finding.text}."
        yield _problem(finding.code, table.path, text)
    if rows != table.rows:
        yield _problem(
            "count", table.path, f"It has {rows} rows, and {MANIFEST} says {table.rows}."
        )
    if rows and len(verdicts) == 1:
        text = "All verdicts are the same: a trainer learns nothing from them, and does not say so."
        yield _problem("one_class", table.path, text)
    hosted = format.startswith("openai-") and table.split == "train"
    if hosted and rows < FEWEST:
        text = f"It has {counted(rows, 'row')}; hosts want {FEWEST}."
        yield _problem("too_few", table.path, text, fatal=False)


def _line(line: bytes, table: Table, verdicts: Counter[bool]) -> Iterator[Finding]:
    try:
        row: Any = json.loads(line.decode("utf-8"))
    except ValueError:
        yield Finding("no_json", "no JSON in UTF-8")
        return
    if not isinstance(row, dict):
        yield Finding("no_json", "no object")
        return
    held = cast(dict[str, Any], row)
    if "messages" in held and "prompt" in held:
        text = "both `messages` and `prompt`, of which TRL takes the one and misses the other's"
        yield Finding("two_shapes", text)
    more = sorted(set(held) - set(table.columns))
    less = sorted(set(table.columns) - set(held))
    if more or less:
        yield Finding("columns", f"columns too many: {more}, missing: {less}")
    elif list(held) != list(table.columns):
        yield Finding("columns", f"columns in another order: {list(held)}")
    for name in ("label", "kto_tag"):
        if table.columns.get(name) == "bool" and name in held:
            if isinstance(held[name], bool):
                verdicts[held[name]] += 1
            else:
                text = f"`{name}` is {type(held[name]).__name__}, not true or false"
                yield Finding("not_bool", text)
    yield from _answers(held)
    yield from _talks(held)
    if table.columns.get("positive") and "label" in held:
        yield Finding("label_ignored", "a label that this loss does not read")


def _answers(row: Row) -> Iterator[Finding]:
    for good, bad in (("chosen", "rejected"), ("preferred_output", "non_preferred_output")):
        if good in row and row.get(good) == row.get(bad):
            yield Finding("same_answers", "the better and the worse answer are the same")


def _talks(row: Row) -> Iterator[Finding]:
    """What is wrong with the conversations in a row."""
    within = cast(Row, row["input"] if isinstance(row.get("input"), dict) else {})
    for name in ("messages", "prompt", "completion", "preferred_output", "non_preferred_output"):
        talk = row.get(name, within.get(name))
        if not isinstance(talk, list):
            continue
        turns = cast(list[Any], talk)
        if not turns:
            yield Finding("empty_messages", f"`{name}` is empty")
        for turn in turns:
            one = cast(Row, turn if isinstance(turn, dict) else {})
            content = one.get("content")
            if not isinstance(content, str) or not content:
                yield Finding("null_content", f"a message in `{name}` without text")
            if one.get("role") not in ROLES:
                yield Finding("role", f"a message in `{name}` of no known role")
            if one.get("weight") not in (None, 0, 1) or (
                one.get("weight") is not None and one.get("role") != "assistant"
            ):
                yield Finding("weight", "a weight that is neither 0 nor 1, or of no answer")
        if name == "messages" and turns and "chosen" not in row and not within:
            last = turns[-1]
            if not isinstance(last, dict) or cast(Row, last).get("role") != "assistant":
                yield Finding("no_answer", "a conversation that does not end with an answer")
    conversations = row.get("conversations")
    if isinstance(conversations, list):
        said = [cast(Row, turn).get("from") for turn in cast(list[Any], conversations)]
        if any(who != ("human", "gpt")[place % 2] for place, who in enumerate(said)):
            yield Finding("turns", "people and the model do not take turns: it is skipped")


def _named(folder: Path) -> Iterator[Fault]:
    """What LLaMA-Factory is told of the files."""
    path = folder / "dataset_info.json"
    if not path.is_file():
        return
    try:
        told = json.loads(path.read_bytes())
    except ValueError:
        yield _problem("no_json", path.name, "It is no JSON.")
        return
    for name, entry in told.items():
        if entry.get("formatting") == "openai":
            text = f"`{name}` is read as `openai`, which adds words to every system message."
            yield _problem("openai_formatting", path.name, text)
        if not (folder / str(entry.get("file_name"))).is_file():
            yield _problem("missing_file", path.name, f"`{name}` names a file that is not there.")


def _problem(code: str, where: str, text: str, *, fatal: bool = True) -> Fault:
    return Fault(code=code, where=where, text=text, fatal=fatal, found_by="checks")
