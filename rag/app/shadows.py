"""Answers that nobody is shown, made in the background for what can be measured of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

AT_ONCE = 2
WAITING = 20
"""Each holds the passages of its question; what comes when so many wait is left out."""
SECONDS = 120.0
log = structlog.get_logger(__name__)
Work = Callable[[], Coroutine[Any, Any, None]]


class Shadows:
    """Work that nobody waits for: a little at once, within a time, and none after `aclose`."""

    def __init__(self) -> None:
        self._waiting: deque[Work] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    def offer(self, work: Work) -> bool:
        """Have it done soon; whether there is room. Takes no time, and must not raise."""
        if self._closed or len(self._waiting) >= WAITING:
            log.info("shadow answer left out", waiting=len(self._waiting))
            return False
        self._waiting.append(work)
        self._go_on()
        return True

    async def aclose(self) -> None:
        """End what runs and forget what waits."""
        self._closed = True
        self._waiting.clear()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _go_on(self) -> None:
        while self._waiting and len(self._running) < AT_ONCE:
            task = asyncio.create_task(self._done(self._waiting.popleft()))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._go_on()

    async def _done(self, work: Work) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - nobody waits for it, and the next one may do
            # Its message may have words of what was written.
            log.warning("shadow answer failed", error=type(error).__name__)
