"""What is told of models: which there are, what each can do and costs, what was spent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from rag.store.spending import By, Spent
from rag.types import Data


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
    breaker: str = ""
    """closed, or opened while it is left alone after failures."""
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


class Costs(Data):
    """What was spent since a day."""

    by: By
    since: date
    totals: tuple[Spent, ...]
    budgets: tuple[BudgetState, ...] = ()
