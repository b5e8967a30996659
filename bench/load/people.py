# pyright: basic
"""Those who ask: clients that cost as little as they can, since they share the machine."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

JSON, EVENTS = "application/json", "text/event-stream"


class Told(NamedTuple):
    """What became of a question; seconds are from the first byte sent."""

    status: int
    seconds: float
    first_s: float
    """To the first word."""
    text: str
    """As it was streamed."""
    answer: Mapping[str, Any]
    """Empty where none came."""
    code: str = ""
    """Of the failure."""

    @property
    def whole(self) -> bool:
        """Every word of the answer was streamed, and its end."""
        return bool(self.answer) and self.text.strip() == self.answer["answer"]


@asynccontextmanager
async def asked(
    port: int, person: int, question: str, model: str, accept: str
) -> AsyncIterator[asyncio.StreamReader]:
    """A question on a connection of its own, which is closed without a word at the end."""
    body = json.dumps({"question": question, "model": model}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    try:
        writer.write(
            f"POST /api/v1/answers HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"X-Ratchet-As: person{person}\r\nAccept: {accept}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        yield reader
    finally:
        writer.close()


async def ask(port: int, person: int, question: str, model: str, accept: str) -> Told:
    """The whole answer, read as it comes."""
    began = time.perf_counter()
    first, text, answer = 0.0, "", {}
    async with asked(port, person, question, model, accept) as reader:
        status = int((await reader.readline()).split()[1])
        while (await reader.readline()).strip():
            pass
        if status != 200:
            said = json.loads(await reader.read())
            return Told(status, time.perf_counter() - began, 0.0, "", {}, said["code"])
        if accept == EVENTS:
            event = b""
            while line := await reader.readline():
                if line.startswith(b"event:"):
                    event = line[6:].strip()
                elif line.startswith(b"data:"):
                    if event == b"token":
                        first = first or time.perf_counter() - began
                        text += json.loads(line[5:])["text"]
                    elif event == b"answer":
                        answer = json.loads(line[5:])
        else:
            answer = json.loads(await reader.read())
    return Told(status, time.perf_counter() - began, first, text, answer)


async def left(port: int, person: int, question: str, after_s: float) -> None:
    """Ask, read what comes for a while, and be gone."""
    try:
        async with (
            asyncio.timeout(after_s),
            asked(port, person, question, "paced", EVENTS) as reader,
        ):
            while await reader.read(4096):
                pass
    except (TimeoutError, ConnectionError):
        pass


async def health(port: int) -> float:
    """Seconds that /healthz took."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        status = await reader.readline()
        await reader.read()
        if b"200" not in status:
            raise RuntimeError(status.decode())
        return time.perf_counter() - began
    finally:
        writer.close()
