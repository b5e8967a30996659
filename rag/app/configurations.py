"""Configuration candidates: settings and the prompt's wording, searched for on what was rated and
on the pack's own questions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import uuid4

from rag.app.defaults import Defaults
from rag.app.domains import Domain
from rag.app.generations import Generations
from rag.app.measuring import Measuring, Question, of_paths
from rag.app.parts import Parts
from rag.app.writing import Side, Writing
from rag.candidates import Candidate
from rag.domain import Pack, Prompt, RetrievalKnobs
from rag.domain.prompts import ANSWER
from rag.errors import InvalidInput
from rag.learn.choices import WORDING, Choice, choices
from rag.learn.configuring import ENOUGH, Listed, searched
from rag.learn.configuring import choices as joins
from rag.learn.measuring import DEEP
from rag.learn.racing import ENOUGH as ENOUGH_ANSWERS
from rag.learn.racing import Budget, Race, raced, winner
from rag.models.candidates import EXTRACTIVE
from rag.retrieve.levers import Levers
from rag.retrieve.retriever import Seen
from rag.store.candidates import Candidates
from rag.store.events import Events
from rag.store.generations import Generation
from rag.types import Principal, Progress

MINUTES = 10.0
MOST = 1_000
"""Questions that are searched on, the latest."""
WORDING_SHA256 = f"{WORDING}_sha256"
"""Of the text of the wording as it was tried."""


class Live(NamedTuple):
    """What answers: the levers of its release, and the configuration among them if there is one."""

    levers: Levers
    configuration: Candidate | None


class _Found(NamedTuple):
    """What a search chose: the settings themselves, and what of what is in use they change."""

    changes: Mapping[str, tuple[Any, Any]]
    lineage: Mapping[str, Any]
    figures: Mapping[str, Any]


class Configurations:
    """Makes candidates of settings, each a whole: it starts from what is live, if anything is."""

    bound_to = ("embedder", "chunker")

    def __init__(
        self,
        parts: Parts,
        generations: Generations,
        measuring: Measuring,
        writing: Writing,
        defaults: Defaults,
        live: Callable[[Domain, Generation], Awaitable[Live]],
    ) -> None:
        self._parts = parts
        self._generations = generations
        self._measuring = measuring
        self._writing = writing
        self._defaults = defaults
        self._live = live
        self._kept = Candidates(parts.ledger.database, parts.ledger.now)
        self._events = Events(parts.ledger.database)

    async def put(self, levers: Levers, candidate: Candidate, domain: Domain) -> Levers:
        """With the settings that a candidate is, and the pack's where it says nothing."""
        lineage = candidate.lineage
        named = str(lineage.get(WORDING, ANSWER))
        return _changed(
            replace(
                levers,
                knobs=None,
                context_tokens=None,
                max_sentences=None,
                wording=None if named == ANSWER else domain.pack.prompts[named],
            ),
            domain.pack,
            {**lineage["knobs"], **lineage.get("answer", {})},
        )

    def outlived(self, candidate: Candidate, pack: Pack) -> str:
        """The wording that it has, where the pack has it no more or has edited it: what it would
        be answered by was never measured. Empty where there is none."""
        named = str(candidate.lineage.get(WORDING, ANSWER))
        if named == ANSWER:
            return ""
        kept = pack.prompts.get(named)
        same = kept is not None and _digest(kept) == candidate.lineage.get(WORDING_SHA256)
        return "" if same else named

    async def make(
        self,
        principal: Principal,
        domain: Domain,
        progress: Callable[[Progress], None],
        minutes: float = MINUTES,
        *,
        answers: bool = False,
    ) -> Candidate:
        """The settings that do best by what is found, or by what is answered.

        Raises InvalidInput where nothing surely does better, for too few questions, and for a
        budget that too few could be asked in; ModelError where a model failed to answer.
        """
        budget = Budget(minutes)
        generation = await self._generations.answering(domain)
        live = await self._live(domain, generation)
        as_of = await asyncio.to_thread(self._events.moment, self._parts.ledger.now())
        if answers:
            found = await self._answered(principal, domain, generation, live, budget, progress)
        else:
            found = await self._listed(domain, generation, live, budget, progress, as_of)
        lineage = {
            "as_of": as_of.isoformat(),
            "by": "answers" if answers else "lists",
            "minutes": minutes,
            "from": live.configuration.id if live.configuration else None,
            **_whole(live.configuration, found.changes, domain.pack),
            "changes": {name: list(one) for name, one in found.changes.items()},
            "embedder": str(generation.fingerprint["embedder"]),
            "chunker": str(generation.fingerprint["chunker"]),
            "generation": generation.id,
            **found.lineage,
        }
        return await asyncio.to_thread(
            self._kept.add,
            str(uuid4()),
            domain.pack.name,
            "configuration",
            lineage,
            {**found.figures, "seconds": round(budget.spent, 1)},
            principal.id,
        )

    async def write(self, candidate: Candidate) -> None:
        """Nothing: of settings nobody can be told."""

    # --- by what is found ---

    async def _listed(
        self,
        domain: Domain,
        live: Generation,
        in_use: Live,
        budget: Budget,
        progress: Callable[[Progress], None],
        as_of: datetime,
    ) -> _Found:
        """On what was accepted until now and on the half of the pack's own questions that may be
        fitted to, as many as the budget allows, drawn without looking at what they ask."""
        questions = (await self._measuring.earlier(domain, live, as_of))[-MOST:]
        _require(len(questions), ENOUGH, "Accept feedback first, or add evals to the pack.")
        questions.sort(key=lambda one: sha256(one.id.encode()).digest())
        knobs = in_use.levers.applied(domain.pack).retrieval
        searching = Levers(adapter=in_use.levers.adapter, knobs=knobs)
        asked: list[Question] = []
        listed: list[Listed] = []
        for done, one in enumerate(questions, 1):
            if done > 1 and budget.left < budget.spent / (done - 1):
                break
            listed.append(await self._lists(domain, live, one, searching))
            asked.append(one)
            progress(_far("search", budget, done, len(questions)))
        if len(asked) < ENOUGH:
            raise InvalidInput(
                f"The budget of {budget.seconds / 60:g} minutes was spent after {len(asked)} "
                f"questions; {ENOUGH} would do.",
                hint="Give it more minutes: --budget.",
            )
        best = await asyncio.to_thread(searched, listed, knobs)
        now = knobs.model_dump()
        changes = {
            name: (now[name], value) for name, value in best.knobs.items() if value != now[name]
        }
        tried, evals = len(joins(knobs)), any(one.paths for one in asked)
        figures = {
            "questions": len(asked),
            "of": len(questions),
            "before": best.before,
            "after": best.after,
        }
        return _Found(changes, {"evals": evals, "tried": tried}, figures)

    async def _lists(
        self, domain: Domain, live: Generation, question: Question, levers: Levers
    ) -> Listed:
        seen = Seen()
        await domain.retriever.retrieve(
            question.who, question.text, generation=live.id, limit=DEEP, levers=levers, seen=seen
        )
        names = {each.chunk_id for lists in seen.found for each in (*lists.dense, *lists.sparse)}
        payloads = await self._parts.index.payloads(live.id, sorted(names))
        wanted = question.wanted
        if question.paths:
            wanted = of_paths(question.paths, payloads.values())
        documents = {name: payload.document_id for name, payload in payloads.items()}
        return Listed(seen.found, documents, wanted)

    # --- by what is answered ---

    async def _answered(
        self,
        principal: Principal,
        domain: Domain,
        generation: Generation,
        in_use: Live,
        budget: Budget,
        progress: Callable[[Progress], None],
    ) -> _Found:
        """On the half of the pack's own questions that may be fitted to, asked of the model that
        answers, on the account of `principal`."""
        questions = await self._writing.fitted(domain)
        _require(len(questions), ENOUGH_ANSWERS, "Add evals to the pack.")
        model = await self._defaults.default(domain.pack)
        levers, pack = in_use.levers, domain.pack
        wording = levers.wording.name if levers.wording else ANSWER
        tried = [*choices(levers.applied(pack), wording, composes=model != EXTRACTIVE)]
        sides = [Side(model, _chosen(levers, pack, one)) for one in tried]

        async def score(choice: int | None, question: int) -> float:
            side = Side(model, levers) if choice is None else sides[choice]
            return await self._writing.worth(
                principal, domain, generation, questions[question], side
            )

        def told(race: Race) -> None:
            progress(_far("race", budget, len(race.in_use), len(questions), len(race.left)))

        race = await raced(len(tried), len(questions), score, budget, told)
        best = winner(race, budget)
        chosen = tried[best.choice]
        figures = {
            "questions": len(race.in_use),
            "of": len(questions),
            "answered": race.answers,
            "before": best.before,
            "after": best.after,
        }
        lineage = {"evals": True, "tried": len(tried), "model": model}
        return _Found({chosen.name: (chosen.before, chosen.after)}, lineage, figures)


