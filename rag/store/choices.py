"""Score cards of models, and the choices of a default that were made with them; both are kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from rag.store.database import Database
from rag.store.models import ModelChoiceRow, ScoreCardRow
from rag.types import Data

_KEPT = 50
"""Cards and choices told at once."""


class ScoreCard(Data):
    """How well a model kept to what answers rely on, each check from 0 to 1."""

    id: str
    domain: str
    model: str
    fingerprint: str
    suite: str
    score: float
    checks: Mapping[str, float]
    cases: tuple[Mapping[str, Any], ...]
    taken_by: str
    taken_at: datetime


class Choice(Data):
    """Who made what a domain's default; `override` is the reason where the floor was not met."""

    domain: str
    model: str
    score: float | None
    floor: float
    override: str
    chosen_by: str
    chosen_at: datetime


class Choices:
    """Every method is one transaction; nothing that was written is changed."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def keep(self, card: ScoreCard) -> None:
        fields = card.model_dump()
        with self.database.write() as session:
            session.add(ScoreCardRow(**{**fields, "cases": [dict(one) for one in card.cases]}))

    def cards(self, domain: str, model: str | None = None) -> list[ScoreCard]:
        """The latest cards, newest first."""
        statement = select(ScoreCardRow).where(ScoreCardRow.domain == domain)
        if model is not None:
            statement = statement.where(ScoreCardRow.model == model)
        ordered = statement.order_by(ScoreCardRow.taken_at.desc(), ScoreCardRow.id).limit(_KEPT)
        with self.database.read() as session:
            return [ScoreCard.model_validate(_fields(row)) for row in session.scalars(ordered)]

    def score(self, domain: str, model: str, fingerprint: str, suite: str) -> float | None:
        """Of the latest card of exactly that model in exactly that suite."""
        statement = (
            select(ScoreCardRow.score)
            .where(
                ScoreCardRow.domain == domain,
                ScoreCardRow.model == model,
                ScoreCardRow.fingerprint == fingerprint,
                ScoreCardRow.suite == suite,
            )
            .order_by(ScoreCardRow.taken_at.desc())
            .limit(1)
        )
        with self.database.read() as session:
            return session.scalar(statement)

    def choose(self, choice: Choice) -> None:
        with self.database.write() as session:
            session.add(ModelChoiceRow(id=str(uuid4()), **choice.model_dump()))

    def chosen(self, domain: str, limit: int = _KEPT) -> list[Choice]:
        """The latest choices, newest first: the first one counts."""
        statement = (
            select(ModelChoiceRow)
            .where(ModelChoiceRow.domain == domain)
            .order_by(ModelChoiceRow.chosen_at.desc())
            .limit(limit)
        )
        with self.database.read() as session:
            return [
                Choice.model_validate({k: v for k, v in _fields(row).items() if k != "id"})
                for row in session.scalars(statement)
            ]


def _fields(row: ScoreCardRow | ModelChoiceRow) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}
