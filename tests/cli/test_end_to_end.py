"""As a newcomer does it: a pack of one's own, `start`, questions through the server, Ctrl-C."""

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

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("RAG_")}


class Rag:
    """The command on one data folder, each call a process of its own."""

    def __init__(self, data: Path) -> None:
        self.command = [sys.executable, "-m", "rag", "--data", str(data)]

    def __call__(self, *arguments: str, code: int = 0) -> dict:
        ran = subprocess.run(
            [*self.command, *arguments, "--json"],
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            timeout=120,
        )
        assert ran.returncode == code, ran.stderr
        return json.loads((ran.stdout or ran.stderr).splitlines()[-1])

    @contextmanager
    def started(self) -> Iterator[list[dict]]:
        """`start` until it serves; what it printed, the address last. Ends it as Ctrl-C does."""
        process = subprocess.Popen(
            [*self.command, "start", "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        assert process.stdout is not None
        try:
            lines: list[dict] = []
            while not lines or "url" not in lines[-1]:
                line = process.stdout.readline()
                assert line, "start ended before it served"
                lines.append(json.loads(line))
            yield lines
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Rag:
    data = tmp_path_factory.mktemp("deployment")
    made = Rag(data)
    made("init", str(data / "packs" / "lamps"))
    # Precision is given, because measuring the machine's best takes longer than all the rest.
    (data / "rag.toml").write_text(
        'domain = "lamps"\n[domains.lamps]\npack = "packs/lamps"\n[embedding]\nprecision = "fp32"\n'
    )
    return made


def test_from_nothing_to_a_cited_answer_and_back(rag: Rag, tmp_path: Path) -> None:
    with rag.started() as (first, *_, last):
        assert first["sync"]["added"] == 3
        url = last["url"]
        assert httpx.get(f"{url}/readyz").json()["ready"] is True
        answer = rag("ask", "How long is the warranty on a lamp?")
        assert answer["citations"]
        assert rag("trace", "show", answer["trace_id"])["id"] == answer["trace_id"]
        cited = answer["citations"][0]
        path = f"/api/v1/documents/{cited['document_id']}/versions/{cited['version']}/text"
        start, end = cited["span"]
        assert cited["quote"] in httpx.get(url + path).text[start:end]
        assert rag("sync")["unchanged"] == 3
        backup = tmp_path / "backup"
        saved = rag("backup", str(backup))
        assert saved["files"] == 6, "an original and a text of each document"
        listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        both = {"Accept": "application/json, text/event-stream"}
        tools = httpx.post(f"{url}/mcp", json=listing, headers=both, timeout=60)
        assert '"get_document"' in tools.text
        second = rag("serve", "--port", "0", code=3)
        assert url in second["error"]["message"]
    with rag.started() as (again, *rest):
        assert (again["sync"]["added"], again["sync"]["unchanged"]) == (0, 3)
        assert "answer" not in rest[0], "the sample question is asked the first time only"
    # Nobody serves now: the verb opens the folder itself.
    assert len(rag("documents")["documents"]) == 3
    assert rag("restore", str(backup), code=6)["error"]["code"] == "conflict"
    other = Rag(tmp_path / "other")
    done = other("restore", str(backup), "--verify")
    assert (done["ok"], done["documents"], done["rows"]) == (True, {"lamps": 3}, saved["rows"])
    again = other("ask", "How long is the warranty on a lamp?")
    assert [one["quote"] for one in again["citations"]] == [
        one["quote"] for one in answer["citations"]
    ]