def _require(questions: int, enough: int, hint: str) -> None:
    if questions < enough:
        raise InvalidInput(
            f"{questions} questions are too few to choose settings by; {enough} would do.",
            hint=hint,
        )


def _far(phase: str, budget: Budget, done: int, total: int, left: int = 0) -> Progress:
    spent = f"{budget.spent / 60:.1f} of {budget.seconds / 60:g} minutes"
    return Progress(
        phase=phase,
        done=done,
        total=total,
        document=f"{spent}, {left} choices left" if left else spent,
        spent=round(budget.spent, 1),
    )


def _chosen(levers: Levers, pack: Pack, choice: Choice) -> Levers:
    """The levers with one thing changed."""
    if choice.name == WORDING:
        return replace(levers, wording=pack.prompts[choice.after])
    return _changed(levers, pack, {choice.name: choice.after})


def _changed(levers: Levers, pack: Pack, settings: Mapping[str, Any]) -> Levers:
    """The levers with these settings in the place of theirs."""
    of_search = {name: one for name, one in settings.items() if name in RetrievalKnobs.model_fields}
    others = {name: one for name, one in settings.items() if name not in of_search}
    knobs = levers.applied(pack).retrieval.model_dump() | of_search
    return replace(levers, knobs=RetrievalKnobs.model_validate(knobs), **others)


def _whole(
    base: Candidate | None, changes: Mapping[str, tuple[Any, Any]], pack: Pack
) -> dict[str, Any]:
    """What a candidate says of settings and wording: what its base says, and what is changed."""
    nothing: Mapping[str, Any] = {}
    said = base.lineage if base else nothing
    new = {name: after for name, (_, after) in changes.items()}
    wording = str(new.pop(WORDING, said.get(WORDING, ANSWER)))
    of_search = {name: one for name, one in new.items() if name in RetrievalKnobs.model_fields}
    others = {name: one for name, one in new.items() if name not in of_search}
    return {
        "knobs": {**said.get("knobs", {}), **of_search},
        "answer": {**said.get("answer", {}), **others},
        WORDING: wording,
        **({WORDING_SHA256: _digest(pack.prompts[wording])} if wording != ANSWER else {}),
    }


def _digest(wording: Prompt) -> str:
    return sha256(wording.source.encode()).hexdigest()
