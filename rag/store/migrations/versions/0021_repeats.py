"""A request that is sent again under its idempotency key is done once."""

import sqlalchemy as sa
from alembic import op

import rag.store.models

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "repeats",
        sa.Column("principal_id", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("made", sa.String(length=200), nullable=True),
        sa.Column("at", rag.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("principal_id", "key"),
    )
    op.create_index("ix_repeats_at", "repeats", ["at"])
