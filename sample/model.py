"""A document before it has a format, and the needs that its facts satisfy."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_FACT = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 1


@dataclass
class Paragraph:
    text: str


@dataclass
class Items:
    items: list[str]


@dataclass(frozen=True)
class Table:
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Items | Table


@dataclass(frozen=True)
class Asked:
    """One need and the ways people put it.

    A question is plain, `~ misspelt`, `= with a synonym`, or `earlier >> follow-up`.
    """

    slug: str
    questions: tuple[str, ...]
    kind: str = "single"


@dataclass(frozen=True)
class Need:
    slug: str
    kind: str
    documents: tuple[str, ...]
    facts: tuple[tuple[str, ...], ...]
    questions: tuple[str, ...]
    as_user: str | None = None


def q(slug: str, *questions: str, kind: str = "single") -> Asked:
    return Asked(slug, questions, kind)


@dataclass
class Doc:
    """Sentences in order; `{...}` marks what an answer must say, with `|` between spellings."""

    path: str
    title: str
    date: datetime.date
    mail_from: str = ""
    mail_to: str = ""
    blocks: list[Block] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)

    def h(self, text: str, level: int = 1) -> None:
        self.blocks.append(Heading(text, level))

    def p(self, text: str, asked: Asked | None = None) -> None:
        """Start a paragraph with this sentence."""
        self.blocks.append(Paragraph(self._take(text, asked)))

    def s(self, text: str, asked: Asked | None = None) -> None:
        """Add a sentence to the paragraph."""
        last = self.blocks[-1]
        assert isinstance(last, Paragraph)
        last.text += " " + self._take(text, asked)

    def li(self, text: str, asked: Asked | None = None) -> None:
        """Add a list item."""
        if not (self.blocks and isinstance(self.blocks[-1], Items)):
            self.blocks.append(Items([]))
        last = self.blocks[-1]
        assert isinstance(last, Items)
        last.items.append(self._take(text, asked))

    def t(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.blocks.append(Table(tuple(headers), tuple(tuple(row) for row in rows)))

    def need(self, slug: str, facts: Sequence[str], *questions: str, kind: str = "table") -> None:
        """A need whose facts stand in a table or in sentences already written."""
        spellings = tuple(tuple(fact.split("|")) for fact in facts)
        self.needs.append(Need(slug, kind, (self.path,), spellings, questions))

    @property
    def suffix(self) -> str:
        return self.path.rsplit(".", 1)[1]

    def text(self) -> str:
        """Everything the document says, one block a line; what facts are checked against."""
        lines: list[str] = [self.title]
        for block in self.blocks:
            match block:
                case Heading(text=text) | Paragraph(text=text):
                    lines.append(text)
                case Items(items=items):
                    lines += items
                case Table(headers=headers, rows=rows):
                    lines += [" | ".join(row) for row in (headers, *rows)]
        return "\n".join(lines)

    def _take(self, text: str, asked: Asked | None) -> str:
        marked = _FACT.findall(text)
        if asked is not None:
            self.needs.append(
                Need(
                    asked.slug,
                    asked.kind,
                    (self.path,),
                    tuple(tuple(fact.split("|")) for fact in marked),
                    asked.questions,
                )
            )
        return _FACT.sub(lambda found: found[1].split("|")[0], text)
