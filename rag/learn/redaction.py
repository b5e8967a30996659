"""What may become a row, with what is personal in it replaced. Nothing is written before.

What stands in place of a value is its kind in angle brackets. Where a row is one example of its
own, with a number too: the same value has the same in all of its texts, so that an answer still
refers to what its context says. A passage has one text, whichever question it is judged for, so
there the kind stands alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

from rag.datasets import Task
from rag.redaction import Count, Found, Redaction, TooHard
from rag.store.opinions import Replaced

FIELDS: Mapping[str, str] = {
    "prompt": "prompt",
    "completion": "answer",
    "first": "answer",
    "second": "answer",
    "response": "answer",
    "question": "question",
    "title": "title",
    "text": "passage",
    "contexts": "context",
    "reference": "reference",
    "reference_contexts": "context",
}
"""What of an item is text, and what it counts as."""
VALUES = 2_000
"""Different ones in a row: what has more is a list of people, and teaches nothing."""
ROUNDS = 20
"""How often what is left of a text may look like something else than before."""


class Finder(Protocol):
    """Finds what is to be replaced in a text; what it finds depends on that text alone."""

    revision: str

    @property
    def versions(self) -> Mapping[str, str]: ...
    @property
    def kinds(self) -> tuple[str, ...]: ...
    @property
    def find(self) -> Callable[[str], Sequence[Found]]: ...


class Scope:
    """The texts of one row, in which a value is replaced the same everywhere.

    Redacting what was redacted changes nothing.
    """

    def __init__(self, finder: Finder, *, numbered: bool) -> None:
        self.counts: dict[str, dict[str, dict[str, int]]] = {}
        self._find = finder.find
        self._numbered = numbered
        kinds = "|".join(map(re.escape, finder.kinds))
        self._mark = re.compile(rf"(<(?:{kinds})(?:_\d{{1,5}})?>)")
        self._marks: dict[tuple[str, str], str] = {}
        self._numbers: Counter[str] = Counter()
        self._known: dict[str, Found] = {}

    def redacted(self, texts: Sequence[tuple[str, str]]) -> list[str]:
        """Fields and their texts, with every value replaced that is found in any of them, or was
        in this scope before. Raises TooHard."""
        for _, text in texts:
            self._reserve(text)
        now = [text for _, text in texts]
        for _ in range(ROUNDS):
            self._learn(now)
            after = [
                self._replaced(field, text) for (field, _), text in zip(texts, now, strict=True)
            ]
            # What stood beside a value may be one itself now.
            if after == now:
                return now
            now = after
        raise TooHard("all")

    def _reserve(self, text: str) -> None:
        """Numbers that a text came with are nobody else's."""
        for mark in self._mark.findall(text):
            kind, _, number = mark.strip("<>").rpartition("_")
            if number.isdecimal():
                self._numbers[kind] = max(self._numbers[kind], int(number))

    def _learn(self, texts: Sequence[str]) -> None:
        for piece in self._plain(texts):
            for one in self._find(piece):
                self._known.setdefault(piece[one.start : one.end], one)
        if len(self._known) > VALUES:
            raise TooHard("all")

    def _replaced(self, field: str, text: str) -> str:
        pieces = self._mark.split(text)
        there = {value: one for value, one in self._known.items() if value in text}
        return "".join(
            piece if n % 2 else self._without(field, piece, there) for n, piece in enumerate(pieces)
        )

    def _without(self, field: str, piece: str, known: Mapping[str, Found]) -> str:
        spans = [(one.start, one.end, one) for one in self._find(piece)]
        for value, one in known.items():
            spans += [(*span, one) for span in _standing(value, piece)]
        done, parts = 0, list[str]()
        for start, end, one in _joined(spans):
            parts += (piece[done:start], self._marked(one.kind, piece[start:end]))
            done = end
            if field:
                by = self.counts.setdefault(field, {}).setdefault(one.kind, {})
                by[one.by] = by.get(one.by, 0) + 1
        return "".join((*parts, piece[done:])) if parts else piece

    def _marked(self, kind: str, value: str) -> str:
        if not self._numbered:
            return f"<{kind}>"
        same = (kind, _same(kind, value))
        if same not in self._marks:
            self._numbers[kind] += 1
            self._marks[same] = f"<{kind}_{self._numbers[kind]}>"
        return self._marks[same]

    def _plain(self, texts: Iterable[str]) -> Iterator[str]:
        for text in texts:
            yield from self._mark.split(text)[::2]


