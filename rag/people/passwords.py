"""Passwords: hashed by argon2, checked in the same time whoever is named, and not guessed at."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from rag.errors import InvalidInput, RateLimited

if TYPE_CHECKING:
    from pwdlib import PasswordHash

LONGEST = 200
FREE_TRIES = 5
"""Wrong passwords before the next try has to wait."""
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 900.0
REMEMBERED = 10_000
"""Names whose failures are remembered at once."""


def checked_password(password: str, name: str, shortest: int) -> str:
    """The password, if it can be one for `name`. Raises InvalidInput, never repeating it."""
    if not shortest <= len(password) <= LONGEST:
        raise InvalidInput(
            f"A password has {shortest} to {LONGEST} characters.",
            hint="Several words are easy to remember and hard to guess.",
        )
    if name.lower() in password.lower() or len(set(password)) < shortest // 3:
        raise InvalidInput(
            "This password is easy to guess.", hint="Leave the name and repetitions out of it."
        )
    return password


def hashed(password: str) -> str:
    return _hasher().hash(password)


def matches(password: str, known: str) -> bool:
    """Takes as long for somebody who has no password, or is nobody: `known` is empty then."""
    verified = _hasher().verify(password, known or _nobodys())
    return verified and bool(known)


class Throttle:
    """Slows down guessing: after some failures for a name each try has to wait twice as long.

    Of this process alone. Memory is bounded: the names that failed longest ago are forgotten.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: dict[str, tuple[int, float]] = {}

    def require(self, name: str) -> None:
        """Raises RateLimited while a try for this name has to wait."""
        count, until = self._failed.get(name, (0, 0.0))
        left = until - self._clock()
        if count >= FREE_TRIES and left > 0:
            raise RateLimited(
                "Too many wrong passwords.", hint="Wait, then try again.", after_s=left
            )

    def failed(self, name: str) -> None:
        count = self._failed.pop(name, (0, 0.0))[0] + 1
        pause = min(FIRST_PAUSE_S * 2.0 ** min(count - FREE_TRIES, 20), LONGEST_PAUSE_S)
        self._failed[name] = (count, self._clock() + pause)
        if len(self._failed) > REMEMBERED:
            del self._failed[next(iter(self._failed))]

    def succeeded(self, name: str) -> None:
        self._failed.pop(name, None)


@cache
def _hasher() -> PasswordHash:
    from pwdlib import PasswordHash

    return PasswordHash.recommended()


@cache
def _nobodys() -> str:
    return hashed("nobody has this password")
