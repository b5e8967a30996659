"""Which model answers where a question names none: tried, and held against the pack's floor."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import structlog

from rag.app.models import Models
from rag.app.parts import Parts
from rag.domain import Pack
from rag.errors import Conflict, InvalidInput, RagError
from rag.learn.conformance import SHORT_TOKENS, SUITE, conformance
from rag.models.candidates import EXTRACTIVE, Model
from rag.store.choices import Choice, Choices, How, Past, ScoreCard, Trial
from rag.store.releases import Releases
from rag.types import Data, Principal, Progress

log = structlog.get_logger(__name__)


class Standing(Data):
    """What answers now, and what is tried beside it."""

    model: str
    trial: Trial | None = None


class Defaults:
    """Tries models and lets an admin choose; every choice is kept with who made it."""

    def __init__(self, parts: Parts, models: Models) -> None:
        self._settings = parts.settings
        self._spending = parts.spending
        self._now = parts.ledger.now
        self._kept = Choices(parts.ledger.database)
        self._releases = Releases(parts.ledger.database, parts.ledger.now)
        self._models = models
        self._warned: set[tuple[str, str]] = set()

    async def conform(
        self, principal: Principal, name: str, pack: Pack, progress: Callable[[Progress], None]
    ) -> ScoreCard:
        """Run the suite against a model, which costs a dozen answers, and keep the card."""
        await asyncio.to_thread(self._models.refresh)
        model = self._models.model(name)
        short = self._models.shortened(model, SHORT_TOKENS)
        try:
            scores = await conformance(pack, model.generator, short, progress)
        finally:
            await short.aclose()
        card = ScoreCard(
            id=str(uuid4()),
            domain=pack.name,
            model=name,
            fingerprint=_fingerprint(model),
            suite=scores.suite,
            score=scores.score,
            checks=scores.checks,
            cases=tuple(case.model_dump() for case in scores.cases),
            taken_by=principal.id,
            taken_at=self._now(),
        )
        tokens = scores.prompt_tokens, scores.completion_tokens
        price = await asyncio.to_thread(lambda: model.price)
        spent = {
            "route": {"price": price.origin},
            "prompt_tokens": tokens[0],
            "completion_tokens": tokens[1],
            "cost": price.of(*tokens),
            "ts": card.taken_at,
            "domain": pack.name,
            "principal_id": principal.id,
            "model": name,
        }
        await asyncio.to_thread(self._kept.keep, card)
        await asyncio.to_thread(self._spending.save, spent)
        return card

    async def cards(self, pack: Pack, name: str | None) -> list[ScoreCard]:
        """The latest cards with this pack's prompts, newest first."""
        return await asyncio.to_thread(self._kept.cards, pack.name, name)

    async def choices(self, pack: Pack) -> list[Choice]:
        """Who made what the default, newest first; none where the configuration decides."""
        return await asyncio.to_thread(self._kept.chosen, pack.name)

    async def choose(self, principal: Principal, name: str, pack: Pack, override: str) -> Choice:
        """Let a model or route answer from the next question on; a trial ends.

        Raises NotFound, or Conflict when it is below the pack's floor and no reason overrides that.
        """
        await self._require_unreleased(pack)
        score = await self._conforming(name, pack, override)

        def chosen(past: Past) -> Mapping[str, Any]:
            last = past.last
            before = last and (last.before if last.model == name else last.id)
            return {"model": name, "score": score, "override": override.strip(), "before": before}

        return await self._choose(principal, pack, chosen)

    async def begin(
        self, principal: Principal, name: str, how: How, share: float, pack: Pack, override: str
    ) -> Choice:
        """Try a model or route beside what answers, from the next question on.

        The same one again with another share goes on with its trial. Raises NotFound, InvalidInput;
        Conflict for what answers already, and for one below the floor that people would be shown,
        without a reason.
        """
        if not 0 < share <= 1:
            raise InvalidInput("A share is above 0, and 1 at most.")
        if name == await self.default(pack):
            raise Conflict(f"'{name}' answers already.", hint="Try another one beside it.")
        floor = how != "shadow"
        score = await self._conforming(name, pack, override, floor=floor)

        def begun(past: Past) -> Mapping[str, Any]:
            trial = Trial(model=name, how=how, share=share, score=score, override=override.strip())
            running = past.last and past.last.trial
            if running and (running.model, running.how) == (name, how):
                trial = trial.model_copy(update={"id": running.id})
            return {**_alone(past.last), "trial": trial}

        return await self._choose(principal, pack, begun)

    async def stop(self, principal: Principal, pack: Pack) -> Choice:
        """End the trial: from the next question on only the default answers. Raises Conflict."""

        def stopped(past: Past) -> Mapping[str, Any]:
            if past.last is None or past.last.trial is None:
                raise Conflict(f"Nothing is tried in '{pack.name}'.")
            return _alone(past.last)

        return await self._choose(principal, pack, stopped)

    async def roll_back(self, principal: Principal, pack: Pack) -> Choice:
        """End the trial if there is one, else let what answered before answer again.

        Said again, it goes on to what answered before that. Raises Conflict at the beginning.
        """

        await asyncio.to_thread(self._models.refresh)
        known = self._models.known

        def back(past: Past) -> Mapping[str, Any]:
            last = past.last
            if last is not None and last.trial is not None:
                return _alone(last)
            if last is None or not last.model:
                raise Conflict(
                    "There is nothing to go back to: what is configured answers.",
                    hint="Choose with: rag models use NAME.",
                )
            before = past.before(last)
            while before is not None and before.model and before.model not in known:
                before = past.before(before)
            return _alone(before)

        return await self._choose(principal, pack, back)

    async def tried(self, pack: Pack) -> list[Choice]:
        """The choices of the latest trial, oldest first; none where nothing was ever tried."""
        return await asyncio.to_thread(self._kept.tried, pack.name)

    async def default(self, pack: Pack) -> str:
        """What answers now: the latest choice, else the configured one; quoting below the floor."""
        return (await self.standing(pack)).model

    async def standing(self, pack: Pack) -> Standing:
        """The same, with what is tried beside it."""
        found = await asyncio.to_thread(self._standing, pack)
        await self._models.tidy()
        return found

    async def _conforming(
        self, name: str, pack: Pack, override: str, *, floor: bool = True
    ) -> float | None:
        """The score of the worst model behind the name. Raises NotFound, InvalidInput, Conflict."""
        if len(override) > 1_000 or "\x00" in override:
            raise InvalidInput("The reason is longer than 1,000 characters, or not text.")
        await asyncio.to_thread(self._models.refresh)
        names = self._names(name)
        if names == [name]:
            # One that cannot be asked is told before it answers nobody.
            self._models.model(name)
        score = await asyncio.to_thread(self._lowest, names, pack)
        least = pack.answer.model_floor if floor else 0.0
        if names and least and (score is None or score < least) and not override.strip():
            has = "has no score card" if score is None else f"scores {score:g}"
            raise Conflict(
                f"'{name}' {has}, and '{pack.name}' asks for {least:g}.",
                hint=f"Run: rag models conform {name}; or override it, saying why.",
            )
        return score

    async def _choose(
        self,
        principal: Principal,
        pack: Pack,
        said: Callable[[Past], Mapping[str, Any]],
    ) -> Choice:
        def make(past: Past) -> Choice:
            return Choice(
                domain=pack.name,
                floor=pack.answer.model_floor,
                chosen_by=principal.id,
                chosen_at=self._now(),
                **said(past),
            )

        choice = await asyncio.to_thread(self._kept.choose, pack.name, make)
        log.info("model chosen", **choice.model_dump(mode="json"))
        return choice

    def _standing(self, pack: Pack) -> Standing:
        choice, revision = self._kept.standing(pack.name)
        self._models.see(revision)
        model = self._released(pack) or self._default(pack, choice)
        trial = choice.trial if choice else None
        if trial is None or trial.model == model:
            return Standing(model=model)
        if trial.model not in self._models.known:
            self._warn(pack, trial.model, "it is not declared any more")
            return Standing(model=model)
        if trial.how != "shadow" and not trial.override and self._below(pack, trial.model):
            return Standing(model=model)
        return Standing(model=model, trial=trial)

    def serving(self, candidate_id: str) -> str:
        """The model that serves the LoRA of a candidate; empty where none is declared."""
        declared = self._models.declared.all()
        return next((one.name for one in declared if one.settings.candidate == candidate_id), "")

    def _released(self, pack: Pack) -> str:
        """The model that was promoted, where one was; quoting where it is below the floor."""
        live = self._releases.live(pack.name)
        if live is None or live.llm is None:
            return ""
        name = self.serving(live.llm)
        if not name:
            self._warn(pack, live.llm, "no model that is declared serves this candidate any more")
            return ""
        return EXTRACTIVE if self._below(pack, name) else name

    async def _require_unreleased(self, pack: Pack) -> None:
        """Raise Conflict where a release says what answers: it goes back as one."""
        live = await asyncio.to_thread(self._releases.live, pack.name)
        if live is not None and live.llm is not None:
            raise Conflict(
                f"Release {live.number} of '{pack.name}' says which model answers.",
                hint="Go back first: rag rollback.",
            )

    def _default(self, pack: Pack, choice: Choice | None) -> str:
        if choice is not None and choice.model and choice.model not in self._models.known:
            self._warn(pack, choice.model, "it is not declared any more")
            choice = None
        name = (choice.model if choice else "") or self._settings.answer.model
        if name not in self._models.known or (choice and choice.override):
            return name
        return EXTRACTIVE if self._below(pack, name) else name

    def _below(self, pack: Pack, name: str) -> bool:
        floor = pack.answer.model_floor
        names = self._names(name) if floor else []
        score = self._lowest(names, pack)
        if not names or (score is not None and score >= floor):
            return False
        self._warn(pack, name, f"the pack's floor is {floor:g}, its score {score}")
        return True

    def _names(self, name: str) -> list[str]:
        """The models that may answer under this name. Raises NotFound."""
        if name == EXTRACTIVE:
            return []
        if name in self._models.declared.names:
            return [name]
        if name not in self._settings.routes:
            return [self._models.model(name).name]
        asked = [candidate.model for candidate in self._settings.routes[name].candidates]
        return [one for one in dict.fromkeys(asked) if one != EXTRACTIVE]

    def _lowest(self, names: list[str], pack: Pack) -> float | None:
        """The worst score of any; None when one has none for what is behind its name now."""
        scores: list[float] = []
        for name in names:
            try:
                fingerprint = _fingerprint(self._models.model(name))
            except RagError:
                # It cannot be asked, so it answers nothing.
                continue
            score = self._kept.score(pack.name, name, fingerprint, SUITE)
            if score is None:
                return None
            scores.append(score)
        return min(scores, default=None)

    def _warn(self, pack: Pack, name: str, why: str) -> None:
        if (pack.name, name) not in self._warned:
            self._warned.add((pack.name, name))
            log.warning("model not used", domain=pack.name, model=name, why=why)


def _alone(choice: Choice | None) -> Mapping[str, Any]:
    """What a choice lets answer, without a trial; what is configured where there is none."""
    if choice is None:
        return {"model": "", "score": None, "override": "", "before": None}
    return choice.model_dump(include={"model", "score", "override", "before"})


def _fingerprint(model: Model) -> str:
    """Changes with whatever could make it answer otherwise; keys and prices do not."""
    settings = model.settings
    told = settings.model_dump(
        mode="json",
        include={"provider", "model", "base_url", "context_window", "max_output_tokens"},
    )
    text = json.dumps({**told, "temperature": settings.temperature}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
