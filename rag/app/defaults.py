"""Which model answers where a question names none: tried, and held against the pack's floor."""

from __future__ import annotations

import asyncio
import hashlib
import json
from uuid import uuid4

import structlog

from rag.app.models import Models
from rag.app.parts import Parts
from rag.backends.llamaindex import build_generator
from rag.domain import Pack
from rag.errors import Conflict, InvalidInput, RagError
from rag.learn.conformance import SHORT_TOKENS, SUITE, conformance
from rag.models.candidates import EXTRACTIVE, Model
from rag.store.choices import Choice, Choices, ScoreCard
from rag.types import Principal

log = structlog.get_logger(__name__)


class Defaults:
    """Tries models and lets an admin choose; every choice is kept with who made it."""

    def __init__(self, parts: Parts, models: Models) -> None:
        self._settings = parts.settings
        self._spending = parts.spending
        self._now = parts.ledger.now
        self._kept = Choices(parts.ledger.database)
        self._models = models
        self._warned: set[tuple[str, str]] = set()

    async def conform(self, principal: Principal, name: str, pack: Pack) -> ScoreCard:
        """Run the suite against a model, which costs a dozen answers, and keep the card."""
        model = self._models.model(name)
        less = model.settings.model_copy(
            update={"max_output_tokens": min(SHORT_TOKENS, model.settings.max_output_tokens)}
        )
        local = self._settings.gateway.local_only
        short = build_generator(name, less, local_only=local)
        try:
            scores = await conformance(pack, model.generator, short)
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
        """Let a model or route answer from the next question on.

        Raises NotFound, or Conflict when it is below the pack's floor and no reason overrides that.
        """
        if len(override) > 1_000 or "\x00" in override:
            raise InvalidInput("The reason is longer than 1,000 characters, or not text.")
        names = self._names(name)
        score = await asyncio.to_thread(self._lowest, names, pack)
        floor = pack.answer.model_floor
        if names and floor and (score is None or score < floor) and not override.strip():
            has = "has no score card" if score is None else f"scores {score:g}"
            raise Conflict(
                f"'{name}' {has}, and '{pack.name}' asks for {floor:g}.",
                hint=f"Run: rag models conform {name}; or override it, saying why.",
            )
        choice = Choice(
            domain=pack.name,
            model=name,
            score=score,
            floor=floor,
            override=override.strip(),
            chosen_by=principal.id,
            chosen_at=self._now(),
        )
        await asyncio.to_thread(self._kept.choose, choice)
        log.info("model chosen", **choice.model_dump(mode="json"))
        return choice

    async def default(self, pack: Pack) -> str:
        """What answers now: the latest choice, else the configured one; quoting below the floor."""
        return await asyncio.to_thread(self._default, pack)

    def _default(self, pack: Pack) -> str:
        choice = next(iter(self._kept.chosen(pack.name, 1)), None)
        known = (EXTRACTIVE, *self._settings.models, *self._settings.routes)
        if choice is not None and choice.model not in known:
            self._warn(pack, choice.model, "it is not declared any more")
            choice = None
        name = choice.model if choice else self._settings.answer.model
        floor = pack.answer.model_floor
        if not floor or name not in known or (choice and choice.override):
            return name
        names = self._names(name)
        score = self._lowest(names, pack)
        if names and (score is None or score < floor):
            self._warn(pack, name, f"the pack's floor is {floor:g}, its score {score}")
            return EXTRACTIVE
        return name

    def _names(self, name: str) -> list[str]:
        """The models that may answer under this name. Raises NotFound."""
        if name == EXTRACTIVE:
            return []
        if name in self._settings.models or name not in self._settings.routes:
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


def _fingerprint(model: Model) -> str:
    """Changes with whatever could make it answer otherwise; keys and prices do not."""
    settings = model.settings
    told = settings.model_dump(
        mode="json",
        include={"provider", "model", "base_url", "context_window", "max_output_tokens"},
    )
    text = json.dumps({**told, "temperature": settings.temperature}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
