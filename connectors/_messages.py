"""Slack's messages as HTML: who wrote what, with the people and channels in it by name."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

# Kinds of message that people or apps wrote; the others say who joined and the like.
_WRITTEN = {"", "bot_message", "me_message", "file_share", "thread_broadcast"}

Message = dict[str, Any]


def written(message: Message) -> bool:
    return message.get("type") == "message" and message.get("subtype", "") in _WRITTEN


def at(ts: str) -> datetime:
    """A message's name is its time: seconds, a dot, and a number that makes it unique."""
    return datetime.fromtimestamp(int(ts.partition(".")[0]), UTC)


def markup(message: Message, names: Mapping[str, str]) -> str:
    """Author, time and text, as paragraphs: under headings of their own, a question and its answer
    would be cut apart. Empty where the message says nothing."""
    said = _said(message, names)
    author = names.get(message.get("user", "")) or message.get("username") or message.get("bot_id")
    lead = f"<strong>{html.escape(str(author or '?'))}</strong>, {at(message['ts']):%Y-%m-%d %H:%M}"
    return "\n".join(f"<p>{one}</p>" for one in [f"{lead}: {said[0]}", *said[1:]]) if said else ""


def _said(message: Message, names: Mapping[str, str]) -> list[str]:
    parts = [str(message.get("text") or "")]
    if not parts[0]:  # what apps post may stand in attachments alone
        parts = [
            str(one.get("text") or one.get("fallback") or "")
            for one in message.get("attachments", [])
        ]
    said = [_html(part, names) for part in parts if part.strip()]
    for file in message.get("files", []):
        said.append(f"File: {html.escape(str(file.get('title') or file.get('name') or '?'))}")
    return said


def first_line(message: Message, names: Mapping[str, str]) -> str:
    text = "\n".join(_said(message, names)).replace("<br>", "\n")
    text = html.unescape(re.sub(r"<[^>]*>", " ", text))
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= 80 else f"{line[:79]}…"


def _html(text: str, names: Mapping[str, str]) -> str:
    """Slack escapes & < > and writes references in angle brackets; code stands in ```."""
    parts = text.split("```")
    shown = [
        f"<pre>{_references(part, names)}</pre>"
        if number % 2 and number < len(parts) - 1
        else _references(part, names).replace("\n", "<br>")
        for number, part in enumerate(parts)
    ]
    return "".join(shown)


def _references(text: str, names: Mapping[str, str]) -> str:
    return "".join(
        _reference(part[1:-1], names) if part.startswith("<") else _safe(part)
        for part in re.split(r"(<[^<>]+>)", text)
    )


def _reference(inner: str, names: Mapping[str, str]) -> str:
    target, _, label = inner.partition("|")
    if target.startswith("@"):
        return _safe(f"@{names.get(target[1:]) or label or target[1:]}")
    if target.startswith("#"):
        return _safe(f"#{label or names.get(target[1:]) or target[1:]}")
    if target.startswith("!"):
        return _safe(label or f"@{target[1:].partition('^')[0]}")
    if target.startswith(("http://", "https://", "mailto:")):
        return f'<a href="{_safe(target)}">{_safe(label or target)}</a>'
    return _safe(label or target)


def _safe(text: str) -> str:
    return html.escape(html.unescape(text))
