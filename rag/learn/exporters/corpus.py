"""Passages and questions by id, on the disk while an export is written, so that memory is flat."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from rag.datasets import Relevance
from rag.learn.exporters.lines import Unfit, helpful

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16000;
CREATE TABLE passages (id TEXT PRIMARY KEY, title TEXT, text TEXT) WITHOUT ROWID;
CREATE TABLE questions (place INTEGER PRIMARY KEY, id TEXT UNIQUE, text TEXT, relevant TEXT);
"""


class Corpus:
    """Every passage once, by id."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add(self, row: Relevance) -> None:
        """Keep a question and its passages, all of it or, where it is Unfit, nothing."""
        best = helpful(row)
        names = [row.id, *(passage.id for passage in row.passages)]
        if any(name != name.strip() or not name or not name.isprintable() for name in names):
            raise Unfit("an id of odd characters")
        if len(set(names[1:])) < len(row.passages):
            raise Unfit("a passage twice")
        for one in row.passages:
            known = self._database.execute(
                "SELECT title, text FROM passages WHERE id = ?", (one.id,)
            ).fetchone()
            if known not in (None, (clean(one.title), clean(one.text))):
                raise Unfit("an id that stands for two passages")
        relevant = json.dumps([passage.id for passage in best])
        added = self._database.execute(
            "INSERT OR IGNORE INTO questions (id, text, relevant) VALUES (?, ?, ?)",
            (row.id, clean(row.question), relevant),
        )
        if not added.rowcount:
            raise Unfit("an id that stands for two questions")
        self._database.executemany(
            "INSERT OR IGNORE INTO passages VALUES (?, ?, ?)",
            [(one.id, clean(one.title), clean(one.text)) for one in row.passages],
        )

    def passages(self) -> Iterator[tuple[str, str, str]]:
        """Id, title and text, by id."""
        yield from self._database.execute("SELECT id, title, text FROM passages ORDER BY id")

    def questions(self) -> Iterator[tuple[str, str, list[str]]]:
        """Id, text and the relevant passages' ids, the best first; as they were added."""
        found: Iterator[tuple[Any, ...]] = self._database.execute(
            "SELECT id, text, relevant FROM questions ORDER BY place"
        )
        for name, text, relevant in found:
            yield name, text, json.loads(relevant)


def clean(text: str) -> str:
    """A text that has an encoding."""
    return text.encode("utf-8", "replace").decode("utf-8")


@contextmanager
def corpus(folder: Path) -> Generator[Corpus]:
    """An empty one, whose file is gone from the folder afterwards."""
    path = folder / ".corpus"
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.executescript(_TABLES)
            database.execute("BEGIN")
            yield Corpus(database)
    finally:
        path.unlink(missing_ok=True)
