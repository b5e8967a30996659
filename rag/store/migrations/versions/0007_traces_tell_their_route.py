"""A trace says which models were asked, and why those that did not answer did not."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("traces", sa.Column("route", sa.JSON(), nullable=False, server_default="{}"))
