"""Chunkings: a pointer in a release, and how the documents of a generation are cut."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("releases", "generations"):
        op.add_column(table, sa.Column("chunking", sa.String(length=36), nullable=True))
