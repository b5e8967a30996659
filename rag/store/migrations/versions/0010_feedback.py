"""Feedback, the requests that brought it, and what people agreed it is used for."""

import sqlalchemy as sa
from alembic import op

import rag.store.models

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    when = rag.store.models.UtcDateTime(timezone=True)
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("actor_pseudonym", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("supersedes", sa.String(length=36), nullable=True),
        sa.Column("trace_id", sa.String(length=36), nullable=False),
        sa.Column("other_trace_id", sa.String(length=36), nullable=True),
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("at", when, nullable=False),
        sa.Column("surface", sa.String(length=16), nullable=False),
        sa.Column("rater", sa.String(length=16), nullable=False),
        sa.Column("target", sa.JSON(), nullable=False),
        sa.Column("signal", sa.String(length=16), nullable=False),
        sa.Column("explicit", sa.Boolean(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("correction", sa.JSON(), nullable=True),
        sa.Column("consent", sa.JSON(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("actor_pseudonym", "subject", "revision"),
    )
    op.create_index("ix_feedback_trace_id", "feedback", ["trace_id"])
    op.create_index("ix_feedback_other_trace_id", "feedback", ["other_trace_id"])
    op.create_index("ix_feedback_domain_at", "feedback", ["domain", "at"])
    op.create_table(
        "feedback_requests",
        sa.Column("actor_pseudonym", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("feedback_id", sa.String(length=36), nullable=False),
        sa.Column("at", when, nullable=False),
        sa.ForeignKeyConstraint(["feedback_id"], ["feedback.id"]),
        sa.PrimaryKeyConstraint("actor_pseudonym", "key"),
    )
    op.create_index("ix_feedback_requests_actor_at", "feedback_requests", ["actor_pseudonym", "at"])
    op.create_index("ix_feedback_requests_feedback_id", "feedback_requests", ["feedback_id"])
    op.create_table(
        "consents",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("actor_pseudonym", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", when, nullable=False),
        sa.Column("purposes", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("actor_pseudonym", "revision"),
    )
