"""A worker in a process of its own: `python -m tests.jobs.worker ROOT URL OPTIONS`.

OPTIONS is JSON: `jobs` (settings), `pace` (seconds that parsing a document takes), and where the
process stops as if it were put to sleep: `freeze` (before that write into the index, counted from
1) or `freeze_within` (in that transaction; where it is `sending`, before the server was told that
this is all); and how wrong its clock is: `clock_hours`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from rag.config import JobSettings
from rag.ingest.sync import Syncer
from rag.jobs import OnProgress, Worker
from rag.store.database import Database, Guard
from rag.store.runs import Runs
from rag.types import Document, RawDocument, Run, utc_now
from tests.support import Bench, parse_text


class PacedBench(Bench):
    pace = 0.0

    def syncer(self, **settings: float) -> Syncer:
        async def parse(raw: RawDocument) -> Document:
            await asyncio.sleep(self.pace)
            return await parse_text(raw)

        made = super().syncer(**settings)
        made.parse = parse
        return made


def freeze(bench: Bench, turn: int) -> None:
    """Before its turn-th write into the index this process stops, until somebody wakes it.

    It stops between transactions: asleep within one it would keep the whole of SQLite.
    """
    index_write, database_write = bench.index.upsert, Database.write
    alone, calls = threading.RLock(), 0

    async def upsert(*given: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == turn:
            with alone:
                os.kill(os.getpid(), signal.SIGSTOP)
        await index_write(*given)

    @contextmanager
    def write(self: Database, **given: Any) -> Iterator[Session]:
        with alone, database_write(self, **given) as session:
            yield session

    bench.index.upsert = upsert  # type: ignore[method-assign]
    Database.write = write  # type: ignore[method-assign]


def freezing(guard: Guard, turn: int, sending: bool) -> Guard:
    """The guard, within whose turn-th transaction this process stops."""
    calls = 0

    def stop(session: Session) -> None:
        if not sending:
            os.kill(os.getpid(), signal.SIGSTOP)
            return
        connection = session.connection().connection.driver_connection
        with connection.pipeline(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            connection.pgconn.send_flush_request()
            connection.pgconn.flush()
            os.kill(os.getpid(), signal.SIGSTOP)

    def check(session: Session) -> None:
        nonlocal calls
        guard(session)
        calls += 1
        if calls == turn:
            stop(session)

    return check


async def serve(root: Path, url: str, options: Mapping[str, Any]) -> None:
    bench = PacedBench(root, url)
    bench.pace = options.get("pace", 0.0)
    if "freeze" in options:
        freeze(bench, options["freeze"])

    async def work(run: Run, guard: Guard, progress: OnProgress) -> Mapping[str, Any]:
        mine = copy(bench)
        if "freeze_within" in options:
            guard = freezing(guard, options["freeze_within"], options.get("sending", False))
        mine.ledger = bench.ledger.guarded(guard)
        return (await mine.sync(progress=progress)).model_dump()

    ahead = timedelta(hours=options.get("clock_hours", 0))
    runs = Runs(bench.database, lambda: utc_now() + ahead)
    worker = Worker(runs, work, JobSettings.model_validate(options["jobs"]))
    serving = asyncio.ensure_future(worker.serve())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.wait({serving})
    await bench.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])))
