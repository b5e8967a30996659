"""The nouns of conversations: questions asked one after the other, and what came of each."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from rag.types import Citation, Claim, Conflict, Data

LONGEST_TITLE = 200
State = Literal["open", "answered", "left", "failed", "lost"]


class Conversation(Data):
    """One person's questions on one domain. `title` is that of the first until they rename it."""

    id: str
    domain: str
    title: str
    created_at: datetime
    updated_at: datetime
    """When something was asked in it last, or when it was begun."""
    turns: int
    shared_at: datetime | None = None
    """Since when whoever has the link may read it; None: nobody else does."""


class Exchange(Data):
    """A question of a conversation and its answer, as whoever looks may see it at this moment.

    open: being answered; left: who asked did not wait for it; failed: there is no answer; lost:
    the answer was cut off with the server, or is no longer kept.
    """

    n: int
    """Counts the questions of a conversation from 1, as they were asked."""
    question: str
    standalone: str = ""
    """As it was searched, where that is told and is not what was asked."""
    asked_at: datetime
    state: State
    trace_id: str | None = None
    """Told to who asked alone."""
    withheld: bool = False
    """There is an answer, made from what may not be read any more, or not by who looks."""
    answer: str | None = None
    citations: tuple[Citation, ...] = ()
    claims: tuple[Claim, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    abstained: bool = False
    support: float | None = None
    removed: int = 0
    """Sentences that nothing supports and that were taken out."""
    model: str = ""


class Place(Data):
    """Where an answer goes that is about to be made: a turn of a conversation, and its trace.

    `beside` is the trace of the answer that the turn has, where this is another one.
    """

    conversation: str
    turn: int
    trace_id: str
    beside: str | None = None


class Talk(Data):
    """A conversation with some of its turns, in order."""

    conversation: Conversation
    turns: tuple[Exchange, ...]
    next: int | None = None
    """The number after which the next page begins; None after the last turn."""
