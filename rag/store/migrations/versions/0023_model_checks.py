"""What came of asking each model for a word, the last time somebody did."""

import sqlalchemy as sa
from alembic import op

import rag.store.models

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    when = rag.store.models.UtcDateTime(timezone=True)
    op.create_table(
        "model_checks",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("at", when, nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("first_token_ms", sa.Float(), nullable=True),
        sa.Column("code", sa.String(length=100), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
