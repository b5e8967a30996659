"""What people write under each other, as one document: the opening text, then the replies."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}(?=[ \t])")


@dataclass(frozen=True)
class Reply:
    """`kind` is what it is called in its heading, e.g. Comment, Review (approved)."""

    author: str
    at: datetime
    text: str
    kind: str = "Comment"

    @property
    def heading(self) -> str:
        return f"{self.kind} by {self.author}, {self.at:%Y-%m-%d}"


def markdown(
    title: str, facts: Mapping[str, str], text: str, replies: Iterable[Reply] = ()
) -> bytes:
    """For text that is Markdown: its headings are set below those of the document."""
    lines = [f"# {_line(title)}", _facts(facts), _nested(text, 1)]
    for reply in sorted(replies, key=lambda one: one.at):
        if reply.text.strip():
            lines += [f"## {_line(reply.heading)}", _nested(reply.text, 2)]
    return "\n\n".join(part for part in lines if part).encode("utf-8", "replace") + b"\n"


def page(title: str, facts: Mapping[str, str], markup: str, replies: Sequence[Reply] = ()) -> bytes:
    """For text that is HTML, as the vendor rendered it."""
    shown = html.escape(title)
    parts = [
        f'<!doctype html><html><head><meta charset="utf-8"><title>{shown}</title></head><body>',
        f"<h1>{shown}</h1>",
        f"<p>{html.escape(_facts(facts))}</p>" if facts else "",
        markup,
    ]
    for reply in sorted(replies, key=lambda one: one.at):
        if reply.text.strip():
            parts += [f"<h2>{html.escape(reply.heading)}</h2>", reply.text]
    return "\n".join([*parts, "</body></html>\n"]).encode("utf-8", "replace")


def _facts(facts: Mapping[str, str]) -> str:
    return " · ".join(f"{name}: {_line(value)}" for name, value in facts.items() if value)


def _line(text: str) -> str:
    return " ".join(text.split())


def _nested(text: str, deeper: int) -> str:
    """Markdown with its headings `deeper` levels down; what stands in fences is left alone."""
    lines, fence = text.splitlines(), ""
    for number, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif mark:
            fence = mark[1]
        elif heading := _HEADING.match(line):
            level = heading[0].count("#")
            lines[number] = "#" * min(6, level + deeper) + line[heading.end() :]
    if fence:  # one that never ends would swallow what follows
        lines.append(fence)
    return "\n".join(lines).strip()
