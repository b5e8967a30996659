"""Score cards of models, and which model answers by default."""

import sqlalchemy as sa
from alembic import op

import rag.store.models

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    when = rag.store.models.UtcDateTime(timezone=True)
    op.create_table(
        "score_cards",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("suite", sa.String(length=16), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.Column("cases", sa.JSON(), nullable=False),
        sa.Column("taken_by", sa.Text(), nullable=False),
        sa.Column("taken_at", when, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_score_cards_model", "score_cards", ["domain", "model", "taken_at"])
    op.create_table(
        "model_choices",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("floor", sa.Float(), nullable=False),
        sa.Column("override", sa.Text(), nullable=False),
        sa.Column("chosen_by", sa.Text(), nullable=False),
        sa.Column("chosen_at", when, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_model_choices_domain", "model_choices", ["domain", "chosen_at"])
