"""Flags of feedback; where each verdict stands with reviewers, so that the inbox finds it."""

import sqlalchemy as sa
from alembic import op

import rag.store.models

revision = "0028a"
down_revision = "0028"
branch_labels = None
depends_on = None

CORRECTED = "CAST(correction AS TEXT) <> 'null'"
LAST = """
UPDATE feedback SET review = (
    SELECT state FROM reviews WHERE reviews.feedback_id = feedback.id
    ORDER BY revision DESC LIMIT 1)
WHERE id IN (SELECT feedback_id FROM reviews)
"""


def upgrade() -> None:
    when = rag.store.models.UtcDateTime(timezone=True)
    op.create_table(
        "flags",
        sa.Column("feedback_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("at", when, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["feedback_id"], ["feedback.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("feedback_id", "kind"),
    )
    op.create_index("ix_flags_kind", "flags", ["domain", "kind", "at", "feedback_id"])
    op.add_column(
        "feedback",
        sa.Column("review", sa.String(length=16), nullable=False, server_default="raw"),
    )
    op.execute(LAST)
    op.create_index("ix_feedback_review", "feedback", ["domain", "review", "at"])
    op.create_index("ix_feedback_actor_at", "feedback", ["actor_pseudonym", "at"])
    op.create_index(
        "ix_feedback_corrected",
        "feedback",
        ["domain", "at"],
        sqlite_where=sa.text(CORRECTED),
        postgresql_where=sa.text(CORRECTED),
    )
