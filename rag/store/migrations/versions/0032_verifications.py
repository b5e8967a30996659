"""What runs of datasets are asked for, and what consumers said of exports."""

import sqlalchemy as sa
from alembic import op

import rag.store.models

revision = "0032"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    when = rag.store.models.UtcDateTime(timezone=True)
    op.add_column(
        "runs", sa.Column("wanted", sa.JSON(), server_default=sa.text("'{}'"), nullable=False)
    )
    op.create_table(
        "dataset_verifications",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("consumer", sa.String(length=32), nullable=False),
        sa.Column("format", sa.String(length=64), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", when, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_dataset_verifications_version", "dataset_verifications", ["version"])
