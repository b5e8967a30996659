"""Frames between client, engine and shard processes: a small JSON head, a JSON body, raw floats.

The engine routes by the head alone and passes body and vectors on unread.
"""

from __future__ import annotations

import json
import struct
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from asyncio import StreamReader

_SIZES = struct.Struct("!III")
BUFFER = 2**22
"""Bytes a stream buffers before it makes the other side wait."""


class Frame(NamedTuple):
    """A request (`op` in the head) or a reply (`error` and `message` in the head of a failure)."""

    head: dict[str, Any]
    body: bytes = b""
    vectors: bytes = b""


def pack(frame: Frame) -> bytes:
    head = json.dumps(frame.head).encode()
    sizes = _SIZES.pack(len(head), len(frame.body), len(frame.vectors))
    return b"".join((sizes, head, frame.body, frame.vectors))


def _frame(data: bytes, head: int, body: int) -> Frame:
    return Frame(json.loads(data[:head]), data[head : head + body], data[head + body :])


async def receive(reader: StreamReader) -> Frame:
    """The next frame; raises IncompleteReadError when the other side is gone."""
    head, body, vectors = _SIZES.unpack(await reader.readexactly(_SIZES.size))
    return _frame(await reader.readexactly(head + body + vectors), head, body)


def read(stream: IO[bytes]) -> Frame | None:
    """The next frame of a blocking stream, or None when the other side is gone."""
    sizes = stream.read(_SIZES.size)
    if len(sizes) < _SIZES.size:
        return None
    head, body, vectors = _SIZES.unpack(sizes)
    data = stream.read(head + body + vectors)
    return _frame(data, head, body) if len(data) == head + body + vectors else None
