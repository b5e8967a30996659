"""HTML made ready for partitioning: nothing active, tables taken out whole, hidden text marked."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownLambdaType=false, reportAttributeAccessIssue=false
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree, html

HIDDEN = "\ue0f0"
"""Set before text that a reader does not see; taken off again when blocks are made."""
TABLE = "\ue0f2"
"""Stands where a table was, before its number."""
ACTIVE = {
    "script", "style", "noscript", "template", "iframe", "object", "embed", "applet", "svg",
    "canvas", "audio", "video", "link", "base", "input", "button", "select", "textarea", "math",
}  # fmt: skip
BLOCKS_IN_LAYOUT = ("table", "h1", "h2", "h3", "h4", "h5", "h6")
UNSEEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?![.\d])"
    r"|font-size\s*:\s*0(?![.\d])|(?:left|top|text-indent)\s*:\s*-\d{4,}"
    r"|(?<![-\w])color\s*:\s*(?:white\b|\#fff(?:fff)?\b|rgba?\(\s*255\s*,\s*255\s*,\s*255)"
    r"|(?<![-\w])color\s*:\s*transparent",
    re.IGNORECASE,
)
BACKGROUND = re.compile(r"background(?:-color|-image)?\s*:", re.IGNORECASE)
MAX_SPAN = 100


@dataclass
class Page:
    """A cleaned page: `source` for the partitioner, and the tables that were taken out of it."""

    source: str
    title: str = ""
    tables: list[list[list[str]]] = field(default_factory=list[list[list[str]]])


def clean(source: str) -> Page:
    """The page without what acts, with `TABLE` and `HIDDEN` marks in its text."""
    page = Page("")
    if not source.strip():
        return page
    parser = html.HTMLParser(remove_comments=True, remove_pis=True, no_network=True)
    # As bytes: lxml refuses text that begins with an encoding declaration.
    body = re.sub(r"\A\s*<\?xml[^>]*>", "", source)
    root: Any = html.document_fromstring(body, parser=parser)
    title = root.find(".//title")
    page.title = " ".join(title.text_content().split()) if title is not None else ""
    etree.strip_elements(root, *ACTIVE, with_tail=False)
    for element in list(root.iter(etree.Element)):
        if _unseen(element):
            _mark(element)
    for table in list(root.iter("table")):
        _take_out(table, page)
    page.source = str(html.tostring(root, encoding="unicode"))
    return page


def table_rows(source: str) -> list[list[str]]:
    """The cells of the first table in a piece of HTML."""
    table = html.fragment_fromstring(source, create_parent=True).find(".//table")
    return _rows(table) if table is not None else []


def _unseen(element: Any) -> bool:
    if "hidden" in element.attrib or element.get("type") == "hidden":
        return True
    style = element.get("style") or ""
    found = UNSEEN.search(style)
    if not found:
        return (element.get("color") or "").lower() in {"white", "#ffffff", "#fff"} and not (
            _on_background(element)
        )
    # White letters are read well on a coloured ground.
    return not ("color" in found.group().lower() and _on_background(element))


def _on_background(element: Any) -> bool:
    return any(
        BACKGROUND.search(node.get("style") or "") or node.get("bgcolor")
        for node in (element, *element.iterancestors())
    )


def _mark(element: Any) -> None:
    for node in element.iter(etree.Element):
        if node.text and node.text.strip():
            node.text = HIDDEN + node.text
        if node is not element and node.tail and node.tail.strip():
            node.tail = HIDDEN + node.tail


def _take_out(table: Any, page: Page) -> None:
    """A table of data becomes a mark; one that only lays out the page becomes plain boxes."""
    if any(True for _ in table.iter(*BLOCKS_IN_LAYOUT) if _ is not table):
        for element in (table, *_own(table, "tr", "td", "th", "tbody", "thead", "tfoot")):
            element.tag = "div"
        return
    rows = _rows(table)
    if not any(any(row) for row in rows):
        return
    if max(len(row) for row in rows) == 1:
        for element in (table, *_own(table, "tr", "td", "th", "tbody", "thead", "tfoot")):
            element.tag = "div"
        return
    mark = etree.Element("p")
    mark.text = f"{TABLE}table {len(page.tables)}"
    mark.tail = table.tail
    page.tables.append(rows)
    table.getparent().replace(table, mark)


def _own(table: Any, *tags: str) -> Iterator[Any]:
    """Elements of this table and of none inside it."""
    for element in list(table.iter(*tags)):
        if next(element.iterancestors("table"), None) is table:
            yield element


def _rows(table: Any) -> list[list[str]]:
    """Cells in a grid: a cell that spans stands in each place it covers."""
    rows: list[list[str]] = []
    reaching: dict[int, tuple[int, str]] = {}
    for line in table.iter("tr"):
        row: list[str] = []
        cells = iter(line.iterchildren("td", "th"))
        cell = next(cells, None)
        while cell is not None or len(row) in reaching:
            at = len(row)
            if at in reaching:
                left, text = reaching.pop(at)
                if left > 1:
                    reaching[at] = (left - 1, text)
                row.append(text)
                continue
            text = " ".join(" ".join(cell.itertext()).split()) if cell is not None else ""
            down = _span(cell, "rowspan")
            for column in range(at, at + _span(cell, "colspan")):
                if down > 1:
                    reaching[column] = (down - 1, text)
                row.append(text)
            cell = next(cells, None)
        rows.append(row)
    return rows


def _span(cell: Any, name: str) -> int:
    value = str(cell.get(name) or "1").strip()
    return min(MAX_SPAN, max(1, int(value))) if value.isdecimal() else 1
