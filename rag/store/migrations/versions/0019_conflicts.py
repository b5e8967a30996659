"""An answer's trace keeps which documents said otherwise."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("traces", sa.Column("conflicts", sa.JSON(), nullable=False, server_default="[]"))
