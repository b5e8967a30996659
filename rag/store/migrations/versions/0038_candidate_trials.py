"""Candidates that answer a share of the people."""

import sqlalchemy as sa
from alembic import op

import rag.store.models

revision = "0038"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    when = rag.store.models.UtcDateTime(timezone=True)
    op.create_table(
        "candidate_trials",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("candidate_id", sa.String(length=36), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("against", sa.Integer(), nullable=False),
        sa.Column("look", sa.Integer(), nullable=False),
        sa.Column("began_by", sa.Text(), nullable=False),
        sa.Column("began_at", when, nullable=False),
        sa.Column("better_at", when, nullable=True),
        sa.Column("ended", sa.String(length=16), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("ended_at", when, nullable=True),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_candidate_trials_candidate_id", "candidate_trials", ["candidate_id"])
    op.create_index(
        "ix_candidate_trials_running",
        "candidate_trials",
        ["domain"],
        unique=True,
        sqlite_where=sa.text("ended IS NULL"),
        postgresql_where=sa.text("ended IS NULL"),
    )
