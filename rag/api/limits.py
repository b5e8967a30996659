"""How much one person or key may ask: requests in a minute, answers at once. Of this process."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from rag.config import LimitSettings
from rag.errors import RateLimited
from rag.people import Caller

REMEMBERED = 10_000
"""Callers whose pace is remembered at once; whom it forgets begins with a full allowance."""
MINUTE_S = 60.0


class Pace:
    """Counts what each caller asks. Whoever owns the machine or the data folder has no limit."""

    def __init__(self, limits: LimitSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._left: dict[tuple[str, str], tuple[float, float]] = {}
        self._asking: dict[str, int] = {}

    def require(self, caller: Caller) -> None:
        """One more request of a person or a key. Raises RateLimited, saying when to come again.

        The allowance of a minute comes back bit by bit, so a burst is fine and a flood is not.
        """
        most = self._limits.requests_per_minute
        if not most or caller.may_act_for_others:
            return
        who = (caller.user, caller.handle if caller.carrier == "key" else "")
        now, rate = self._clock(), most / MINUTE_S
        left, before = self._left.pop(who, (float(most), now))
        left = min(float(most), left + (now - before) * rate)
        self._left[who] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > REMEMBERED:
            del self._left[next(iter(self._left))]
        if left < 1:
            raise RateLimited(
                f"More than {most} requests in a minute.",
                hint="Slow down.",
                after_s=(1 - left) / rate,
            )

    @asynccontextmanager
    async def asking(self, caller: Caller) -> AsyncGenerator[None]:
        """A place among the answers that one person has made at once, kept until the last byte."""
        most, user = self._limits.answers_at_once, caller.user
        if not most or caller.may_act_for_others:
            yield
            return
        if self._asking.get(user, 0) >= most:
            raise RateLimited(
                f"{most} answers are being made for '{user}' already.",
                hint="Wait for one of them.",
                after_s=1,
            )
        self._asking[user] = self._asking.get(user, 0) + 1
        try:
            yield
        finally:
            self._asking[user] -= 1
            if not self._asking[user]:
                del self._asking[user]
