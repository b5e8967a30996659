"""Server mode: the API and a worker as two commands over PostgreSQL and a Qdrant server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from rag.errors import Locked
from rag.store.folder import DataFolder
from tests.backends.rest_standin import stand_in

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("RAG_")}


@contextmanager
def command(data: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict]]:
    """A command that goes on, and the first line that it said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rag", "--data", str(data), *arguments, "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"{arguments} ended before it was ready"
        yield process, json.loads(line)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_worker_apart_from_the_server_does_its_runs(tmp_path: Path, database_url: str) -> None:
    data, docs = tmp_path / "data", tmp_path / "docs"
    data.mkdir()
    docs.mkdir()
    (docs / "lamp.txt").write_text("The lamp L-7 is covered by a warranty of 30 months.")
    (tmp_path / "index").mkdir()
    with stand_in(tmp_path / "index") as index:
        (data / "rag.toml").write_text(
            f'[database]\nurl = "{database_url}"\n'
            f'[index]\nengine = "qdrant_server"\nurl = "{index}"\n'
            '[embedding]\nprecision = "fp32"\n[jobs]\ninside = false\n'
        )
        with command(data, "serve", "--port", "0") as (_, said):
            api = f"{said['url']}/api/v1"
            body = {"connector": "files", "config": {"path": str(docs)}, "name": "docs"}
            assert httpx.post(f"{api}/sources", json=body).status_code == 201
            run = httpx.post(f"{api}/sources/docs/sync").json()
            assert run["state"] == "queued", "the server leaves it to a worker"
            with command(data, "worker") as (worker, ready):
                assert ready == {"worker": "ready"}
                with pytest.raises(Locked):
                    DataFolder.acquire(data)
                events = httpx.get(f"{api}/runs/{run['id']}/events", timeout=120).text
                ended = json.loads(events.strip().splitlines()[-1].removeprefix("data: "))
                assert (ended["state"], ended["report"]["added"]) == ("succeeded", 1)
                assert f":{worker.pid}:" in ended["worker"]
                found = httpx.post(f"{api}/searches", json={"query": "warranty"}, timeout=60).json()
                assert "30 months" in found["hits"][0]["payload"]["text"]
                worker.send_signal(signal.SIGTERM)
                assert worker.wait(60) == 0


def test_a_folder_is_owned_by_one_or_shared_by_many(tmp_path: Path) -> None:
    first, second = (DataFolder.acquire(tmp_path, shared=True) for _ in range(2))
    assert DataFolder.owner(tmp_path) is None, "each verb joins; none goes through another"
    with pytest.raises(Locked):
        DataFolder.acquire(tmp_path)
    first.release()
    second.release()
    owner = DataFolder.acquire(tmp_path)
    with pytest.raises(Locked):
        DataFolder.acquire(tmp_path, shared=True)
    owner.release()
