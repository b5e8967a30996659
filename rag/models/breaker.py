"""A model that keeps failing is left alone for a while, then tried with one question."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from purgatory.domain.model import Context


class Breaker:
    """Counts failures in a row. Open after `failures` of them, for `seconds`.

    The state machine is purgatory's, which goes by the clock on the wall: where that was set back,
    the time is counted anew. What is neither success nor failure, as a reader who left, counts
    for nothing. While it is half open, one question at a time tries the model.
    """

    def __init__(self, name: str, failures: int, seconds: float) -> None:
        self.name = name
        self._failures = failures
        self._seconds = seconds
        self._made: Context | None = None
        self._trying = False

    @property
    def state(self) -> str:
        """closed, opened or half-opened."""
        return self._context.state

    def admit(self) -> bool:
        """True when the model may be asked; then say `passed`, `failed` or `left`, once."""
        from purgatory.domain.model import OpenedState

        context = self._context
        if context.opened_at is not None and context.opened_at > time.time():
            context.set_state(OpenedState(self.name))
        try:
            context.handle_new_request()
        except OpenedState:
            return False
        finally:
            context.messages.clear()
        if context.state == "half-opened":
            if self._trying:
                return False
            self._trying = True
        return True

    def passed(self) -> None:
        self._trying = False
        self._context.handle_end_request()
        self._context.messages.clear()

    def failed(self, error: Exception) -> None:
        self._trying = False
        if self._context.state != "opened":
            self._context.handle_exception(error)
        self._context.messages.clear()

    def left(self) -> None:
        """Whoever asked is gone, before anyone knew."""
        self._trying = False

    @property
    def _context(self) -> Context:
        if self._made is None:
            # Imported with the first question: it would take its time at every start.
            from purgatory.domain.model import Context

            self._made = Context(self.name, self._failures, self._seconds)
        return self._made
