"""A trace knows what its answer was made of, so that it can be given again."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("traces", sa.Column("cache_key", sa.String(length=64), nullable=True))
    op.create_index("ix_traces_cache_key", "traces", ["cache_key"])
