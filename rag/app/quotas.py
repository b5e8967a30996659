"""Tokens of models that one person, or one key of theirs, may use in a day (UTC)."""

from __future__ import annotations

import asyncio
from datetime import datetime, time, timedelta

from rag.app.parts import Parts
from rag.errors import RateLimited, counted
from rag.types import LOCAL, Principal


class Quotas:
    """Refuses a question once the day's tokens are used; what is being answered is not cut.

    Counted with what answers cost, so it holds for every process and through a restart.
    """

    def __init__(self, parts: Parts) -> None:
        self._limits = parts.settings.limits
        self._signed_in = parts.settings.accounts.required
        self._spending = parts.spending
        self._now = parts.ledger.now

    async def require(self, principal: Principal) -> None:
        """Room for another answer by a model. Raises RateLimited until the day ends."""
        if self._signed_in and principal.id != LOCAL:
            await asyncio.to_thread(self._require, principal)

    def _require(self, principal: Principal) -> None:
        limits, now = self._limits, self._now()
        most = limits.tokens_per_day_of.get(principal.id, limits.tokens_per_day)
        if most and (used := self._spending.tokens(principal.id, now.date())) >= most:
            raise _used_up(f"'{principal.id}'", used, most, now)
        most = limits.key_tokens_per_day
        if most and principal.key:
            used = self._spending.tokens_of_key(principal.key, now.date())
            if used >= most:
                raise _used_up("This key", used, most, now)


def _used_up(whose: str, used: int, most: int, now: datetime) -> RateLimited:
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
    left = midnight - now
    hours, minutes = divmod(-(-int(left.total_seconds()) // 60), 60)
    return RateLimited(
        f"{whose} has used {used:,} of {counted(most, 'token')} for today.",
        hint=f"The day ends at 00:00 UTC, in {hours} h {minutes} min; the model 'extractive' "
        "needs no tokens.",
        after_s=left.total_seconds(),
    )