class Redactor:
    """Replaces what is personal in items."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self.revision = finder.revision

    def scope(self, task: Task) -> Scope:
        """Of one item."""
        return Scope(self._finder, numbered=task != "relevance")

    def words(self, text: str) -> str:
        """A text of its own. Raises TooHard."""
        return Scope(self._finder, numbered=False).redacted([("", text)])[0]

    def summed(self, rows: Iterable[tuple[Replaced, int]]) -> Redaction:
        """What the rows of a dataset tell together; each with how many there are of it."""
        told = self._finder
        said = Redaction(rev=self.revision, kinds=told.kinds, versions=told.versions)
        return summed(said, rows)


def within(scope: Scope, item: Mapping[str, Any]) -> dict[str, Any]:
    """An item with its texts redacted; what else is in it stays. Raises TooHard."""
    places = [place for name in item if name in FIELDS for place in _places(name, item[name])]
    texts = iter(scope.redacted(places))
    return {
        name: _filled(value, texts) if name in FIELDS else value for name, value in item.items()
    }


def merged(counts: Iterable[Replaced]) -> Replaced:
    """What several items tell together."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for one in counts:
        for field, kinds in one.items():
            for kind, by in kinds.items():
                into = found.setdefault(field, {}).setdefault(kind, {})
                for name, n in by.items():
                    into[name] = into.get(name, 0) + n
    return found


def summed(said: Redaction, rows: Iterable[tuple[Replaced, int]]) -> Redaction:
    """What was replaced on the whole, of rows as they stand now."""
    total: dict[str, dict[str, Count]] = {}
    changed = 0
    for counts, times in rows:
        changed += times if counts else 0
        for field, kinds in counts.items():
            for kind, by in kinds.items():
                before = total.setdefault(field, {}).get(kind, Count(values=0, rows=0))
                sums = Counter(before.by) + Counter({name: n * times for name, n in by.items()})
                total[field][kind] = Count(
                    values=sums.total(), rows=before.rows + times, by=dict(sorted(sums.items()))
                )
    replaced = {field: dict(sorted(kinds.items())) for field, kinds in sorted(total.items())}
    return said.model_copy(update={"rows": changed, "replaced": replaced})


def _places(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield FIELDS[name], value
        return
    for one in cast("Sequence[Any]", value):
        yield FIELDS[name], one["content"] if isinstance(one, Mapping) else one


def _filled(value: Any, texts: Iterator[str]) -> Any:
    if isinstance(value, str):
        return next(texts)
    return [
        {**cast("Mapping[str, Any]", one), "content": next(texts)}
        if isinstance(one, Mapping)
        else next(texts)
        for one in cast("Sequence[Any]", value)
    ]


def _standing(value: str, text: str) -> Iterator[tuple[int, int]]:
    """Where a value stands as a whole."""
    start = text.find(value)
    while start >= 0:
        end = start + len(value)
        before = start and text[start - 1].isalnum() and value[0].isalnum()
        after = end < len(text) and text[end].isalnum() and value[-1].isalnum()
        if not before and not after:
            yield start, end
        start = text.find(value, end)


def _joined(spans: Iterable[tuple[int, int, Found]]) -> Iterator[tuple[int, int, Found]]:
    """Overlapping ones as one, of the kind of the longest."""
    best: tuple[int, int, Found] | None = None
    begin = until = 0
    for start, end, one in sorted(spans, key=lambda each: (each[0], -each[1])):
        if best is None or start >= until:
            if best is not None:
                yield begin, until, best[2]
            best, begin, until = (start, end, one), start, end
            continue
        if end - start > best[1] - best[0]:
            best = (start, end, one)
        until = max(until, end)
    if best is not None:
        yield begin, until, best[2]


def _same(kind: str, value: str) -> str:
    """Equal for the same value in another shape: numbers are written with spaces or without."""
    if kind in ("EMAIL_ADDRESS", "IP_ADDRESS") or not any(map(str.isdigit, value)):
        return " ".join(value.casefold().split())
    return re.sub(r"[^\w+]", "", value).casefold()
