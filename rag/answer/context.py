"""The passages a model is given: whole, in order, within its budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rag.answer.history import brief, summarised
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
    examples: Sequence[Turn] = (),
) -> tuple[list[Message], list[Hit]]:
    """Messages within `budget` tokens and the hits they contain; passage n is the n-th of those.

    A passage that does not fit with its surroundings is given without, or left out; what was said
    before takes a quarter at most. Both are data: nothing in them can be taken for a part of the
    prompt.
    """
    system = pack.prompts["answer"].render(title=pack.title, language=pack.language)
    question = quoted(question)
    bare = pack.prompts["question"].render(question=question, passages=[])
    left = budget - count_tokens(system) - count_tokens(bare)
    left -= sum(count_tokens(turn.content) for turn in examples)
    said = [Turn(role=turn.role, content=quoted(turn.content)) for turn in history]
    told = summarised(said, count_tokens, left // 4)
    left -= sum(count_tokens(turn.content) for turn in told)
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
    turns = [Message(role=turn.role, content=turn.content) for turn in (*examples, *told)]
    return (
        [Message(role="system", content=system), *turns, Message(role="user", content=user)],
        given,
    )


def affordable(
    examples: Sequence[Turn], count_tokens: Callable[[str], int], budget: int
) -> list[Turn]:
    """As many of the examples, whole and as data, as take a quarter of the budget at most."""
    found: list[Turn] = []
    left = budget // 4
    for question, answer in zip(examples[::2], examples[1::2], strict=True):
        pair = [Turn(role=one.role, content=quoted(one.content)) for one in (question, answer)]
        left -= sum(count_tokens(one.content) for one in pair)
        if left < 0:
            break
        found += pair
    return found


def repeated(message: Message, answers: Iterable[str]) -> str | None:
    """Which of these answers a message of an assistant repeats, whole or in brief."""
    for answer in answers:
        if message.content in (said := quoted(answer), brief(said)):
            return answer
    return None


def _passage(n: int, hit: Hit) -> dict[str, Any]:
    place = " > ".join((hit.payload.title, *hit.payload.headings))
    title = " ".join(place.replace('"', "'").split())
    return {"n": n, "title": quoted(title), "text": quoted(passage_text(hit))}
