"""An answer in the making: what is known of it so far."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rag.answer.evidence import Evidence
from rag.conversations import Place
from rag.models.writer import Writer
from rag.retrieve.expand import gist
from rag.retrieve.levers import NONE, Levers
from rag.types import AskRequest, Citation, Claim, Conflict, Hit, Message, Principal, Usage


@dataclass
class Draft:
    """Filled in on the way from the question to the answer; the trace is made of it."""

    trace_id: str
    place: Place | None
    principal: Principal
    request: AskRequest
    standalone: str
    writer: Writer
    started: float
    rewriter: Writer | None = None
    rewriting: str = "rule"
    """Who made the question stand alone: model, or rule, or why it was the rule."""
    judge: Writer | None = None
    judging: str = ""
    """Who checked the claims: model, or why it was the rule; empty where no model is to."""
    hits: Sequence[Hit] = ()
    given: Sequence[Hit] = ()
    messages: Sequence[Message] = ()
    examples: int = 0
    """How many of the messages, after the first, are of others: the trace names their candidate."""
    evidence: Evidence | None = None
    text: str = ""
    citations: list[Citation] = field(default_factory=list[Citation])
    claims: list[Claim] = field(default_factory=list[Claim])
    conflicts: tuple[Conflict, ...] = ()
    generation: str = ""
    levers: Levers = NONE
    """What the release changes of the search and the answer."""
    side: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of a trial of a candidate, and which; empty where none is tried."""
    vector: Sequence[float] = ()
    """Of what is searched."""
    repeats: bool = False
    """An answer of before may be given again."""
    cache_key: str = ""
    cached: str = ""
    """The trace of the answer that was given again."""
    abstained: bool = False
    timings: dict[str, float] = field(default_factory=dict[str, float])
    finish: str = "stop"
    error: str = ""

    @property
    def query(self) -> str:
        """What is searched."""
        return gist(self.standalone)

    @property
    def beside(self) -> list[Writer]:
        """Who wrote something else than the answer: what came before it, or is said of it."""
        return [one for one in (self.rewriter, self.judge) if one is not None]

    @property
    def usage(self) -> Usage:
        """Tokens and cost of the answer and of what was written beside it."""
        each = [self.writer.usage, *(one.usage for one in self.beside)]
        return Usage(
            prompt_tokens=sum(one.prompt_tokens for one in each),
            completion_tokens=sum(one.completion_tokens for one in each),
            cost=sum(one.cost for one in each),
        )

    def lap(self, stage: str, since: float) -> None:
        self.timings[stage] = round((time.perf_counter() - since) * 1000, 3)
