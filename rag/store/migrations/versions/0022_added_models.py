"""Models that admins add while the server runs, and keys of models."""

import sqlalchemy as sa
from alembic import op

import rag.store.models

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    when = rag.store.models.UtcDateTime(timezone=True)
    op.create_table(
        "added_models",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", when, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "model_keys",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", when, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    revisions = op.create_table(
        "model_revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(revisions, [{"id": 1, "revision": 0}])
