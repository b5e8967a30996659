# pyright: basic
"""How soon a verdict is acknowledged: `python -m bench.feedback [SECONDS]` prints milliseconds.

A server of its own over HTTP on loopback, SQLite on disk, 50 people with an answer each who change
their mind once a second, each at a moment of their own, on one connection each. Every verdict is an
event that was committed before it was acknowledged; afterwards all of them are looked for.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil

from rag.domain import init_pack

VOTERS = 50
SECONDS = 60
COMMITS = 200
QUESTION = {"question": "What does this pack hold?"}


class Line:
    """One kept connection: a client that costs little, since it shares the machine."""

    def __init__(self, port: int, user: str) -> None:
        self.port, self.user = port, user

    async def __aenter__(self) -> Line:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        data = json.dumps(body).encode()
        head = (
            f"POST /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Ratchet-As: {self.user}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        self.writer.write(head.encode() + data)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.partition(":")[2])
            for line in answer.splitlines()
            if line.lower().startswith("content-length")
        )
        return int(answer.split()[1]), json.loads(await self.reader.readexactly(length))


def run(seconds: int = SECONDS) -> dict[str, Any]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The engine may still be writing its last while the folder goes.
    with TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        data = _deployment(Path(scratch))
        server = subprocess.Popen(
            [sys.executable, "-m", "rag", "--data", data, "start", "--port", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _until_answering(port)
            result = asyncio.run(_vote(port, seconds, psutil.Process(server.pid)))
        finally:
            server.terminate()
            server.wait()
        result["kept"] = _kept(data / "ratchet.db")
        result["commit_p95_ms"] = _commit(Path(scratch) / "commits.db")
        return result


def _deployment(root: Path) -> Path:
    init_pack(root / "pack", "bench")
    with (root / "pack" / "pack.toml").open("a") as file:
        file.writelines(f'[[people]]\nid = "voter{n}"\n' for n in range(VOTERS))
    data = root / "data"
    data.mkdir()
    (data / "rag.toml").write_text('domain = "bench"\n[domains.bench]\npack = "../pack"\n')
    return data


def _until_answering(port: int) -> None:
    url = f"http://127.0.0.1:{port}/api/v1/answers"
    while True:
        try:
            if httpx.post(url, json=QUESTION, trust_env=False, timeout=60).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)


async def _vote(port: int, seconds: int, server: psutil.Process) -> dict[str, Any]:
    taken: list[float] = []
    refused = 0

    async def asked(n: int) -> str:
        async with asking, Line(port, f"voter{n}") as line:
            status, answer = await line.post("/answers", QUESTION)
            if status != 200:
                raise RuntimeError(answer["detail"])
            return answer["trace_id"]

    async def voter(n: int, trace: str) -> None:
        nonlocal refused
        moment = time.perf_counter() + random.random()
        async with Line(port, f"voter{n}") as line:
            for turn in range(seconds):
                await asyncio.sleep(max(0.0, moment + turn - time.perf_counter()))
                body = {"value": 1 if turn % 2 else -1, "comment": f"turn {turn}"}
                since = time.perf_counter()
                status, _ = await line.post(f"/traces/{trace}/feedback", body)
                taken.append((time.perf_counter() - since) * 1000)
                refused += status != 201

    asking = asyncio.Semaphore(4)
    traces = await asyncio.gather(*(asked(n) for n in range(VOTERS)))
    before = sum(server.cpu_times()[:2])
    await asyncio.gather(*(voter(n, trace) for n, trace in enumerate(traces)))
    spent = sum(server.cpu_times()[:2]) - before
    cut = quantiles(taken, n=100)
    return {
        "voters": VOTERS,
        "verdicts": len(taken),
        "refused": refused,
        "cpu_ms": round(spent * 1000 / len(taken), 1),
        "p50_ms": round(cut[49], 1),
        "p95_ms": round(cut[94], 1),
        "p99_ms": round(cut[98], 1),
    }


def _kept(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT count(*) FROM feedback").fetchone()[0]


def _commit(path: Path) -> float:
    """What the disk alone takes for one row, so that nobody blames us for it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE rows (n INTEGER)")
        taken: list[float] = []
        for n in range(COMMITS):
            since = time.perf_counter()
            database.execute("INSERT INTO rows VALUES (?)", (n,))
            taken.append((time.perf_counter() - since) * 1000)
    return round(quantiles(taken, n=100)[94], 1)


if __name__ == "__main__":
    json.dump(run(*(int(one) for one in sys.argv[1:])), sys.stdout, indent=1)
    sys.stdout.write("\n")
