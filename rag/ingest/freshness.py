"""Measures, within one sync, how long what happened at the source took to reach the answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Literal

Kind = Literal["change", "delete", "revoke"]


class Stopwatch:
    """Begins at the source's own modification time where it is told, else when it was listed.

    It begins when the sync before ended at the earliest, or that one had seen it: a file may be
    moved in with its old date. What changed while that sync went on, or failed in it, is measured
    too short by that much. Of a source's first sync nothing counts, as nothing changed.
    """

    def __init__(self, before: datetime | None, now: Callable[[], datetime]) -> None:
        self.taken: defaultdict[str, list[float]] = defaultdict(list)
        """Seconds, by kind."""
        self._before = before
        self._now = now
        self._listed: dict[str, datetime] = {}
        self._ended = now()

    def listed(self, key: str) -> None:
        """A listing named a document that is new, changed or deleted."""
        self._listed[key] = self._now()

    def ended(self) -> None:
        """The listing ended: what it did not name is gone."""
        self._ended = self._now()

    def modified(self, key: str, at: datetime | None) -> None:
        """The source says when it changed."""
        if at is not None and self._before is not None:
            self._listed[key] = max(at, self._before)

    def effective(self, kind: Kind, key: str) -> None:
        """Answers follow it from now on."""
        began = self._listed.pop(key, self._ended)
        if self._before is not None:
            self.taken[kind].append(max(0.0, (self._now() - began).total_seconds()))
