"""The clusters of a build in the build's own file: their order, what belongs together, and which
split each is in. Memory holds some hundred of them at a time, and eight bytes of each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rag.datasets import SPLITS, Split

SCHEMA = """
CREATE TABLE IF NOT EXISTS known (cluster TEXT PRIMARY KEY, age INTEGER NOT NULL, before TEXT)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cluster (
    place INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, before TEXT, oldest INTEGER);
CREATE TABLE IF NOT EXISTS split (cluster TEXT PRIMARY KEY, split TEXT NOT NULL);
"""
AT_ONCE = 500
NEWEST = 2**63 - 1
"""The age of one whose questions are all gone."""
_GROUPS = """
SELECT one.name, oldest.name, one.before, before.splits
FROM cluster one JOIN cluster oldest ON oldest.place = one.oldest
LEFT JOIN (SELECT oldest, GROUP_CONCAT(DISTINCT before) AS splits FROM cluster
    WHERE before IS NOT NULL GROUP BY oldest) before ON before.oldest = one.oldest
ORDER BY one.place
"""
_LARGEST = "SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM cluster GROUP BY oldest)"


class Known(NamedTuple):
    """What is known of a cluster elsewhere."""

    age: int
    """Lower for older ones."""
    before: Split | None
    """The split in which it was in a dataset before."""


Look = Callable[[Sequence[str]], Mapping[str, Known]]
Settle = Callable[[str, Split | None, frozenset[Split]], Split | None]
"""The split of one: from the oldest of its group, what it was in before, and what any of its group
was in before. None where it may be in none."""


class Clusters:
    """Numbered from old to new. Whoever uses it commits."""

    def __init__(self, sql: sqlite3.Connection) -> None:
        self._sql = sql

    def gather(self, look: Look) -> int:
        """Number those of everything gathered, with what is known of them. Returns how many."""
        self._sql.execute("DELETE FROM known")
        self._sql.execute("DELETE FROM cluster")
        self._sql.execute("INSERT INTO known SELECT DISTINCT cluster, ?, NULL FROM item", (NEWEST,))
        for some in self._pages():
            self._sql.executemany(
                "UPDATE known SET age = ?, before = ? WHERE cluster = ?",
                ((found.age, found.before, one) for one, found in look(some).items()),
            )
        self._sql.execute(
            "INSERT INTO cluster (place, name, before)"
            " SELECT ROW_NUMBER() OVER (ORDER BY age, cluster) - 1, cluster, before FROM known"
        )
        return self._number("SELECT COUNT(*) FROM cluster")

    def _pages(self) -> Iterator[list[str]]:
        after = ""
        while True:
            found = self._sql.execute(
                "SELECT cluster FROM known WHERE cluster > ? ORDER BY cluster LIMIT ?",
                (after, AT_ONCE),
            )
            if not (some := [cluster for (cluster,) in found]):
                return
            yield some
            after = some[-1]

    def place(self, name: str) -> int | None:
        """The number of one; None for one of which nothing was gathered."""
        found = self._sql.execute("SELECT place FROM cluster WHERE name = ?", (name,)).fetchone()
        return found[0] if found else None

    def group(self, oldest: Iterable[int]) -> None:
        """Say of each, in their order, which is the oldest that it belongs to."""
        self._sql.executemany(
            "UPDATE cluster SET oldest = ? WHERE place = ?",
            ((root, place) for place, root in enumerate(oldest)),
        )

    def divide(self, settle: Settle) -> None:
        """Put each into the split that `settle` says."""
        self._sql.execute("DELETE FROM split")
        self._sql.executemany(
            "INSERT INTO split VALUES (?, ?)",
            (
                (name, split)
                for name, oldest, before, splits in self._sql.execute(_GROUPS)
                if (split := settle(oldest, before, _read(splits)))
            ),
        )

    def split(self, name: str) -> Split | None:
        found = self._sql.execute("SELECT split FROM split WHERE cluster = ?", (name,)).fetchone()
        return found[0] if found else None

    def splits(self) -> Iterator[tuple[str, Split]]:
        """Every cluster that is in one, in order."""
        return self._sql.execute("SELECT cluster, split FROM split ORDER BY cluster")

    def told(self) -> dict[str, int]:
        """How many there are, and in which groups."""
        count = self._number("SELECT COUNT(*) FROM cluster")
        return {
            "clusters": count,
            "groups": self._number("SELECT COUNT(DISTINCT oldest) FROM cluster"),
            "largest_group": self._number(_LARGEST),
            "kept_out": count - self._number("SELECT COUNT(*) FROM split"),
        }

    def _number(self, statement: str) -> int:
        return self._sql.execute(statement).fetchone()[0]


def _read(splits: str | None) -> frozenset[Split]:
    named = (splits or "").split(",")
    return frozenset(one for one in SPLITS if one in named)
