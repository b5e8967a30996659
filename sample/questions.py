"""Needs as evaluation cases: each way of asking is one, and says what makes it hard."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sample.model import Need

_READS = {"hr": "jonas", "management": "petra", "incidents": "mira"}
_OPEN = ("mira", "sam", "petra", "jonas")


def evals_yaml(needs: Iterable[Need]) -> str:
    lines = ["# Written by `python -m sample` from the facts in the documents.", "cases:"]
    for n, need in enumerate(needs):
        user = need.as_user or _reader(need.documents, n)
        for k, asked in enumerate(need.questions, 1):
            kind, question, history = _read(need.kind, asked)
            lines += [
                f"- id: {need.slug}-{k}",
                f"  group: {need.slug}",
                f"  kind: {kind}",
                f"  question: {_flow(question)}",
                f"  as_user: {user}",
            ]
            if history:
                lines.append(f"  history: {_flow(history)}")
            if need.kind == "unanswerable":
                lines.append("  answerable: false")
            else:
                lines.append(f"  documents: {_flow(need.documents)}")
                lines.append(f"  facts: {_flow(need.facts)}")
    return "\n".join(lines) + "\n"


def _read(kind: str, asked: str) -> tuple[str, str, list[str]]:
    if asked.startswith("~ "):
        return "misspelt", asked[2:], []
    if asked.startswith("= "):
        return "synonym", asked[2:], []
    if " >> " in asked:
        *history, question = asked.split(" >> ")
        return "follow_up", question, history
    return kind, asked, []


def _reader(documents: tuple[str, ...], n: int) -> str:
    for document in documents:
        if (reader := _READS.get(document.split("/")[0])) is not None:
            return reader
    return _OPEN[n % len(_OPEN)]


def _flow(value: object) -> str:
    """JSON is YAML, and quotes whatever would otherwise be read as something else."""
    return json.dumps(value, ensure_ascii=False)
