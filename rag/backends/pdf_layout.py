"""From runs of characters on pages to headings, paragraphs, lists and tables. Pure geometry."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rag.backends.drafting import Draft
from rag.types import Box

CELL_GAP = 0.9
"""Space between two runs of a line, in line heights, from which they are cells of a table."""
BULLET = re.compile(r"^(?:[-–•*▪◦●]|\(?\d{1,3}[.)]|\(?[a-z][.)])$")
BULLET_START = re.compile(r"^(?:[-–•*▪◦●]|\d{1,3}[.)])\s")
HEADING_SIZE = 1.12
"""How much taller than the body a line is that heads a section."""
MAX_HEADING = 160
REACH_BACK = 12
"""Lines a cell of a table may have: so far back up the next cell may begin."""
FURNITURE_SHARE = 0.6
FURNITURE_PAGES = 4


@dataclass(frozen=True)
class Run:
    """Characters on one line, in points from the bottom left."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    hidden: bool = False
    pale: bool = False

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2

    def on(self, grounds: Sequence[tuple[float, float, float, float]]) -> Run:
        """The same run, hidden if it is white and nothing is painted below it."""
        x, y = (self.x0 + self.x1) / 2, self.middle
        seen = any(a <= x <= c and b <= y <= d for a, b, c, d in grounds)
        return replace(self, hidden=self.hidden or (self.pale and not seen))


@dataclass(frozen=True)
class Page:
    number: int
    width: float
    height: float
    runs: Sequence[Run]
    turned: bool = False
    """Shown turned, and the runs placed as shown: not where the page itself has them."""


@dataclass
class Line:
    """What stands side by side: one cell for running text, several in a table."""

    cells: list[list[Run]]

    @property
    def first(self) -> Run:
        return self.cells[0][0]

    @property
    def runs(self) -> list[Run]:
        return [run for cell in self.cells for run in cell]

    @property
    def bottom(self) -> float:
        return min(run.y0 for run in self.runs)

    @property
    def top(self) -> float:
        return max(run.y1 for run in self.runs)

    @property
    def left(self) -> float:
        return min(run.x0 for run in self.runs)

    @property
    def right(self) -> float:
        return max(run.x1 for run in self.runs)

    @property
    def height(self) -> float:
        return max(run.height for run in self.runs)

    @property
    def hidden(self) -> bool:
        return any(run.hidden for run in self.runs)

    @property
    def text(self) -> str:
        return " ".join(_joined(cell) for cell in self.cells)


@dataclass
class _Table:
    """The table just written, in case it goes on over the page."""

    header: list[str]
    starts: list[float]
    page: int


@dataclass
class _State:
    body: float
    levels: dict[float, int] = field(default_factory=dict[float, int])
    table: _Table | None = None


def lay_out(draft: Draft, pages: Sequence[Page]) -> None:
    """Write the pages' text into the draft."""
    lined = [(page, _lines(page.runs)) for page in pages]
    repeated = _furniture(lined)
    sizes: Counter[float] = Counter()
    for _, lines in lined:
        for line in lines:
            for run in line.runs:
                sizes[_size(run.height)] += len(run.text)
    state = _State(body=sizes.most_common(1)[0][0])
    larger = sorted((size for size in sizes if size > HEADING_SIZE * state.body), reverse=True)
    state.levels = {size: min(rank, 5) for rank, size in enumerate(larger, start=1)}
    for page, lines in lined:
        kept = [line for line in lines if _place(page, line) not in repeated]
        _write_page(draft, page, kept, state)


def _lines(runs: Sequence[Run]) -> list[Line]:
    """Runs to lines in drawing order; a run that goes back up beside earlier ones is their cell."""
    lines: list[Line] = []
    for run in runs:
        if lines and _within(lines[-1], run):
            lines[-1].cells[-1].append(run)
            continue
        at = _beside(lines, run)
        if at is None:
            lines.append(Line([[run]]))
            continue
        for later in lines[at + 1 :]:
            for cell in later.cells:
                _into(lines[at], cell)
        del lines[at + 1 :]
        lines[at].cells.append([run])
    return _first_cells_joined(lines)


def _within(line: Line, run: Run) -> bool:
    """Whether the run goes on in the last cell of a row that is at least as tall."""
    last = line.cells[-1]
    return (
        len(line.cells) > 1 and line.bottom < run.middle < last[-1].y0 and _overlap(last, [run]) > 0
    )


