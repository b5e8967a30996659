"""Candidates of other kinds than memories: what each learned from, and a pointer in a release."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0029"
branch_labels = None
depends_on = None

KINDS = ("adapter", "reranker", "configuration", "prompt", "llm")
INDEXED = ("feedback_id", "trace_id")


def upgrade() -> None:
    for column in INDEXED:
        op.drop_index(f"ix_memory_votes_{column}", "memory_votes")
    op.rename_table("memory_votes", "candidate_votes")
    for column in INDEXED:
        op.create_index(f"ix_candidate_votes_{column}", "candidate_votes", [column])
    for kind in KINDS:
        op.add_column("releases", sa.Column(kind, sa.String(length=36), nullable=True))
