"""What is told of models: which there are, what each can do and costs, what was spent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

from rag.store.checks import LastCheck
from rag.store.choices import Trial
from rag.store.daily import Daily, Pace, Split
from rag.store.spending import By, Spent
from rag.types import Data


class KeyInfo(Data):
    """That a model has a key, never what it is. `set_by` an admin, at `set_at`, if one did."""

    origin: Literal["configuration", "added"]
    set_by: str = ""
    set_at: datetime | None = None


class DeclaredModel(Data):
    """A model that the configuration declares, or that an admin added; never with its key."""

    name: str
    declared: Literal["configuration", "added"]
    where: str = ""
    """The file or the variable that declares it."""
    settings: Mapping[str, Any]
    key: KeyInfo | None = None
    changed_by: str = ""
    changed_at: datetime | None = None
    problem: str = ""
    """Why it cannot be asked; empty when it can."""


class ModelInfo(Data):
    """A declared model, or a route with its candidates in order. Keys are never told."""

    name: str
    kind: Literal["model", "route", "extractive"]
    default: bool = False
    """It answers where a question names no other."""
    provider: str = ""
    model: str = ""
    candidates: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    context_window: int | None = None
    input_price: float | None = None
    output_price: float | None = None
    """USD per million tokens; null where nobody knows."""
    price: Literal["declared", "known", "unknown"] | None = None
    output_training_policy: str = ""
    declared: Literal["configuration", "added"] | None = None
    """Where; null for what is always there."""
    key: KeyInfo | None = None
    breaker: str = ""
    """closed, or opened while it is left alone after failures."""
    checked: LastCheck | None = None
    """When it was last asked for a word; null where it changed since, or never was."""
    problem: str = ""
    """Why it cannot be asked; empty when it can."""


class ModelCheck(Data):
    """What came of asking a model for one word."""

    name: str
    ok: bool
    first_token_ms: float | None = None
    code: str = ""
    detail: str = ""
    hint: str = ""


class BudgetState(Data):
    """A budget now. `dearest` are those who spent most of it, where it is counted for each."""

    name: str
    per: str
    period: str
    since: date
    soft: float | None
    hard: float | None
    spent: Mapping[str, float]
    """USD, by person, domain or model; under the empty name where it is counted for all."""
    where: str = ""
    """The file or the variable that sets it."""


class Costs(Data):
    """What was spent since a day, in one domain or in all of them."""

    by: By
    since: date
    domain: str | None = None
    """Null: all of them. Of one, only the budgets of domains are told."""
    totals: tuple[Spent, ...]
    budgets: tuple[BudgetState, ...] = ()


class Days(Data):
    """What was done day by day; days on which nothing was are left out."""

    by: Split
    domain: str | None = None
    since: date
    until: date
    """Today, in UTC."""
    days: tuple[Daily, ...]
    pace: Mapping[str, Pace]
    """Of all these days together, by model or domain."""


Measure = Literal[
    "faults",
    "abstained",
    "support",
    "ms_p50",
    "ms_p95",
    "tokens",
    "cost",
    "preferred",
    "useful",
    "cost_per_useful",
]
"""Shares from 0 to 1: faults (it could not answer itself), abstained, preferred (of the pairs that
people chose from, no difference counting half), useful (of the rated). Means:
support, tokens, cost in USD. Milliseconds to write and check an answer."""


class Figure(Data):
    """One measure of both sides; null where there is nothing to measure it on."""

    measure: Measure
    champion: float | None
    challenger: float | None
    answers: tuple[int, int]
    """On how many answers of each it was measured."""
    difference: float | None
    """Challenger minus champion; null with the interval where there are not enough."""
    low: float | None
    high: float | None
    """Between these it lies in 95 of 100 samples like this one."""


class Comparison(Data):
    """The two sides of a trial. But for a canary, all but faults is of the same questions."""

    domain: str
    trial: Trial
    running: bool
    champion: str
    since: datetime
    answers: tuple[int, int]
    """How many questions each side was asked."""
    missing: int
    """Questions that a shadow was to answer and did not: too many at once, or the server ended."""
    faults: Mapping[str, int]
    """Why the challenger did not answer, by the codes of errors."""
    figures: tuple[Figure, ...]
