"""What a build has gathered so far, in a file of its own: memory stays flat, and a build that was
killed goes on where it was.

An item is what may become a row, under a key that is equal for equal content; people's opinions on
it are one per person and item, the last of each. What is asked for at the end is in order.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rag.datasets import Omission, Split, Task
from rag.errors import StorageFull, Unavailable
from rag.store.clusters import SCHEMA, Clusters

_SCHEMA = """
CREATE TABLE IF NOT EXISTS item (
    key TEXT PRIMARY KEY, task TEXT NOT NULL, parent TEXT NOT NULL, cluster TEXT NOT NULL,
    body TEXT NOT NULL, rank INTEGER NOT NULL, at TEXT NOT NULL, replaced TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS item_parent ON item (parent, task);
CREATE TABLE IF NOT EXISTS opinion (
    key TEXT, actor TEXT, value REAL NOT NULL, expert INTEGER NOT NULL, event TEXT NOT NULL,
    at TEXT NOT NULL, PRIMARY KEY (key, actor)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (n INTEGER PRIMARY KEY, trace TEXT NOT NULL, facts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS source (
    key TEXT, trace TEXT, fact INTEGER NOT NULL, PRIMARY KEY (key, trace)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unit (cluster TEXT, unit TEXT, PRIMARY KEY (cluster, unit))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rater (actor TEXT PRIMARY KEY, reliability REAL NOT NULL);
CREATE TABLE IF NOT EXISTS row (
    hash TEXT PRIMARY KEY, task TEXT NOT NULL, split TEXT NOT NULL, line TEXT NOT NULL,
    provenance TEXT NOT NULL, replaced TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS row_place ON row (task, split, hash);
CREATE TABLE IF NOT EXISTS omitted (task TEXT, reason TEXT, later INTEGER, n INTEGER NOT NULL,
    PRIMARY KEY (task, reason, later)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS noted (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_CAP = """
DELETE FROM opinion WHERE (key, actor) IN (
    SELECT key, actor FROM (
        SELECT key, actor, ROW_NUMBER() OVER (PARTITION BY actor ORDER BY key) AS place
        FROM opinion)
    WHERE place > ?)
"""
_RELIABILITY = """
INSERT INTO rater
WITH shared AS (
    SELECT key, SUM(value > 0) - SUM(value < 0) AS net FROM opinion
    GROUP BY key HAVING COUNT(*) > 1),
compared AS (
    SELECT o.actor, (o.value > 0) - (o.value < 0) AS mine,
           s.net - ((o.value > 0) - (o.value < 0)) AS others
    FROM opinion o JOIN shared s ON s.key = o.key)
SELECT actor, (SUM(mine * others > 0) + :prior) / (SUM(mine * others <> 0) + :prior)
FROM compared GROUP BY actor
"""
_SCORES = """
SELECT i.key, i.task, i.parent, i.cluster, i.body, i.rank, i.at, i.replaced,
       SUM(o.value * (CASE WHEN o.expert THEN :expert ELSE 1.0 END) * COALESCE(r.reliability, 1.0))
       / SUM((CASE WHEN o.expert THEN :expert ELSE 1.0 END) * COALESCE(r.reliability, 1.0)),
       COUNT(*)
FROM item i JOIN opinion o ON o.key = i.key LEFT JOIN rater r ON r.actor = o.actor
WHERE i.task = :task GROUP BY i.key ORDER BY i.parent, i.rank DESC, i.at DESC, i.key
"""
_WEIGHED = """
SELECT o.key, o.event,
       o.value * (CASE WHEN o.expert THEN :expert ELSE 1.0 END) * COALESCE(r.reliability, 1.0)
FROM opinion o LEFT JOIN rater r ON r.actor = o.actor ORDER BY o.key, o.event
"""
PRIOR = 4.0
"""Agreements that everybody is credited with: one disagreement makes nobody unreliable."""
EXPERT = 2.0
"""How much more an expert's opinion counts."""

Replaced = Mapping[str, Mapping[str, Mapping[str, int]]]
"""How many values were replaced, by field, kind and recogniser."""


class Opinion(NamedTuple):
    """What one person thinks of an item: above 0 well, below badly."""

    actor: str
    value: float
    expert: bool
    event: str
    at: str


class Scored(NamedTuple):
    """An item with what people think of it on the whole, from -1 to 1."""

    key: str
    task: str
    parent: str
    cluster: str
    body: Any
    rank: int
    at: str
    replaced: Replaced
    score: float
    people: int


class Opinions:
    """One file; every method but `gathering` commits."""

    def __init__(self, path: Path) -> None:
        with _translated():
            self._sql = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            # Whoever loses power begins again: nobody was told of any of this yet.
            # Keys are hashes, so that pages are come back to in any order: 64 MB of them are kept.
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "temp_store=FILE"):
                self._sql.execute(f"PRAGMA {pragma}")
            self._sql.execute("PRAGMA cache_size=-65536")
            self._sql.executescript(_SCHEMA + SCHEMA)
        self.clusters = Clusters(self._sql)
        self._facts: dict[tuple[str, str], int] = {}

    def close(self) -> None:
        self._sql.close()

    # --- gathering ---

    @contextmanager
    def gathering(self, after: str) -> Generator[None]:
        """What is added within is kept together with the fact that the answers up to `after` are
        done; killed on the way, none of it."""
        with _translated():
            with self._whole():
                yield
                self._note("after", after)
            self._facts.clear()

    @contextmanager
    def _whole(self) -> Generator[None]:
        self._sql.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._sql.execute("ROLLBACK")
            self._facts.clear()
            raise
        self._sql.execute("COMMIT")

    def add(
        self,
        task: str,
        key: str,
        cluster: str,
        body: Mapping[str, Any],
        *,
        parent: str = "",
        rank: int = 0,
        at: str = "",
        replaced: Replaced | None = None,
    ) -> None:
        """An item; one with the same content is the same, and keeps its oldest cluster."""
        self._sql.execute(
            "INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
            " rank = MAX(rank, excluded.rank), at = MAX(at, excluded.at)",
            (key, task, parent or key, cluster, json.dumps(body), rank, at, _written(replaced)),
        )

    def think(self, key: str, opinion: Opinion) -> None:
        """The last opinion of a person on an item counts."""
        self._sql.execute(
            "INSERT INTO opinion VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key, actor) DO UPDATE SET"
            " value = excluded.value, expert = excluded.expert, event = excluded.event,"
            " at = excluded.at WHERE (excluded.at, excluded.event) > (at, event)",
            (key, opinion.actor, opinion.value, opinion.expert, opinion.event, opinion.at),
        )

    def thought(self, key: str, actor: str) -> bool:
        """Whether a person has an opinion on an item."""
        of = "SELECT 1 FROM opinion WHERE key = ? AND actor = ?"
        return self._sql.execute(of, (key, actor)).fetchone() is not None

    def source(self, key: str, trace_id: str, facts: Mapping[str, Any]) -> None:
        """Where an item comes from. What is told of an answer in equal words is kept once, as
        far as it is told within one `gathering`."""
        said = (trace_id, json.dumps(facts))
        if said not in self._facts:
            made = self._sql.execute("INSERT INTO fact (trace, facts) VALUES (?, ?)", said)
            assert made.lastrowid is not None
            self._facts[said] = made.lastrowid
        self._sql.execute(
            "INSERT OR IGNORE INTO source VALUES (?, ?, ?)", (key, trace_id, self._facts[said])
        )

    def about(self, cluster: str, units: Iterable[str]) -> None:
        """A cluster of questions that these parts of documents answer."""
        self._sql.executemany(
            "INSERT OR IGNORE INTO unit VALUES (?, ?)", ((cluster, unit) for unit in units)
        )

    def omit(self, task: str, reason: Omission, count: int = 1, *, later: bool = False) -> None:
        """Something that people said makes no row; `later`: when all was gathered."""
        self._sql.execute(
            "INSERT INTO omitted VALUES (?, ?, ?, ?) ON CONFLICT (task, reason, later)"
            " DO UPDATE SET n = n + excluded.n",
            (task, reason, later, count),
        )

    # --- summing up ---

    def settle(self, per_rater: int) -> int:
        """Cap what one person says, and see how far people agree. Returns how much was capped."""
        with _translated():
            capped = self._sql.execute(_CAP, (per_rater,)).rowcount
            self._sql.execute("DELETE FROM rater")
            self._sql.execute(_RELIABILITY, {"prior": PRIOR})
        return capped

    def restart(self) -> None:
        """Forget why rows were left out when they were made before, by a build that was cut off."""
        with _translated():
            self._sql.execute("DELETE FROM omitted WHERE later")

    def agreement(self) -> float | None:
        """Krippendorff's alpha of all signs on items that several people judged; None without."""
        found = self._sql.execute(
            "SELECT SUM(value > 0), SUM(value < 0) FROM opinion WHERE value <> 0"
            " GROUP BY key HAVING COUNT(*) > 1"
        )
        return alpha(found)

    def raters(self) -> tuple[int, int]:
        """How many people had an opinion, and how many more often against the others than not."""
        count = self._sql.execute("SELECT COUNT(DISTINCT actor) FROM opinion").fetchone()[0]
        against = self._sql.execute("SELECT COUNT(*) FROM rater WHERE reliability < 0.5")
        return count, against.fetchone()[0]

    def scored(self, task: str) -> Iterator[Scored]:
        """The items of a task by what they belong to, the best of each first."""
        found = self._sql.execute(_SCORES, {"task": task, "expert": EXPERT})
        for key, kind, parent, cluster, body, rank, at, replaced, score, people in found:
            yield Scored(
                *(key, kind, parent, cluster, json.loads(body), rank, at),
                *(json.loads(replaced), score, people),
            )

    def weighed(self) -> Iterator[tuple[str, str, float]]:
        """Every opinion that counts: item, event, and its value by how much its person counts."""
        found = self._sql.execute(_WEIGHED, {"expert": EXPERT})
        yield from found

    def has(self, task: str, parent: str) -> bool:
        """Whether anything of a task belongs to it."""
        found = self._sql.execute(
            "SELECT 1 FROM item WHERE parent = ? AND task = ? LIMIT 1", (parent, task)
        )
        return found.fetchone() is not None

    def origin(self, *keys: str) -> dict[str, Any]:
        """Where items come from: their answers, and whose opinions count."""
        marks = ",".join("?" * len(keys))
        sources = self._sql.execute(
            "SELECT DISTINCT fact.trace, fact.facts FROM source JOIN fact ON fact.n = source.fact"
            f" WHERE source.key IN ({marks}) ORDER BY fact.trace",
            keys,
        )
        opinions = self._sql.execute(
            "SELECT event, actor, value, expert FROM opinion"
            f" WHERE key IN ({marks}) ORDER BY event",
            keys,
        )
        return {
            "traces": [{"id": trace, **json.loads(facts)} for trace, facts in sources],
            "opinions": [
                {"event": event, "rater": actor, "value": value, "expert": bool(expert)}
                for event, actor, value, expert in opinions
            ],
        }

    # --- clusters and rows ---

    def shared(self) -> Iterator[tuple[str, str]]:
        """Clusters in pairs that a part of a document answers both of, each with the next."""
        before: tuple[str, str] | None = None
        for unit, cluster in self._sql.execute("SELECT unit, cluster FROM unit ORDER BY 1, 2"):
            if before is not None and before[0] == unit:
                yield before[1], cluster
            before = (unit, cluster)

    def divide(self, work: Callable[[Clusters], None]) -> None:
        """Have each cluster put into its split."""
        with _translated(), self._whole():
            work(self.clusters)

    def write(self, rows: Iterable[tuple[str, Task, Split, str, str, Replaced]]) -> None:
        """Rows by their hash; equal ones are one."""
        made = ((*row[:5], _written(row[5])) for row in rows)
        with _translated(), self._whole():
            self._sql.execute("DELETE FROM row")
            self._sql.executemany("INSERT OR IGNORE INTO row VALUES (?, ?, ?, ?, ?, ?)", made)

    def lines(self, task: Task, split: Split) -> Iterator[str]:
        found = self._sql.execute(
            "SELECT line FROM row WHERE task = ? AND split = ? ORDER BY hash", (task, split)
        )
        return (line for (line,) in found)

    def provenances(self) -> Iterator[str]:
        found = self._sql.execute("SELECT provenance FROM row ORDER BY task, split, hash")
        return (line for (line,) in found)

    def names(self) -> Iterator[tuple[Task, Split, str]]:
        """Every row there is: task, split and hash, in order."""
        return self._sql.execute("SELECT task, split, hash FROM row ORDER BY 1, 2, 3")

    def counts(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for task, split, n in self._sql.execute(
            "SELECT task, split, COUNT(*) FROM row GROUP BY 1, 2 ORDER BY 1, 2"
        ):
            found.setdefault(task, {})[split] = n
        return found

    def replaced(self) -> Iterator[tuple[Replaced, int]]:
        """What was replaced in rows, and in how many of them just that."""
        found = self._sql.execute("SELECT replaced, COUNT(*) FROM row GROUP BY 1 ORDER BY 1")
        return ((json.loads(one), n) for one, n in found)

    def omissions(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for task, reason, n in self._sql.execute(
            "SELECT task, reason, SUM(n) FROM omitted GROUP BY 1, 2 ORDER BY 1, 2"
        ):
            found.setdefault(task or "any", {})[reason] = n
        return found

    def languages(self) -> dict[str, int]:
        """How many answers there are in each language."""
        found = self._sql.execute(
            "SELECT lang, COUNT(*) FROM (SELECT DISTINCT trace, facts ->> '$.language' AS lang"
            " FROM fact) GROUP BY 1 ORDER BY 1"
        )
        return dict(found.fetchall())

    # --- what is known of the build ---

    def noted(self, name: str) -> str:
        found = self._sql.execute("SELECT value FROM noted WHERE name = ?", (name,)).fetchone()
        return found[0] if found else ""

    def note(self, name: str, value: str) -> None:
        with _translated():
            self._note(name, value)

    def _note(self, name: str, value: str) -> None:
        self._sql.execute("INSERT OR REPLACE INTO noted VALUES (?, ?)", (name, value))


def _written(replaced: Replaced | None) -> str:
    return json.dumps(replaced or {}, sort_keys=True)


def alpha(units: Iterable[tuple[int, int]]) -> float | None:
    """Krippendorff's alpha of two values, from how many said each of a unit; None where nobody
    judged the same, 1 where everybody agrees."""
    ups = downs = 0
    observed = 0.0
    for up, down in units:
        if up + down > 1:
            ups, downs = ups + up, downs + down
            observed += 2 * up * down / (up + down - 1)
    total = ups + downs
    if not ups or not downs:
        return 1.0 if total else None
    expected = 2 * ups * downs / (total - 1)
    return round(1 - observed / expected, 4)


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except sqlite3.Error as error:
        # The last is of the file by which connections share the log: there was no room to make it.
        if getattr(error, "sqlite_errorname", "") in (
            *("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"),
        ):
            raise StorageFull(
                "The disk is full; no dataset was made.", hint="Free some space."
            ) from error
        raise Unavailable(f"What a build had gathered cannot be used: {error}.") from error
