"""What is live and a candidate, asked the same: by what either finds, or by what either writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

from rag.app.defaults import Defaults
from rag.app.domains import Domain
from rag.app.loras import Loras
from rag.app.measuring import Measuring, Question, Searched
from rag.app.prompts import Prompts
from rag.app.writing import Question as Written
from rag.app.writing import Side as Writer
from rag.app.writing import Writing
from rag.candidates import Asked, Candidate
from rag.errors import Conflict
from rag.learn.choices import WORDING
from rag.models.candidates import EXTRACTIVE
from rag.retrieve.levers import Levers
from rag.store.generations import Generation
from rag.types import Principal, Progress

T = TypeVar("T")


class Side(NamedTuple):
    """The index that is searched, and what is changed of search and prompt."""

    generation: Generation
    levers: Levers

    @property
    def searched(self) -> Searched:
        cut = str(self.generation.fingerprint["chunker"])
        return Searched(self.generation.id, cut, self.levers)


class Sides:
    """Asks both sides what measures a candidate; nothing of it is kept but what it cost."""

    def __init__(
        self,
        measuring: Measuring,
        writing: Writing,
        prompts: Prompts,
        loras: Loras,
        defaults: Defaults,
    ) -> None:
        self._measuring = measuring
        self._writing = writing
        self._prompts = prompts
        self._loras = loras
        self._defaults = defaults

    async def asked(
        self,
        principal: Principal,
        domain: Domain,
        candidate: Candidate,
        before: Side,
        after: Side,
        progress: Callable[[Progress], None],
    ) -> list[Asked]:
        """What either is worth for each question, on the account of `principal`.

        Raises Conflict where there is no model to write with, ModelError where one failed.
        """
        if candidate.written:
            return await self._written(principal, domain, candidate, before, after, progress)
        return await self._found(domain, candidate, before, after, progress)

    async def _found(
        self,
        domain: Domain,
        candidate: Candidate,
        before: Side,
        after: Side,
        progress: Callable[[Progress], None],
    ) -> list[Asked]:
        questions = await self._measuring.later(domain, candidate, before.generation)

        async def ask(one: Question) -> Asked:
            return await self._measuring.asked(domain, one, before.searched, after.searched)

        return await _each(questions, ask, progress)

    async def _written(
        self,
        principal: Principal,
        domain: Domain,
        candidate: Candidate,
        before: Side,
        after: Side,
        progress: Callable[[Progress], None],
    ) -> list[Asked]:
        live = await self._defaults.default(domain.pack)
        model = live
        if candidate.kind == "llm":
            model = self._defaults.serving(candidate.id)
            learned = await asyncio.to_thread(self._loras.learned, candidate)
            if not model:
                raise Conflict(
                    f"No model serves '{candidate.name}' yet.",
                    hint=f"How one does: rag tune show {candidate.name}.",
                )
        else:
            # Of settings nothing is learned but what the evals say, of which the other half asks.
            prompts = candidate.kind == "prompt"
            learned = await asyncio.to_thread(self._prompts.learned, candidate.id)
            if live == EXTRACTIVE and (prompts or WORDING in candidate.lineage["changes"]):
                raise Conflict(
                    "Answers are quoted here, without a prompt.", hint="Choose a model: rag models."
                )
        questions = await self._writing.later(domain, candidate, learned)
        old, new = Writer(live, before.levers), Writer(model, after.levers)
        # Nothing that is measured by what is written has an index of its own.
        searched = before.generation

        async def ask(one: Written) -> Asked:
            return await self._writing.asked(principal, domain, searched, one, old, new)

        return await _each(questions, ask, progress)


async def _each(
    questions: Sequence[T],
    ask: Callable[[T], Awaitable[Asked]],
    progress: Callable[[Progress], None],
) -> list[Asked]:
    asked: list[Asked] = []
    for done, question in enumerate(questions, 1):
        asked.append(await ask(question))
        progress(Progress(phase="measure", done=done, total=len(questions)))
    return asked
