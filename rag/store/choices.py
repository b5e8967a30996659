"""Score cards of models, and the choices of a default that were made with them; both are kept.

A choice may have a trial: another model that answers some questions, or beside the default.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from pydantic import Field
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from rag.store.database import Database
from rag.store.models import ModelChoiceRow, ModelRevisionRow, ScoreCardRow
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


How = Literal["canary", "shadow", "pair"]


class Trial(Data):
    """A model or route beside the default. canary: it answers a share of the conversations.

    shadow: it answers a share of the questions once more, and nobody is shown what. pair: it
    answers a share of the questions once more, and people choose between the two. `override` is
    the reason why people are shown its answers though it is below the floor.
    """

    id: str = Field(default_factory=lambda: str(uuid4()))
    """Stays when only the share changes."""
    model: str
    how: How
    share: float
    score: float | None = None
    override: str = ""

    def takes(self, key: str) -> bool:
        """Whether it is this one's turn: always the same for a key, and for more as shares grow."""
        digest = hashlib.sha256(f"{self.id}\0{key}".encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:7]) < self.share * 2**56


class Choice(Data):
    """Who made what a domain's default; `override` is the reason where the floor was not met."""

    domain: str
    model: str
    """Empty: what is configured."""
    score: float | None
    floor: float
    override: str
    chosen_by: str
    chosen_at: datetime
    trial: Trial | None = None
    id: str = Field(default_factory=lambda: str(uuid4()))
    before: str | None = None
    """The choice that a rollback leads to; null where that is what is configured, if anything."""


class Past:
    """The choices of a domain until now, within a transaction that makes another."""

    def __init__(self, session: Session, domain: str) -> None:
        self._session = session
        row = session.scalar(_chosen(domain).limit(1))
        self.last = _choice(row) if row is not None else None
        """The one that counts."""

    def before(self, choice: Choice) -> Choice | None:
        """Where a rollback from that one leads to."""
        row = self._session.get(ModelChoiceRow, choice.before) if choice.before else None
        return _choice(row) if row is not None else None


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

    def choose(self, domain: str, make: Callable[[Past], Choice]) -> Choice:
        """Keep what is made of the choices until now: from now on this one counts."""
        with self.database.write() as session:
            past = Past(session, domain)
            choice = make(past)
            if past.last is not None and choice.chosen_at <= past.last.chosen_at:
                # Another machine's clock is ahead.
                later = past.last.chosen_at + timedelta(microseconds=1)
                choice = choice.model_copy(update={"chosen_at": later})
            session.add(ModelChoiceRow(**choice.model_dump()))
        return choice

    def chosen(self, domain: str, limit: int = _KEPT) -> list[Choice]:
        """The latest choices, newest first: the first one counts."""
        with self.database.read() as session:
            return [_choice(row) for row in session.scalars(_chosen(domain).limit(limit))]

    def standing(self, domain: str) -> tuple[Choice | None, int]:
        """The choice that counts; and, read with it, the revision of the models that are added."""
        statement = (
            select(ModelRevisionRow.revision, ModelChoiceRow)
            .outerjoin(ModelChoiceRow, ModelChoiceRow.domain == domain)
            .where(ModelRevisionRow.id == 1)
            .order_by(ModelChoiceRow.chosen_at.desc())
            .limit(1)
        )
        with self.database.read() as session:
            revision, row = session.execute(statement).one()
            return (_choice(row) if row is not None else None), revision

    def latest(self) -> list[Choice]:
        """The choice that counts in each domain where one was made."""
        with self.database.read() as session:
            domains = session.scalars(select(ModelChoiceRow.domain).distinct()).all()
            found = [session.scalars(_chosen(domain).limit(1)).one() for domain in domains]
            return [_choice(row) for row in found]

    def tried(self, domain: str) -> list[Choice]:
        """Those with the latest trial, whether it goes on or has ended, oldest first."""
        trials = _chosen(domain).where(ModelChoiceRow.trial.is_not(None)).limit(_KEPT)
        with self.database.read() as session:
            found = [_choice(row) for row in session.scalars(trials)]
        latest = {one.trial.id for one in found[:1] if one.trial}
        return [one for one in reversed(found) if one.trial and one.trial.id in latest]


def _chosen(domain: str) -> Select[tuple[ModelChoiceRow]]:
    newest = ModelChoiceRow.chosen_at.desc()
    return select(ModelChoiceRow).where(ModelChoiceRow.domain == domain).order_by(newest)


def _choice(row: ModelChoiceRow) -> Choice:
    return Choice.model_validate(_fields(row))


def _fields(row: ScoreCardRow | ModelChoiceRow) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}
