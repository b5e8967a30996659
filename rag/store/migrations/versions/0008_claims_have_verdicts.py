"""A trace keeps what its answer claims, each claim with its support verdict."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("traces", sa.Column("claims", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("traces", sa.Column("support", sa.Float(), nullable=True))
