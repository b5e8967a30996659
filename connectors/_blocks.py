"""Notion's pages as HTML: blocks with their headings, lists and tables, and properties as facts."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

Block = dict[str, Any]

_HEADINGS = {"heading_1": "h2", "heading_2": "h3", "heading_3": "h4"}
_LISTS = {"bulleted_list_item": "ul", "to_do": "ul", "numbered_list_item": "ol"}
_TEXTS = {"paragraph": "p", "toggle": "p", "quote": "blockquote", "callout": "blockquote"}
_LINKS = {"audio", "bookmark", "embed", "file", "image", "link_preview", "pdf", "video"}
# Below these stand other pages, which are documents of their own.
PAGES = {"child_page", "child_database"}


def markup(blocks: Iterable[Block]) -> str:
    """`children` of a block are the blocks below it."""
    parts: list[str] = []
    opened = ""
    for block in blocks:
        kind = str(block.get("type", ""))
        wanted = _LISTS.get(kind, "")
        if opened != wanted:
            parts += [f"</{opened}>"] if opened else []
            parts += [f"<{wanted}>"] if wanted else []
            opened = wanted
        parts.append(_one(kind, _within(block, kind), block.get("children") or []))
    return "\n".join(part for part in [*parts, f"</{opened}>" if opened else ""] if part)


def text(pieces: Iterable[Mapping[str, Any]] | None) -> str:
    """The plain text of a rich text."""
    return "".join(str(piece.get("plain_text", "")) for piece in pieces or ())


def title(properties: Mapping[str, Any]) -> str:
    found = "".join(text(one["title"]) for one in properties.values() if one.get("type") == "title")
    return " ".join(found.split())


def facts(properties: Mapping[str, Any]) -> dict[str, str]:
    """What a row of a database says beside its title."""
    return {name: _value(one) for name, one in properties.items() if one.get("type") != "title"}


def _one(kind: str, said: dict[str, Any], children: list[Block]) -> str:
    words, below = _rich(said.get("rich_text")), "" if kind == "table" else markup(children)
    if kind in _HEADINGS:
        return f"<{_HEADINGS[kind]}>{words}</{_HEADINGS[kind]}>\n{below}"
    if kind in _LISTS:
        box = f"[{'x' if said.get('checked') else ' '}] " if kind == "to_do" else ""
        return f"<li>{box}{words}{below}</li>"
    if kind in _TEXTS:
        return f"<{_TEXTS[kind]}>{words}</{_TEXTS[kind]}>\n{below}"
    if kind == "code":
        return f"<pre><code>{html.escape(text(said.get('rich_text')))}</code></pre>"
    if kind == "equation":
        return f"<p>{html.escape(str(said.get('expression', '')))}</p>"
    if kind == "table":
        return _table(said, children)
    if kind in PAGES:
        return f"<p>{html.escape(str(said.get('title', '')))}</p>"
    if kind in _LINKS:
        return _link(said)
    return below


def _table(said: dict[str, Any], rows: list[Block]) -> str:
    lines: list[str] = []
    for number, row in enumerate(rows):
        cell = "th" if number == 0 and said.get("has_column_header") else "td"
        cells: list[list[dict[str, Any]]] = _within(row, "table_row").get("cells") or []
        lines.append("".join(f"<{cell}>{_rich(one)}</{cell}>" for one in cells))
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _link(said: dict[str, Any]) -> str:
    # An uploaded file's address holds a signature and lasts an hour: it is no link to keep.
    url = str(said.get("url") or _within(said, "external").get("url") or "")
    words = text(said.get("caption")) or str(said.get("name") or "") or url
    return f"<p>{_anchor(words, url)}</p>" if words else ""


def _rich(pieces: Iterable[Mapping[str, Any]] | None) -> str:
    return "".join(
        _anchor(str(piece.get("plain_text", "")), str(piece.get("href") or ""))
        for piece in pieces or ()
    )


def _anchor(words: str, url: str) -> str:
    shown = html.escape(words).replace("\n", "<br>")
    if url.startswith(("http://", "https://", "mailto:")):
        return f'<a href="{html.escape(url)}">{shown}</a>'
    return shown


def _within(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    return said.get(name) or {}


def _value(said: Mapping[str, Any]) -> str:
    """A property's value as text; empty for what is none, as relations and files."""
    kind = str(said.get("type", ""))
    match kind:
        case "rich_text":
            return text(said.get(kind))
        case "select" | "status":
            return str(_within(said, kind).get("name", ""))
        case "multi_select" | "people":
            several: list[dict[str, Any]] = said.get(kind) or []
            return ", ".join(str(one.get("name", "")) for one in several)
        case "date":
            span = _within(said, kind)
            return " – ".join(str(span[end]) for end in ("start", "end") if span.get(end))
        case "checkbox" | "boolean":
            return "yes" if said.get(kind) else "no"
        case "formula":
            return _value(_within(said, kind))
        case "number" | "string" | "url" | "email" | "phone_number":
            return "" if said.get(kind) is None else str(said[kind])
        case _:
            return ""
