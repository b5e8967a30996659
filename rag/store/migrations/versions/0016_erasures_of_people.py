"""People are erased, and documents with all that was made of them."""

import sqlalchemy as sa
from alembic import op

import rag.store.models

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_erasures_target", "erasures", ["target"])
    when = rag.store.models.UtcDateTime(timezone=True)
    op.add_column("documents", sa.Column("erased_at", when, nullable=True))
