"""The passages a model is given: whole, in order, within its budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rag.answer.inert import quoted
from rag.domain import Pack
from rag.types import Hit, Message, Turn

FRAME = 32
"""Tokens that a template may put around a passage."""


def passage_text(hit: Hit) -> str:
    return hit.context or hit.payload.text


def assemble(
    pack: Pack,
    question: str,
    hits: Sequence[Hit],
    history: Sequence[Turn],
    count_tokens: Callable[[str], int],
    budget: int,
) -> tuple[list[Message], list[Hit]]:
    """Messages within `budget` tokens and the hits they contain; passage n is the n-th of those.

    A passage that does not fit with its surroundings is given without, or left out. Documents and
    what was said before are data: nothing in them can be taken for a part of the prompt.
    """
    system = pack.prompts["answer"].render(title=pack.title, language=pack.language)
    turns = [Message(role=turn.role, content=quoted(turn.content)) for turn in history[-6:]]
    question = quoted(question)
    bare = pack.prompts["question"].render(question=question, passages=[])
    left = budget - count_tokens(system) - count_tokens(bare)
    spent = sum(count_tokens(turn.content) for turn in turns)
    while turns and spent > left // 4:
        spent -= count_tokens(turns.pop(0).content)
    left -= spent
    given: list[Hit] = []
    passages: list[dict[str, Any]] = []
    for hit in hits:
        narrow = hit.model_copy(update={"context": "", "context_start": 0})
        for choice in (hit, narrow):
            cost = count_tokens(f"{choice.payload.title}\n{passage_text(choice)}") + FRAME
            if cost <= left:
                left -= cost
                given.append(choice)
                passages.append(_passage(len(given), choice))
                break
    user = pack.prompts["question"].render(question=question, passages=passages)
    return (
        [Message(role="system", content=system), *turns, Message(role="user", content=user)],
        given,
    )


def _passage(n: int, hit: Hit) -> dict[str, Any]:
    place = " > ".join((hit.payload.title, *hit.payload.headings))
    title = " ".join(place.replace('"', "'").split())
    return {"n": n, "title": quoted(title), "text": quoted(passage_text(hit))}
