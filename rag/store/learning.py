"""SQLAlchemy models of what is learned from: clusters of questions, reviews, datasets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from rag.store.models import Base

_COUNTED = BigInteger().with_variant(Integer, "sqlite")


class QuestionRow(Base):
    """What was searched for, as a vector, and the cluster it fell into when it was asked."""

    __tablename__ = "questions"
    __table_args__ = (
        Index("ix_questions_domain", "domain", "embedder_rev", "n"),
        Index("ix_questions_digest", "domain", "digest"),
        Index("ix_questions_cluster", "cluster_id", "n"),
    )

    n: Mapped[int] = mapped_column(_COUNTED, primary_key=True, autoincrement=True)
    trace_id: Mapped[str] = mapped_column(ForeignKey("traces.id", ondelete="CASCADE"), unique=True)
    domain: Mapped[str] = mapped_column(String(64))
    cluster_id: Mapped[str] = mapped_column(String(36))
    embedder_rev: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the words, whatever their case"""
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    """which side of 256 fixed planes the vector is on"""
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    """16-bit floats"""


class QuestionVectorRow(Base):
    """A question as an encoder sees it that came after it was asked."""

    __tablename__ = "question_vectors"
    __table_args__ = (
        UniqueConstraint("trace_id", "embedder_rev"),
        Index("ix_question_vectors_domain", "domain", "embedder_rev", "n"),
        Index("ix_question_vectors_digest", "domain", "digest"),
    )

    n: Mapped[int] = mapped_column(_COUNTED, primary_key=True, autoincrement=True)
    trace_id: Mapped[str] = mapped_column(ForeignKey("traces.id", ondelete="CASCADE"))
    domain: Mapped[str] = mapped_column(String(64))
    cluster_id: Mapped[str] = mapped_column(String(36))
    """that into which it fell when it was asked"""
    embedder_rev: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    vector: Mapped[bytes] = mapped_column(LargeBinary)


class QuestionLinkRow(Base):
    """Two clusters that a later question joins, being close to both; the older one's id first."""

    __tablename__ = "question_links"

    older: Mapped[str] = mapped_column(String(36), primary_key=True)
    newer: Mapped[str] = mapped_column(String(36), primary_key=True)
    domain: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime]


class ReviewRow(Base):
    """What a reviewer made of one event of feedback; the last counts."""

    __tablename__ = "reviews"
    __table_args__ = (UniqueConstraint("feedback_id", "revision"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    feedback_id: Mapped[str] = mapped_column(ForeignKey("feedback.id", ondelete="CASCADE"))
    revision: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    """raw, accepted, quarantined or rejected"""
    note: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[str]


class FlagRow(Base):
    """What looks odd about an event of feedback: a hint, that changes nothing."""

    __tablename__ = "flags"
    __table_args__ = (Index("ix_flags_kind", "domain", "kind", "at", "feedback_id"),)

    feedback_id: Mapped[str] = mapped_column(
        ForeignKey("feedback.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    """burst, alike, again or against"""
    domain: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    """when the event was given"""
    count: Mapped[int]
    """at least so many make it so"""


class AssignmentRow(Base):
    """Who is to review what was said of an answer."""

    __tablename__ = "assignments"

    trace_id: Mapped[str] = mapped_column(
        ForeignKey("traces.id", ondelete="CASCADE"), primary_key=True
    )
    reviewer: Mapped[str] = mapped_column(String(200), index=True)
    by: Mapped[str]
    at: Mapped[datetime]


class DatasetRow(Base):
    """One version of a dataset; its rows are files in the data folder."""

    __tablename__ = "datasets"
    __table_args__ = (UniqueConstraint("domain", "name", "number"),)

    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    """hash of what is in it and of how it came about"""
    domain: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(64))
    number: Mapped[int]
    """counts the versions of a name from 1"""
    state: Mapped[str] = mapped_column(String(16))
    """kept; or withdrawn: something that it held was erased, and a later version has the rest"""
    spec: Mapped[dict[str, Any]]
    manifest: Mapped[dict[str, Any]]
    created_by: Mapped[str]
    created_at: Mapped[datetime]


class VerificationRow(Base):
    """What became of a version, or of an export of it, in a consumer's hands; all are kept."""

    __tablename__ = "dataset_verifications"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    """that of the run which did it"""
    version: Mapped[str] = mapped_column(String(64), index=True)
    consumer: Mapped[str] = mapped_column(String(32))
    format: Mapped[str] = mapped_column(String(64))
    """empty: as it was built"""
    report: Mapped[dict[str, Any]]
    by: Mapped[str]
    at: Mapped[datetime]


class SplitRow(Base):
    """The split in which a cluster of questions was in the first dataset that had it: for ever."""

    __tablename__ = "dataset_splits"

    domain: Mapped[str] = mapped_column(String(64), primary_key=True)
    cluster_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    split: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
