"""The HTTP response behind a model's stream: bounded, and closed when its reader leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar, cast

import httpx

from rag.errors import ModelGarbled

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

_reading: ContextVar[Line | None] = ContextVar("reading", default=None)


T = TypeVar("T")
_MOST_CHARACTERS = 32
"""Of a token, on average over an answer: far above any tokenizer, below what fills memory."""
_LEAST_BYTES, _MOST_BYTES = 1_000_000, 2_000
"""Of a whole stream, and more for each token."""


class Bound:
    """The most that a model may send that was told to write so many tokens; else ModelGarbled."""

    def __init__(self, name: str, tokens: int) -> None:
        self.name = name
        self._tokens = tokens
        self._characters = tokens * _MOST_CHARACTERS
        self._bytes = self._most = _LEAST_BYTES + tokens * _MOST_BYTES

    def wrote(self, text: str) -> None:
        self._characters -= len(text)
        if self._characters < 0:
            raise ModelGarbled(
                f"The model '{self.name}' writes on past {self._tokens} tokens, the most it may.",
                hint="Its endpoint does not keep to max_tokens.",
            )

    def received(self, count: int) -> None:
        self._bytes -= count
        if self._bytes < 0:
            raise ModelGarbled(
                f"The model '{self.name}' sends more than {self._most} bytes.",
                hint="Its endpoint does not keep to max_tokens.",
            )


class Patience:
    """Seconds to wait in all; the time between one wait and the next does not count."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    async def wait(self, work: Awaitable[T]) -> T:
        """Raises TimeoutError."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._left):
                return await work
        finally:
            self._left -= loop.time() - began


class EventLines:
    """Takes server-sent events apart, whose names do not matter, as their bytes arrive."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, part: bytes) -> list[bytes]:
        """The data of the events that end in this part."""
        *lines, self._rest = (self._rest + part).split(b"\n")
        events: list[bytes] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].strip())
            elif not line.rstrip(b"\r") and self._data:
                events.append(b"\n".join(self._data))
                self._data.clear()
        return events


class Line:
    """The response of one stream that a vendor's class keeps to itself.

    It would close it when the garbage collector comes by; until then the model would write on for
    nobody.
    """

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        self._response: httpx.Response | None = None

    @contextmanager
    def opening(self) -> Generator[None]:
        """Within it, what a watched client receives is this line's."""
        token = _reading.set(self)
        try:
            yield
        finally:
            _reading.reset(token)

    def take(self, response: httpx.Response) -> None:
        self._response = response
        response.stream = _Bounded(self, cast("AsyncIterable[bytes]", response.stream))

    async def aclose(self) -> None:
        if self._response is not None:
            await self._response.aclose()


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, line: Line, inner: AsyncIterable[bytes]) -> None:
        self._line = line
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._inner:
            self._line.bound.received(len(part))
            yield part

    async def aclose(self) -> None:
        close = getattr(self._inner, "aclose", None)
        if close:
            await close()


def watched(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The client, whose responses go to the line that is being opened."""

    async def received(response: httpx.Response) -> None:
        if (line := _reading.get()) is not None:
            line.take(response)

    client.event_hooks = {"request": [], "response": [received]}
    return client
