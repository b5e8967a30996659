"""Which accepted answers are shown to models as examples: those that people wrote, first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from rag.datasets import DatasetSpec
from rag.learn.gathering import Said, agreed, corrected
from rag.store.events import Event
from rag.store.redacting import REMOVED

SPEC = DatasetSpec(name="prompt", tasks=("instruction",))
"""Which feedback is looked at: accepted, of everybody, through every signal."""
MOST = 3
"""Examples of a prompt: each costs tokens with every question."""
QUESTION, ANSWER = 300, 800
"""Characters; a longer one is no example."""


class Good(NamedTuple):
    """An answer that is good by what was said of it. The best comes first when sorted."""

    rank: tuple[int, int, float]
    event: Event
    answer: str


def good(trace: Mapping[str, Any], events: Sequence[Event]) -> Good | None:
    """The best answer to a question of which something was said, if it may teach models.

    A correction, of an expert before others, the latest; else the answer itself where more people
    found it useful than not, the more the better.
    """
    said = Said(agreed("training", trace, events), SPEC)
    if trace["answer"] == REMOVED or len(trace["query_standalone"]) > QUESTION:
        return None
    found = [
        Good((-2 - (one.rater == "expert"), 0, -_time(one.at)), one, corrected(trace, one))
        for one in said.corrections
    ]
    up = [one for one in said.votes if (one.value or 0) > 0]
    more = len(up) - sum((one.value or 0) < 0 for one in said.votes)
    whole = trace["finish_reason"] == "stop" and not trace["error"] and not trace["abstained"]
    if not found and more > 0 and whole and trace["output_training_policy"] == "allow":
        found.append(Good((-1, -more, -_time(up[-1].at)), up[-1], trace["answer"]))
    found = [one for one in found if 0 < len(one.answer.strip()) <= ANSWER]
    return min(found, key=lambda one: (one.rank, one.event.id), default=None)


def _time(at: datetime) -> float:
    return at.timestamp()
