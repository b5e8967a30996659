"""A key knows how many tokens were used through it on the last day that it was used."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "api_keys", sa.Column("day", sa.String(length=10), nullable=False, server_default="")
    )
    op.add_column(
        "api_keys", sa.Column("tokens", sa.BigInteger(), nullable=False, server_default="0")
    )
