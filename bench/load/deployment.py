# pyright: basic
"""What the load is put on: a stub model, and a server with many chunks, each a process."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from rag.domain import init_pack

REPOSITORY = Path(__file__).parents[2]
PEOPLE = 200
PER_FILE = 50
"""Passages in a document; each becomes two chunks or three."""
CHUNK_TOKENS = 60
MODELS = ("paced", "instant", "slow")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def running(arguments: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=folder,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


@dataclass
class Server:
    port: int
    process: psutil.Process
    folder: Path

    def chunks(self) -> int:
        with closing(sqlite3.connect(self.folder / "data" / "ratchet.db")) as database:
            return database.execute("SELECT sum(chunks) FROM placements").fetchone()[0]

    def held(self) -> dict[str, int]:
        """What it holds open: files, connections, threads, and tasks of its loop."""
        tasks = self.folder / "tasks"
        tasks.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        until(tasks.exists)
        return {
            "descriptors": self.process.num_fds(),
            "connections": len(self.process.net_connections("tcp")),
            "threads": self.process.num_threads(),
            "tasks": int(tasks.read_text()),
        }

    def cpu_s(self) -> float:
        return sum(self.process.cpu_times()[:2])


def until(true: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("it did not come about")
        time.sleep(0.2)


@contextmanager
def deployed(root: Path, passages: Sequence[str]) -> Iterator[Server]:
    """Answers from the passages; nothing of it is left afterwards but the folder."""
    port, stub = free_port(), free_port()
    data = _data(root, passages, stub)
    with running(["bench.load.stub_model", str(stub)], root):
        rag = ["bench.load.serve", "--data", str(data)]
        with running([*rag, "start", "--port", str(port)], root) as process:
            url = f"http://127.0.0.1:{port}"
            until(lambda: _ready(url), 3_600)
            yield Server(port, psutil.Process(process.pid), root)


def _ready(url: str) -> bool:
    """The documents were read, and it answers from them."""
    try:
        runs = httpx.get(f"{url}/api/v1/runs", trust_env=False)
        states = {one["state"] for one in runs.json()["runs"]} if runs.is_success else set()
        if states != {"succeeded"}:
            return False
        asked = {"question": "What is it?", "model": "instant"}
        answer = httpx.post(f"{url}/api/v1/answers", json=asked, trust_env=False, timeout=60)
        return answer.is_success and bool(answer.json()["answer"])
    except httpx.TransportError:
        return False


def _data(root: Path, passages: Sequence[str], stub: int) -> Path:
    init_pack(root / "pack", "load")
    pack = root / "pack" / "pack.toml"
    text = pack.read_text().replace("abstain_below = 0.35", "abstain_below = 0.0")
    people = "".join(f'[[people]]\nid = "person{n}"\n' for n in range(PEOPLE))
    pack.write_text(text + people)
    for start in range(0, len(passages), PER_FILE):
        path = root / "pack" / "documents" / f"{start:06}.txt"
        path.write_text("\n\n".join(passages[start : start + PER_FILE]))
    data = root / "data"
    data.mkdir()
    models = "".join(
        f'[models.{name}]\nprovider = "openai_like"\nmodel = "{name}"\n'
        f'base_url = "http://127.0.0.1:{stub}/v1"\ncontext_window = 8192\n'
        # The slow one takes five minutes.
        f"max_output_tokens = 300\ntimeout_seconds = 600\n"
        for name in MODELS
    )
    (data / "rag.toml").write_text(
        'domain = "load"\n[domains.load]\npack = "../pack"\n'
        f"[chunking]\nsize = {CHUNK_TOKENS}\n"
        f'[answer]\nmodel = "paced"\n{models}'
    )
    return data
