# pyright: basic
"""A model that costs nothing to run: `python -m bench.load.stub_model PORT`.

It speaks as much of OpenAI's streaming API as is needed and keeps to a timetable, which the name
of the model chooses: `paced` (300 ms, then 15 ms a token), `instant`, or `slow` (a token a second,
as many as `max_tokens`).
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress

TOKENS = 150
FIRST_S, EACH_S = 0.3, 0.015
_PER_SENTENCE = 15
"""With a mark after each: an answer of ten sentences to be checked."""


def token(n: int) -> str:
    if n % _PER_SENTENCE == _PER_SENTENCE - 1:
        return f"[{1 + n // _PER_SENTENCE % 3}]. "
    return f"{'Word' if n % _PER_SENTENCE == 0 else 'word'}{n % 7} "


def piece(text: str | None, finish: str | None = None, **more: object) -> bytes:
    delta = {"content": text} if text is not None else {}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "stub"}
    return b"data: " + json.dumps({**body, "choices": [choice], **more}).encode() + b"\n\n"


PIECES = [piece(token(n)) for n in range(TOKENS)]


async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length:")[1].split("\r\n")[0])
            body = json.loads(await reader.readexactly(length))
            await told(body, writer)
    writer.close()


async def told(body: dict, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    count = TOKENS
    if body["model"] == "instant":
        send(writer, b"".join(PIECES))
    else:
        slow = body["model"] == "slow"
        count = int(body["max_tokens"]) if slow else TOKENS
        first, each = (1.0, 1.0) if slow else (FIRST_S, EACH_S)
        due = loop.time() + first
        for n in range(count):
            await asyncio.sleep(max(0.0, due - loop.time()))
            due += each
            send(writer, PIECES[n % TOKENS])
            await writer.drain()
    usage = {"prompt_tokens": 1000, "completion_tokens": count, "total_tokens": 1000 + count}
    send(writer, piece(None, "stop", usage=usage) + b"data: [DONE]\n\n")
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))


async def main(port: int) -> None:
    server = await asyncio.start_server(answered, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1])))
