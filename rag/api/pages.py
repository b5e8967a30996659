"""Pages of a list: one more is asked for than is shown; where it goes on is the last one shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

T = TypeVar("T")
C = TypeVar("C")
Limit = Annotated[int, Query(ge=1, le=1_000)]
Cursor = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9-]{1,100}$")]


def page(found: Sequence[T], limit: int, place: Callable[[T], C]) -> tuple[list[T], C | None]:
    """The first `limit` of up to one more, and the cursor after them; None where they are all."""
    shown = list(found[:limit])
    return shown, place(shown[-1]) if len(found) > limit else None
