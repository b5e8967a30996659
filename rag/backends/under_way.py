"""What is kept open for streams: closed once it is not wanted and none needs it any more."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager


class UnderWay:
    """Counts streams. After `aclose` it calls `close` whenever the last one has ended.

    A stream that begins after that may open anew; what it opened is closed after it.
    """

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        self._close = close
        self._streams = 0
        self._closing = False

    @asynccontextmanager
    async def stream(self) -> AsyncGenerator[None]:
        """One stream, within the block."""
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1
            await self._tidy()

    async def aclose(self) -> None:
        self._closing = True
        await self._tidy()

    async def _tidy(self) -> None:
        if self._closing and not self._streams:
            await self._close()
