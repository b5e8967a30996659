"""Sources can be paused and removed, keep secrets and a cursor; deletions can be held."""

import sqlalchemy as sa
from alembic import op

import rag.store.models

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    when = rag.store.models.UtcDateTime(timezone=True)
    op.add_column("sources", sa.Column("secrets", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "sources", sa.Column("secret_names", sa.JSON(), nullable=False, server_default="[]")
    )
    op.add_column(
        "sources", sa.Column("paused", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("sources", sa.Column("listed_at", when, nullable=True))
    op.add_column("sources", sa.Column("removed_at", when, nullable=True))
    op.add_column("documents", sa.Column("held_at", when, nullable=True))
