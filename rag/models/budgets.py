"""Budgets: what may be spent on models in a day or a month, and for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime

import structlog

from rag.config import BudgetSettings
from rag.store.spending import Spending
from rag.types import Data

log = structlog.get_logger(__name__)
Key = tuple[str, str]
"""A budget's name, and whose: a person, a domain, a model; empty for everyone's."""


class Taken(Data):
    """What is kept back for an answer; `refused` names the budget that has no room."""

    refused: str = ""
    keys: tuple[Key, ...] = ()
    cost: float = 0.0


class Budgets:
    """Refuses what would exceed a hard ceiling; says once a period where a soft one is passed.

    Answers in the making count with the most they may cost, so that many at once do not exceed it
    together. Other processes' answers count once they are made.
    """

    def __init__(
        self,
        settings: Mapping[str, BudgetSettings],
        spending: Spending,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._spending = spending
        self._now = now
        self._kept: dict[Key, float] = {}
        self._told: set[tuple[Key, date]] = set()
        self._one = asyncio.Lock()

    async def take(self, person: str, domain: str, model: str, cost: float) -> Taken:
        """Keep back what an answer may cost at most (USD), until it is given back."""
        if not self._settings or cost <= 0:
            return Taken()
        whose = {"person": person, "domain": domain, "model": model}
        async with self._one:
            keys: list[Key] = []
            for name, budget in self._settings.items():
                key = (name, whose.get(budget.per, ""))
                spent, kept = await self._counted(key)
                if budget.soft is not None and spent >= budget.soft:
                    self._tell(key, budget, spent)
                if budget.hard is not None:
                    if spent + kept + cost > budget.hard:
                        return Taken(refused=name)
                    keys.append(key)
            for key in keys:
                self._kept[key] = self._kept.get(key, 0.0) + cost
        return Taken(keys=tuple(keys), cost=cost)

    async def _counted(self, key: Key) -> tuple[float, float]:
        """What is on record and what is kept back, of one moment.

        An answer that ends while the record is read could be in neither sum, or in both: then it
        is read again. Nothing is added to what is kept back meanwhile, so this ends.
        """
        while True:
            kept = self._kept.get(key, 0.0)
            spent = await asyncio.to_thread(self.spent, *key)
            if self._kept.get(key, 0.0) == kept:
                return spent, kept

    def give_back(self, taken: Taken) -> None:
        """What the answer did cost is on record by now, or it was not made."""
        for key in taken.keys:
            left = self._kept[key] - taken.cost
            if left > 1e-12:
                self._kept[key] = left
            else:
                del self._kept[key]

    def spent(self, name: str, whose: str) -> float:
        """USD of the budget's running day or month."""
        budget = self._settings[name]
        of = {} if budget.per == "all" else {budget.per: whose}
        return self._spending.cost(self._since(budget), **of)

    def names(self) -> Iterator[tuple[str, BudgetSettings]]:
        yield from self._settings.items()

    def since(self, name: str) -> date:
        """The first day of its running period."""
        return self._since(self._settings[name])

    def _since(self, budget: BudgetSettings) -> date:
        today = self._now().date()
        return today if budget.period == "day" else today.replace(day=1)

    def _tell(self, key: Key, budget: BudgetSettings, spent: float) -> None:
        mark = (key, self._since(budget))
        if mark not in self._told:
            self._told.add(mark)
            log.warning("budget passed", budget=key[0], of=key[1], spent=spent, soft=budget.soft)


class Purse:
    """One answer's way to the budgets: who asks, and in which domain."""

    def __init__(self, budgets: Budgets, person: str, domain: str) -> None:
        self._budgets = budgets
        self._person = person
        self._domain = domain
        self._taken = Taken()

    async def take(self, model: str, cost: float) -> str:
        """The budget that has no room, or empty. What was taken before is given back."""
        self.give_back()
        self._taken = await self._budgets.take(self._person, self._domain, model, cost)
        return self._taken.refused

    def another(self) -> Purse:
        """One for a text beside the answer, for the same person and domain."""
        return Purse(self._budgets, self._person, self._domain)

    def give_back(self) -> None:
        """May be said again."""
        self._budgets.give_back(self._taken)
        self._taken = Taken()
