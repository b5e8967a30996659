"""SQLAlchemy models of the ratchet: candidates, what they learned from, reports, releases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from rag.store.models import Base


class CandidateRow(Base):
    """Something that might make answers better."""

    __tablename__ = "candidates"
    __table_args__ = (UniqueConstraint("domain", "kind", "number"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    domain: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    number: Mapped[int]
    """counts the candidates of a kind in a domain from 1"""
    state: Mapped[str] = mapped_column(String(16))
    lineage: Mapped[dict[str, Any]]
    figures: Mapped[dict[str, Any]]
    created_by: Mapped[str]
    created_at: Mapped[datetime]


class CandidateVoteRow(Base):
    """What one event of feedback says of one passage, to a candidate; it goes with the event."""

    __tablename__ = "candidate_votes"

    candidate_id: Mapped[str] = mapped_column(
        ForeignKey("candidates.id", ondelete="CASCADE"), primary_key=True
    )
    feedback_id: Mapped[str] = mapped_column(
        ForeignKey("feedback.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    trace_id: Mapped[str] = mapped_column(ForeignKey("traces.id", ondelete="CASCADE"), index=True)
    chunk_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    value: Mapped[float]
    """from -1 to 1, with whatever its person counts more or less"""


class PromptExampleRow(Base):
    """An answer that people found good, as models are shown it; it goes with what was said of it,
    and with the answer."""

    __tablename__ = "prompt_examples"

    candidate_id: Mapped[str] = mapped_column(
        ForeignKey("candidates.id", ondelete="CASCADE"), primary_key=True
    )
    n: Mapped[int] = mapped_column(primary_key=True)
    feedback_id: Mapped[str] = mapped_column(
        ForeignKey("feedback.id", ondelete="CASCADE"), index=True
    )
    trace_id: Mapped[str] = mapped_column(ForeignKey("traces.id", ondelete="CASCADE"), index=True)
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    documents: Mapped[list[Any]]
    """everything that the model was given with the question, by id"""


class GateReportRow(Base):
    """What the gate said of a candidate, against one release."""

    __tablename__ = "gate_reports"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    candidate_id: Mapped[str] = mapped_column(
        ForeignKey("candidates.id", ondelete="CASCADE"), index=True
    )
    against: Mapped[int]
    """number of the release that was live"""
    report: Mapped[dict[str, Any]]
    asked: Mapped[list[Any]]
    """every question by its id, with its figures"""
    by: Mapped[str]
    at: Mapped[datetime]


class CandidateTrialRow(Base):
    """A candidate that answers a share of the people; one at a time in a domain."""

    __tablename__ = "candidate_trials"
    __table_args__ = (
        Index(
            "ix_candidate_trials_running",
            "domain",
            unique=True,
            sqlite_where=text("ended IS NULL"),
            postgresql_where=text("ended IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    domain: Mapped[str] = mapped_column(String(64))
    candidate_id: Mapped[str] = mapped_column(
        ForeignKey("candidates.id", ondelete="CASCADE"), index=True
    )
    share: Mapped[float]
    against: Mapped[int]
    """number of the release that is live"""
    look: Mapped[int]
    began_by: Mapped[str]
    began_at: Mapped[datetime]
    better_at: Mapped[datetime | None]
    ended: Mapped[str | None] = mapped_column(String(16))
    """why; null while it runs"""
    ended_by: Mapped[str]
    ended_at: Mapped[datetime | None]


class ReleaseRow(Base):
    """What answers use together; the one with the highest number is live."""

    __tablename__ = "releases"
    __table_args__ = (UniqueConstraint("domain", "number"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    domain: Mapped[str] = mapped_column(String(64))
    number: Mapped[int]
    memory: Mapped[str | None] = mapped_column(String(36))
    adapter: Mapped[str | None] = mapped_column(String(36))
    encoder: Mapped[str | None] = mapped_column(String(36))
    chunking: Mapped[str | None] = mapped_column(String(36))
    reranker: Mapped[str | None] = mapped_column(String(36))
    configuration: Mapped[str | None] = mapped_column(String(36))
    prompt: Mapped[str | None] = mapped_column(String(36))
    llm: Mapped[str | None] = mapped_column(String(36))
    candidate: Mapped[str | None] = mapped_column(String(36))
    report: Mapped[str | None] = mapped_column(String(36))
    back_to: Mapped[int | None]
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    why: Mapped[str]
