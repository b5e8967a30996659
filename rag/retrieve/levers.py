"""What a release changes of a search and of a prompt: everything here was promoted, nothing here is
configured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.domain import Pack, Prompt, RetrievalKnobs
from rag.domain.prompts import ANSWER
from rag.protocols import Reranker
from rag.retrieve.memory import Memory
from rag.types import Turn


class Adapter:
    """Turns the vector of a question, and of nothing else, towards what people found useful.

    The index stays as it is: vectors of documents are never adapted.
    """

    def __init__(self, id: str, matrix: NDArray[np.float32]) -> None:
        """`id` is the candidate's; `matrix` is square, of the embedder's dimension."""
        self.id = id
        self._matrix = matrix

    def __call__(self, vector: Sequence[float]) -> tuple[float, ...]:
        """The unit vector that is searched with."""
        turned = self._matrix @ np.asarray(vector, dtype=np.float32)
        length = float(np.linalg.norm(turned))
        return tuple(float(one) for one in turned / length) if length else tuple(vector)


@dataclass(frozen=True)
class Levers:
    """Nothing where nothing was promoted: then a search is as the pack and the settings say."""

    memory: Memory | None = None
    """What people found useful for questions like this."""
    adapter: Adapter | None = None
    reranker: Reranker | None = None
    """In the place of the one that the settings name."""
    knobs: RetrievalKnobs | None = None
    """In the place of the pack's."""
    context_tokens: int | None = None
    """Of passages, at most, that a model is given; in the place of the pack's."""
    max_sentences: int | None = None
    """That are quoted at most; in the place of the pack's."""
    wording: Prompt | None = None
    """What a model is told to do, in the place of the pack's own `answer`."""
    prompt: str | None = None
    """The candidate whose examples are shown."""
    examples: tuple[Turn, ...] = ()
    """Questions and good answers to them, in turn, that a model is shown first. Everybody may read
    what they are of."""

    def applied(self, pack: Pack) -> Pack:
        """The pack with what a release changes of its settings and of its answer's prompt."""
        given = {"context_tokens": self.context_tokens, "max_sentences": self.max_sentences}
        answer = {name: value for name, value in given.items() if value is not None}
        changed: dict[str, object] = {}
        if self.knobs is not None:
            changed["retrieval"] = self.knobs
        if answer:
            changed["answer"] = pack.answer.model_copy(update=answer)
        if self.wording is not None:
            changed["prompts"] = {**pack.prompts, ANSWER: self.wording}
        return pack.model_copy(update=changed) if changed else pack


NONE = Levers()