def _beside(lines: list[Line], run: Run) -> int | None:
    """The recent line right of which the run stands, later ones being left of it too.

    Cells of a row may be drawn one after the other, each with several lines: where the run is as
    high as no line, the row begins with the first line below the row above.
    """
    if not lines or run.middle < lines[-1].bottom:
        return None
    for back in range(1, min(len(lines), REACH_BACK) + 1):
        line = lines[-back]
        if line.right > run.x0 + 0.1 * run.height:
            return None
        if run.middle < line.top:
            return len(lines) - back
        above = lines[-back - 1] if back < len(lines) else None
        if above is None or above.bottom < line.bottom or run.middle < above.bottom:
            near = run.middle - line.top < REACH_BACK * run.height
            ceiling = above is not None and above.bottom > line.bottom
            return len(lines) - back if near and ceiling else None
    return None


def _first_cells_joined(lines: list[Line]) -> list[Line]:
    """Rows whose first cell begins above the others: its first lines were drawn before them."""
    joined: list[Line] = []
    for line in reversed(lines):
        below = joined[-1] if joined else None
        if (
            below is not None
            and len(line.cells) == 1
            and len(below.cells) > 1
            and abs(line.left - below.first.x0) < 1
            and line.right < below.cells[1][0].x0
            and _size(line.height) == _size(below.first.height)
            and -0.3 * line.height < line.bottom - below.top < 0.3 * line.height
        ):
            below.cells[0][0:0] = line.runs
        else:
            joined.append(line)
    return joined[::-1]


def _into(line: Line, cell: list[Run]) -> None:
    """A further line of one of the cells: the one it stands under."""
    best = max(line.cells, key=lambda other: _overlap(other, cell))
    best.extend(cell)


def _overlap(left: list[Run], right: list[Run]) -> float:
    start = max(min(run.x0 for run in left), min(run.x0 for run in right))
    return min(max(run.x1 for run in left), max(run.x1 for run in right)) - start


def _furniture(lined: Sequence[tuple[Page, list[Line]]]) -> set[tuple[int, str]]:
    """Lines at the edge of pages that stand at the same place of most of them, numbers aside."""
    if len(lined) < 2:
        return set()
    seen: Counter[tuple[int, str]] = Counter()
    for page, lines in lined:
        edge = {*range(3), *range(max(0, len(lines) - 3), len(lines))}
        alone = [at for at in edge if at < len(lines) and _table_end(lines, at) <= at + 1]
        seen.update({_place(page, lines[at]) for at in alone})
    share = 1 if len(lined) < FURNITURE_PAGES else FURNITURE_SHARE
    return {place for place, count in seen.items() if count >= share * len(lined)}


def _place(page: Page, line: Line) -> tuple[int, str]:
    return round(line.bottom / 2), re.sub(r"\d+", "#", line.text)


def _write_page(draft: Draft, page: Page, lines: list[Line], state: _State) -> None:
    at = 0
    while at < len(lines):
        end = _table_end(lines, at)
        if end > at + 1:
            _write_table(draft, page, lines[at:end], state)
        else:
            level = _level(lines[at], state)
            end = at + 1
            while end < len(lines) and _continues(lines, end, level, state):
                end += 1
            _write_text(draft, page, lines[at:end], level)
            state.table = None
        at = end


def _level(line: Line, state: _State) -> int:
    """The rank of a heading, 0 for anything else."""
    if len(line.cells) > 1 or len(line.text) > MAX_HEADING or line.hidden:
        return 0
    return state.levels.get(_size(line.first.height), 0)


def _continues(lines: list[Line], at: int, level: int, state: _State) -> bool:
    """Whether a line goes on with the paragraph or heading of the one before."""
    before, line = lines[at - 1], lines[at]
    gap = before.bottom - line.top
    if level != _level(line, state) or line.hidden != before.hidden:
        return False
    if not -0.5 * line.height < gap < 0.45 * line.height:
        return False
    if level:
        centred = abs(before.left + before.right - line.left - line.right) < 4
        if not centred and abs(before.left - line.left) > 2:
            return False
    if _size(line.first.height) != _size(before.first.height):
        return False
    return _table_end(lines, at) <= at + 1


def _write_text(draft: Draft, page: Page, lines: list[Line], level: int) -> None:
    boxes = _boxes(page, lines)
    hidden = lines[0].hidden
    if level:
        draft.heading(_joined_lines(lines), level, page=page.number, boxes=boxes, hidden=hidden)
        return
    items: list[list[Line]] = []
    listed = _is_item(lines[0])
    for line in lines:
        if items and not (listed and _is_item(line)):
            items[-1].append(line)
        else:
            items.append([line])
    text = "\n".join(_joined_lines(item) for item in items)
    draft.text(text, "list" if listed else "text", page=page.number, boxes=boxes, hidden=hidden)


