# pyright: basic
"""A million verdicts become a dataset: `python -m bench.datasets FOLDER [EVENTS]`.

What is asked of 200 handbooks by 5,000 people is made once, in FOLDER: real answers, copied by SQL
under other questions, with two verdicts each and a review of each verdict. Measured, each in a
process of its own: reading and choosing the verdicts, which is what every build does with all of
them; a whole build; and each format's export of it. Memory is what the process has resident.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any

import psutil

from rag.app import App, build
from rag.config import load
from rag.datasets import DatasetSpec
from rag.domain import init_pack
from rag.feedback import Consent, Verdict
from rag.learn.exporting import export, formats
from rag.types import AskRequest, Progress, utc_now

EVENTS, DOCUMENTS, PEOPLE, RUNS = 1_000_000, 200, 5_000, 3
MARKS = (100_000, 500_000, 1_000_000)
SPEC = DatasetSpec(name="bench", per_rater=1_000_000)
WORDS = ("turbine", "gasket", "bearing", "impeller", "flange", "coupling", "valve", "motor")


# --- what is measured ---


def scan(folder: Path) -> dict[str, Any]:
    """Every verdict, and whether it is wanted, with memory on the way."""
    from rag.store.database import Database
    from rag.store.events import Events

    database = Database(f"sqlite:///{folder / 'data' / 'ratchet.db'}")
    events = Events(database)
    count, memory = 0, Memory()
    began, busy = time.perf_counter(), time.process_time()
    for _, said in events.by_trace("bench", utc_now(), SPEC):
        count += sum(one.review in SPEC.review for one in said)
        memory.at(count)
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    database.close()
    return {
        "events": count,
        "events_s": round(count / seconds),
        "events_processor_s": round(count / busy),
        "memory_mb": memory.told,
    }


def whole(folder: Path) -> dict[str, Any]:
    return asyncio.run(_whole(folder))


async def _whole(folder: Path) -> dict[str, Any]:
    shutil.rmtree(folder / "data" / "datasets", ignore_errors=True)
    app = await build(load(folder / "data"))
    memory, laps = Memory(), [time.perf_counter()]
    memory.at(0)

    def told(progress: Progress) -> None:
        memory.at(2 * progress.done)
        laps[1:] = [time.perf_counter()]

    try:
        with memory.peak():
            made = await app.datasets.build(app.person(None), SPEC, None, told)
        laps.append(time.perf_counter())
    finally:
        await app.aclose()
    return {
        "rows": made.rows,
        "splits": made.manifest["rows"],
        "gather_s": round(laps[1] - laps[0]),
        "rest_s": round(laps[2] - laps[1]),
        "events_s": round(2 * made.manifest["answers"] / (laps[2] - laps[0])),
        "memory_mb": memory.told,
        "peak_mb": memory.most,
    }


def exports(folder: Path) -> dict[str, Any]:
    (dataset,) = (folder / "data" / "datasets" / "bench").iterdir()
    found: dict[str, Any] = {}
    for one in formats():
        done = subprocess.run(
            [sys.executable, "-m", "bench.datasets", str(folder), "one", one.name, str(dataset)],
            check=True,
            capture_output=True,
        )
        found[one.name] = json.loads(done.stdout)
    return found


def one(folder: Path, name: str, dataset: Path) -> dict[str, Any]:
    memory, seconds = Memory(), []
    memory.at(0)
    for _ in range(RUNS):
        to = folder / "exported"
        shutil.rmtree(to, ignore_errors=True)
        began = time.perf_counter()
        with memory.peak():
            manifest = export(dataset, name, to)
        seconds.append(time.perf_counter() - began)
    read = sum(kept.read for splits in manifest.rows.values() for kept in splits.values())
    size = sum(file.size for file in manifest.files.values())
    shutil.rmtree(to)
    return {
        "rows": read,
        "rows_s": round(read / median(seconds)),
        "mb_s": round(size / 1e6 / median(seconds), 1),
        "memory_mb": memory.told[0],
        "peak_mb": memory.most,
    }


class Memory:
    """What this process has resident, in MB, when so many events are done."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._left = [0, *MARKS]
        self.told: dict[int, int] = {}
        self.most = 0

    def at(self, count: int) -> None:
        while self._left and count >= self._left[0]:
            self.told[self._left.pop(0)] = self._now()

    def peak(self) -> Any:
        return _Watched(self)

    def look(self) -> None:
        self.most = max(self.most, self._now())

    def _now(self) -> int:
        return self._process.memory_info().rss >> 20


class _Watched:
    def __init__(self, memory: Memory) -> None:
        self._memory, self._on = memory, True
        self._thread = Thread(target=self._watch)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._on = False
        self._thread.join()

    def _watch(self) -> None:
        while self._on:
            self._memory.look()
            time.sleep(0.1)


# --- what it is measured on ---


def prepare(folder: Path, events: int) -> None:
    """The deployment, and everything that was ever said there."""
    if (folder / "ready").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    asyncio.run(_asked(folder))
    _copied(folder / "data" / "ratchet.db", events)
    (folder / "ready").touch()


