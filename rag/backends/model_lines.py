"""The HTTP response behind a model's stream: bounded, and closed when its reader leaves.

Vendors' classes keep the response to themselves and close it when the garbage collector comes by;
until then the model would write on for nobody.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, cast

import httpx

from rag.errors import ModelGarbled

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

_reading: ContextVar[Line | None] = ContextVar("reading", default=None)


class Line:
    """The response of one stream. More than `most` bytes of it raise ModelGarbled."""

    def __init__(self, name: str, most: int) -> None:
        self.name = name
        self.most = most
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
        left = self._line.most
        async for part in self._inner:
            left -= len(part)
            if left < 0:
                raise ModelGarbled(
                    f"The model '{self._line.name}' sends more than {self._line.most} bytes.",
                    hint="Its endpoint does not keep to max_tokens.",
                )
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
