"""Evaluation cases: what people ask, what the answer must contain, and where it stands."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field, model_validator

from rag.domain.reading import read_yaml, validate
from rag.errors import ConfigError
from rag.types import Data


class EvalKind(StrEnum):
    """What makes a question hard."""

    SINGLE = "single"
    TABLE = "table"
    MULTI = "multi"
    SUPERSEDED = "superseded"
    MISSPELT = "misspelt"
    SYNONYM = "synonym"
    FOLLOW_UP = "follow_up"
    UNANSWERABLE = "unanswerable"


class EvalCase(Data):
    """One question. Cases of one `group` ask for the same thing and must never be split apart.

    `documents` are paths relative to the pack's documents; `facts` are all expected in the answer,
    each in any of its spellings; `history` holds the earlier questions of the conversation.
    """

    id: str = Field(min_length=1, max_length=100)
    group: str = Field(min_length=1, max_length=100)
    kind: EvalKind
    question: str = Field(min_length=1, max_length=2_000)
    history: tuple[str, ...] = ()
    as_user: str | None = None
    documents: tuple[str, ...] = ()
    facts: tuple[tuple[str, ...], ...] = ()
    answerable: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> EvalCase:
        if self.answerable != (self.kind is not EvalKind.UNANSWERABLE):
            raise ValueError("kind 'unanswerable' and answerable = false belong together")
        if self.answerable and not (self.documents and self.facts):
            raise ValueError("an answerable case needs documents and facts")
        if not self.answerable and (self.documents or self.facts):
            raise ValueError("an unanswerable case has neither documents nor facts")
        if not all(fact and all(fact) for fact in self.facts):
            raise ValueError("a fact needs at least one spelling, none empty")
        if (self.kind is EvalKind.FOLLOW_UP) != bool(self.history):
            raise ValueError("kind 'follow_up' and a history belong together")
        return self


class _File(Data):
    cases: tuple[EvalCase, ...] = ()


def load_evals(path: Path) -> tuple[EvalCase, ...]:
    """Every case of `evals.yaml`; no file means none. Raises ConfigError, also on a repeated id."""
    if not path.exists():
        return ()
    cases = validate(_File, read_yaml(path), str(path)).cases
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise ConfigError(f"{path}: the id '{case.id}' is given twice.", hint="Rename one.")
        seen.add(case.id)
    return cases