async def _asked(folder: Path) -> None:
    init_pack(folder / "pack", "bench")
    chance = random.Random(1)
    for n in range(DOCUMENTS):
        told = [
            f"## Part {part}\n\nThe {a} of pump {n} weighs {part + n} kg. "
            + " ".join(chance.choices(WORDS, k=60))
            + "."
            for part, a in enumerate(WORDS[:4])
        ]
        path = folder / "pack" / "documents" / f"handbook-{n}.md"
        path.write_text(f"# Handbook of pump {n}\n\n" + "\n\n".join(told))
    data = folder / "data"
    data.mkdir()
    (data / "rag.toml").write_text('domain = "bench"\n[domains.bench]\npack = "../pack"\n')
    app = await build(load(data))
    try:
        who = app.person(None)
        where = {"path": str(folder / "pack" / "documents")}
        await app.add_source(who, connector="files", config=where, name="handbooks")
        await app.sync(who)
        await _ask(app)
    finally:
        await app.aclose()


async def _ask(app: App) -> None:
    who = app.person(None)
    purposes = ("training", "retrieval", "evaluation")
    await app.agree(who, Consent(purposes=purposes, version=1))
    for n in range(DOCUMENTS):
        question = f"How much does the {WORDS[n % 4]} of pump {n} weigh?"
        answer = await app.ask(who, AskRequest(question=question))
        if n == 0:
            made = await app.rate(who, answer.trace_id, Verdict(value=1))
            await app.curation.review(who, [made.id], "accepted")


def _copied(path: Path, events: int) -> None:
    """Each answer again under other questions; everything in the order of time."""
    with sqlite3.connect(path) as sql:
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "cache_size=-400000"):
            sql.execute(f"PRAGMA {pragma}")
        sql.execute("CREATE TEMP TABLE first AS SELECT * FROM traces ORDER BY ts")
        verdict = dict(_row(sql, "feedback"))
        review = dict(_row(sql, "reviews"))
        for table in ("reviews", "feedback_requests", "feedback", "questions", "traces"):
            sql.execute(f"DELETE FROM {table}")
        for name, made in (
            ("traces", _answers(sql, events // 2)),
            ("questions", _questions(events // 2)),
            ("feedback", _said(verdict, events)),
            ("reviews", _reviewed(review, events)),
        ):
            columns = [column[1] for column in sql.execute(f"PRAGMA table_info({name})")]
            marks = ",".join("?" * len(columns))
            sql.executemany(
                f"INSERT INTO {name} ({','.join(columns)}) VALUES ({marks})",
                ([row[column] for column in columns] for row in made),
            )
            sql.commit()
        sql.execute("ANALYZE")


def _row(sql: sqlite3.Connection, table: str) -> Iterator[tuple[str, Any]]:
    found = sql.execute(f"SELECT * FROM {table} LIMIT 1")
    return zip((column[0] for column in found.description), found.fetchone(), strict=True)


def _answers(sql: sqlite3.Connection, count: int) -> Iterator[dict[str, Any]]:
    found = sql.execute("SELECT * FROM first")
    names = [column[0] for column in found.description]
    first = [dict(zip(names, row, strict=True)) for row in found]
    for n in range(count):
        of = first[n % DOCUMENTS]
        # Every fourth question was asked before, in the same words.
        asked = f"{of['query_raw']} It is case {n - n % 4 * DOCUMENTS}."
        yield {
            **of,
            "id": _id("t", n),
            "query_raw": asked,
            "query_standalone": asked,
            "answer": f"{of['answer']} ({n})",
            "actor_pseudonym": f"{n % PEOPLE:032x}",
        }


def _questions(count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        yield {
            "n": n + 1,
            "trace_id": _id("t", n),
            "domain": "bench",
            "cluster_id": _id("t", max(n - n % 4 * DOCUMENTS, 0)),
            "embedder_rev": "bench",
            "digest": f"{n:064x}",
            "signature": bytes(32),
            "vector": bytes(768),
        }


def _said(of: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(2)
    for n in range(count):
        who = (n // 2 + n % 2 * 17) % PEOPLE
        correction = {"text": f"It is {n} kg.", "chunk_ids": []} if n % 20 == 0 else None
        yield {
            **of,
            "id": _id("f", n),
            "trace_id": _id("t", n // 2),
            "subject": f"answer {n // 2}",
            "actor_pseudonym": f"{who:032x}",
            "value": 1.0 if chance.random() < 0.8 else -1.0,
            "correction": json.dumps(correction),
            # Of everybody the answer counts alike.
            "rater": "expert" if n % 2 else "user",
        }


def _reviewed(of: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        yield {**of, "id": _id("r", n), "feedback_id": _id("f", n)}


def _id(kind: str, n: int) -> str:
    return f"{kind}{n:035d}"


def main(given: list[str]) -> None:
    folder, *rest = given
    place = Path(folder).resolve()
    match rest:
        case ["scan"]:
            print(json.dumps(scan(place)))
        case ["whole"]:
            print(json.dumps(whole(place)))
        case ["exports"]:
            print(json.dumps(exports(place), indent=1))
        case ["one", name, dataset]:
            print(json.dumps(one(place, name, Path(dataset))))
        case _:
            prepare(place, int(rest[0]) if rest else EVENTS)
            for stage in (*["scan"] * RUNS, "whole", "exports"):
                command = [sys.executable, "-m", "bench.datasets", folder, stage]
                print(stage, subprocess.check_output(command, text=True), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
