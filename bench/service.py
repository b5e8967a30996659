# pyright: basic
"""What a newcomer waits for: `python -m bench.service` prints seconds, medians of 5.

From the start of `rag serve` on an empty data folder to the first answer of `/healthz`, the time of
`rag --help`, and how fast the documents of the sample domain are parsed.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from connectors.files import FilesConfig, FilesConnector
from rag.app.composition import PARSERS
from rag.config import ParsingSettings
from rag.domain import builtin_pack
from rag.ingest.parsing import ParserPool
from rag.types import Cursor

RUNS = 5


def run() -> dict[str, Any]:
    documents, seconds = asyncio.run(_parse())
    return {
        "healthz_s": round(median(_served() for _ in range(RUNS)), 2),
        "help_s": round(median(_helped() for _ in range(RUNS)), 2),
        "parsed_documents": documents,
        "parsed_per_s": round(documents / seconds, 1),
    }


def _served() -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with TemporaryDirectory() as data:
        began = time.perf_counter()
        server = subprocess.Popen(
            [sys.executable, "-m", "rag", "--data", data, "serve", "--port", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not _answers(port):
                time.sleep(0.01)
            return time.perf_counter() - began
        finally:
            server.terminate()
            server.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success
    except httpx.TransportError:
        return False


def _helped() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "rag", "--help"], check=True, capture_output=True)
    return time.perf_counter() - began


async def _parse() -> tuple[int, float]:
    """How many documents were parsed in how many seconds, once the parsers have started."""
    connector = FilesConnector(
        FilesConfig.model_validate({"path": builtin_pack("pumps") / "documents"})
    )
    pool = ParserPool(ParsingSettings(workers=2), PARSERS)
    try:
        listed = [one async for one in connector.discover(Cursor()) if one.kind == "upsert"]
        documents = [await connector.fetch(one) for one in listed]
        await asyncio.gather(*(pool.parse(one) for one in documents[:4]))
        began = time.perf_counter()
        await asyncio.gather(*(pool.parse(one) for one in documents))
        return len(documents), time.perf_counter() - began
    finally:
        await pool.aclose()


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=1)
    sys.stdout.write("\n")
