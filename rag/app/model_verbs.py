"""The verbs of models: which there are, whether they answer, what they cost."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import cast

from rag.app.declared import Declared, key_info
from rag.app.drafting import Drafted, drafted
from rag.app.models import Models
from rag.app.parts import Parts
from rag.config import BudgetSettings, unusable
from rag.errors import RagError
from rag.models.budgets import Budgets
from rag.models.candidates import EXTRACTIVE, Model
from rag.models.told import BudgetState, Costs, Days, ModelCheck, ModelInfo
from rag.store.checks import LastCheck, ModelChecks
from rag.store.daily import Daybook, Split
from rag.store.spending import By
from rag.types import Message

_PER_MILLION = 1_000_000
_CHECK_SECONDS = 30.0


class ModelVerbs:
    """Looks at the declared models; keeps what came of asking them for a word."""

    def __init__(self, parts: Parts, models: Models) -> None:
        self._settings = parts.settings
        self._spending = parts.spending
        self._daybook = Daybook(parts.ledger.database)
        self._checks = ModelChecks(parts.ledger.database)
        self._now = parts.ledger.now
        self._models = models

    async def list(self, chosen: str) -> list[ModelInfo]:
        """Extractive, the models and the routes, the `chosen` one marked; asks none of them."""

        def told() -> list[ModelInfo]:
            checks = self._checks.last()
            return [
                self._info(one, one.name == chosen, checks.get((one.name, _behind(one))))
                for one in self._models.declared.all()
            ]

        models = await asyncio.to_thread(told)
        routes = [
            ModelInfo(
                name=name,
                kind="route",
                declared="configuration",
                default=name == chosen and name not in self._models.declared.names,
                candidates=tuple(candidate.model for candidate in route.candidates),
                capabilities=route.requires,
            )
            for name, route in self._settings.routes.items()
        ]
        quoting = ModelInfo(
            name=EXTRACTIVE,
            kind="extractive",
            default=chosen == EXTRACTIVE,
            provider="ratchet",
            model=EXTRACTIVE,
            output_training_policy="allow",
        )
        return [quoting, *models, *routes]

    async def check(self, name: str | None = None) -> list[ModelCheck]:
        """Ask one model, or each, for a word. Raises NotFound."""
        await asyncio.to_thread(self._models.refresh)
        known = self._models.declared.names
        if name is not None and name not in known:
            self._models.model(name)
        names = [name] if name is not None else known
        return list(await asyncio.gather(*(self._check(one) for one in names)))

    async def unusable(self) -> list[str]:
        """Why models of the configuration cannot answer, whatever admins added or gave a key."""
        await asyncio.to_thread(self._models.refresh)
        return unusable(self._settings, self._models.declared.by_admins)

    async def drafted(self, text: str) -> Drafted:
        """What the next start would say of a configuration with this text, models included."""
        await asyncio.to_thread(self._models.refresh)
        return await asyncio.to_thread(
            drafted, text, self._settings, self._models.declared.by_admins
        )

    async def costs(self, by: By, days: int, domain: str | None = None) -> Costs:
        """What was spent in the last `days` days, today included; and where each budget stands.

        Of one domain nothing is told that other domains spent.
        """
        since = self._now().date() - timedelta(days=days - 1)
        sums = await asyncio.to_thread(self._spending.totals, by, since, domain)
        totals = await asyncio.to_thread(self._spending.with_votes, sums, by, since, domain)
        states = await asyncio.to_thread(self._states, self._models.budgets, domain)
        return Costs(by=by, since=since, domain=domain, totals=tuple(totals), budgets=tuple(states))

    async def days(self, by: Split, days: int, domain: str | None = None) -> Days:
        """What was done on each of the last `days` days, today included."""
        until = self._now().date()
        since = until - timedelta(days=days - 1)
        found, altogether = await asyncio.to_thread(self._daybook.days, by, since, domain)
        return Days(
            by=by, domain=domain, since=since, until=until, days=tuple(found), pace=altogether
        )

    def _states(self, budgets: Budgets, domain: str | None) -> list[BudgetState]:
        if domain is not None:
            return [
                self._state(budgets, name, budget, {domain: budgets.spent(name, domain)})
                for name, budget in budgets.names()
                if budget.per == "domain"
            ]
        return [
            self._state(
                budgets,
                name,
                budget,
                {"": budgets.spent(name, "")}
                if budget.per == "all"
                else {
                    one.name: one.cost
                    for one in self._spending.totals(cast("By", budget.per), budgets.since(name))
                },
            )
            for name, budget in budgets.names()
        ]

    def _state(
        self, budgets: Budgets, name: str, budget: BudgetSettings, spent: Mapping[str, float]
    ) -> BudgetState:
        return BudgetState(
            name=name,
            per=budget.per,
            period=budget.period,
            since=budgets.since(name),
            soft=budget.soft,
            hard=budget.hard,
            spent=spent,
            where=self._settings.origins.get(f"budgets.{name}.hard", "")
            or self._settings.origins.get(f"budgets.{name}.soft", ""),
        )

    def _info(self, found: Declared, default: bool, checked: LastCheck | None) -> ModelInfo:
        name, declared = found.name, found.settings
        try:
            made = self._models.model(name)
            price, breaker, problem = made.price, made.breaker.state, ""
        except RagError as error:
            price, breaker, problem = None, "", error.message
        known = price is not None and price.origin != "unknown"
        return ModelInfo(
            name=name,
            kind="model",
            default=default,
            provider=declared.provider,
            model=declared.model,
            capabilities=declared.capabilities,
            context_window=declared.context_window,
            input_price=price.read * _PER_MILLION if price and known else None,
            output_price=price.write * _PER_MILLION if price and known else None,
            price=price.origin if price else None,
            output_training_policy=declared.output_training_policy,
            declared=found.origin,
            key=key_info(found),
            breaker=breaker,
            checked=checked,
            problem=problem,
        )

    async def _check(self, name: str) -> ModelCheck:
        declared = self._models.declared.get(name)
        found = await self._asked(name)
        if declared is not None:
            told = found.model_dump(exclude={"name"})
            await asyncio.to_thread(
                self._checks.keep, name, _behind(declared), LastCheck(at=self._now(), **told)
            )
        return found

    async def _asked(self, name: str) -> ModelCheck:
        try:
            made = self._models.model(name)
            return ModelCheck(name=name, ok=True, first_token_ms=await _first_word(made))
        except RagError as error:
            return ModelCheck(
                name=name, ok=False, code=error.code, detail=error.message, hint=error.hint
            )
        except TimeoutError:
            said = f"It did not begin within {_CHECK_SECONDS:g} seconds."
            return ModelCheck(name=name, ok=False, code="model_timeout", detail=said)


def _behind(one: Declared) -> str:
    """Changes with whatever could make a check end otherwise; never with what a key is."""
    told = one.settings.model_dump(
        mode="json", exclude={"api_key", "input_price", "output_price", "capabilities"}
    )
    key = one.key.set_at.isoformat() if one.key else bool(one.configured_key)
    return hashlib.sha256(json.dumps([told, key], sort_keys=True).encode()).hexdigest()[:32]


async def _first_word(model: Model) -> float:
    """Milliseconds to its first piece of text."""
    began = time.perf_counter()
    question = [Message(role="user", content="Say: ready")]
    stream = cast("AsyncGenerator[str]", model.generator.stream(question, []))
    async with asyncio.timeout(_CHECK_SECONDS), aclosing(stream) as text:
        await anext(text)
    return round((time.perf_counter() - began) * 1000, 1)
