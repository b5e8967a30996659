"""When the last backup was made and read back, and when house was kept last."""

import sqlalchemy as sa
from alembic import op

import rag.store.models

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "upkeep",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("at", rag.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("kind"),
    )
