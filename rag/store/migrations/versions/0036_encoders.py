"""Trained encoders: a pointer in a release, and whose vectors a generation has."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("releases", "generations"):
        op.add_column(table, sa.Column("encoder", sa.String(length=36), nullable=True))