def _is_item(line: Line) -> bool:
    if len(line.cells) > 1:
        return BULLET.match(_joined(line.cells[0])) is not None
    return BULLET_START.match(line.text) is not None


# --- tables -----------------------------------------------------------------------------------


def _table_end(lines: list[Line], start: int) -> int:
    """Where the table that begins at `start` ends; `start` + 1 or less where there is none."""
    if len(lines[start].cells) < 2 or _is_item(lines[start]):
        return start
    cells = list(lines[start].cells)
    end, rows = start + 1, 1
    while end < len(lines):
        line, before = lines[end], lines[end - 1]
        gap = before.bottom - line.top
        if gap > 3 * line.height or gap < -2 * line.height:
            break
        if len(line.cells) >= 2 and not _is_item(line) and _aligned(cells, line):
            cells.extend(line.cells)
            rows += 1
        elif not (len(line.cells) == 1 and gap < 0.6 * line.height and _inner(cells, line)):
            break
        end += 1
    return end if rows > 1 else start


def _aligned(cells: list[list[Run]], line: Line) -> bool:
    """Most of the line's cells stand under cells of the rows above."""
    under = sum(any(_overlap(cell, above) > 0 for above in cells) for cell in line.cells)
    return under * 2 > len(line.cells)


def _inner(cells: list[list[Run]], line: Line) -> bool:
    """One more line of a cell that is not in the first column."""
    left = min(run.x0 for cell in cells for run in cell)
    return line.first.x0 > left + line.height and any(
        _overlap(line.cells[0], above) > 0 for above in cells
    )


def _write_table(draft: Draft, page: Page, lines: list[Line], state: _State) -> None:
    columns = _columns(lines)
    rows: list[list[str]] = []
    for line in lines:
        row = [""] * len(columns)
        for cell in line.cells:
            at = _column(columns, cell)
            row[at] = f"{row[at]} {_joined(cell)}".strip()
        if rows and len(line.cells) == 1 and not row[0]:
            rows[-1] = [f"{a} {b}".strip() for a, b in zip(rows[-1], row, strict=True)]
        else:
            rows.append(row)
    starts = [start for start, _ in columns]
    if state.table is not None and _goes_on(state.table, page.number, starts):
        header = state.table.header
        rows = [header, *(row for row in rows if row != header)]
    state.table = _Table(rows[0], starts, page.number)
    hidden = any(line.hidden for line in lines)
    draft.table(rows, page=page.number, boxes=_boxes(page, lines), hidden=hidden)


def _goes_on(table: _Table, page: int, starts: list[float]) -> bool:
    if page != table.page + 1 or len(starts) != len(table.starts):
        return False
    return all(abs(a - b) < 20 for a, b in zip(starts, table.starts, strict=True))


def _columns(lines: list[Line]) -> list[tuple[float, float]]:
    """Where columns are: the stretches that cells cover, cells that span several left aside."""
    cells = [cell for line in lines for cell in line.cells]
    edges = sorted((min(r.x0 for r in cell), max(r.x1 for r in cell)) for cell in cells)
    most = max(len(line.cells) for line in lines)
    merged: list[tuple[float, float]] = []
    for start, end in edges:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    if len(merged) >= most:
        return merged
    widest = next(line for line in lines if len(line.cells) == most)
    return [(min(r.x0 for r in cell), max(r.x1 for r in cell)) for cell in widest.cells]


def _column(columns: list[tuple[float, float]], cell: list[Run]) -> int:
    start, end = min(run.x0 for run in cell), max(run.x1 for run in cell)

    def fit(at: int) -> tuple[float, float]:
        left, right = columns[at]
        return min(end, right) - max(start, left), -abs(start - left)

    return max(range(len(columns)), key=fit)


# --- text -------------------------------------------------------------------------------------


def _joined(runs: Sequence[Run]) -> str:
    text = ""
    for run in runs:
        if text.endswith("\xad"):
            text = text[:-1] + run.text
        else:
            text = f"{text} {run.text}" if text and not text.endswith("-") else text + run.text
    return text.replace("\xad", "")


def _joined_lines(lines: Sequence[Line]) -> str:
    return _joined([run for line in lines for run in line.runs])


def _boxes(page: Page, lines: Sequence[Line]) -> list[Box]:
    if page.turned:
        return []
    runs = [run for line in lines for run in line.runs]
    box = Box(
        page=page.number,
        x0=round(min(run.x0 for run in runs), 1),
        y0=round(min(run.y0 for run in runs), 1),
        x1=round(max(run.x1 for run in runs), 1),
        y1=round(max(run.y1 for run in runs), 1),
    )
    return [box]


def _size(height: float) -> float:
    return round(height * 2) / 2
