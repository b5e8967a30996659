"""Who may write an answer: the models of a route, and what of a question decides among them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rag.config import CandidateSettings, ModelSettings, RouteSettings
from rag.models.breaker import Breaker
from rag.models.prices import Price, price_of
from rag.protocols import Generator
from rag.types import AskRequest, Data

EXTRACTIVE = "extractive"


class ModelCard(Data):
    """What a trace says of the model: licence and settings, never keys."""

    provider: str
    model: str
    params: Mapping[str, Any]
    output_training_policy: str
    candidate: str = ""
    """Whose LoRA it serves."""


CARD_EXTRACTIVE = ModelCard(
    provider="ratchet", model=EXTRACTIVE, params={}, output_training_policy="allow"
)


@dataclass(frozen=True)
class Model:
    """A declared model, ready to be asked."""

    name: str
    settings: ModelSettings
    generator: Generator
    breaker: Breaker

    @cached_property
    def price(self) -> Price:
        return price_of(self.settings)

    @property
    def card(self) -> ModelCard:
        return ModelCard(
            provider=self.settings.provider,
            model=self.settings.model,
            params={
                "temperature": self.settings.temperature,
                "max_output_tokens": self.settings.max_output_tokens,
                "context_window": self.settings.context_window,
            },
            output_training_policy=self.settings.output_training_policy,
            candidate=self.settings.candidate,
        )


@dataclass(frozen=True)
class Candidate:
    """One of a route: a model, or None for quoting; and when it is asked.

    With a `problem` it cannot be asked at all, which stops none of the others.
    """

    model: Model | None
    rule: CandidateSettings
    problem: str = ""

    @property
    def name(self) -> str:
        return self.rule.model


class Asked(Data):
    """What of a question a route decides by."""

    domain: str
    chars: int
    classes: frozenset[str] = frozenset()


def asked(request: AskRequest, domain: str, route: RouteSettings) -> Asked:
    """The question as the route sees it; a class is told by its words, in any language."""
    said = _spaced(request.question)
    return Asked(
        domain=domain,
        chars=len(request.question) + sum(len(turn.content) for turn in request.history),
        classes=frozenset(
            name
            for name, words in route.classes.items()
            if any(_spaced(word) in said for word in words)
        ),
    )


def unfit(candidate: Candidate, question: Asked, requires: Sequence[str]) -> str:
    """Why the candidate is not for this question; empty when it is."""
    rule = candidate.rule
    if candidate.problem:
        return candidate.problem
    if rule.domains and question.domain not in rule.domains:
        return f"not for the domain '{question.domain}'"
    if rule.classes and question.classes.isdisjoint(rule.classes):
        return f"only for questions of the class {', '.join(rule.classes)}"
    if question.chars < rule.min_chars:
        return f"only for questions of {rule.min_chars} characters or more"
    if rule.max_chars is not None and question.chars > rule.max_chars:
        return f"only for questions of {rule.max_chars} characters or fewer"
    capabilities = candidate.model.settings.capabilities if candidate.model else ()
    lacking = sorted({*requires} - {*capabilities}) if candidate.model else []
    return f"lacks {', '.join(lacking)}" if lacking else ""


def _spaced(text: str) -> str:
    """Words between single spaces, so that one is found whole."""
    words = " ".join(re.findall(r"\w+", text.casefold()))
    return f" {words} "
