"""Runs are kept, sources have schedules, and no version of a document is reserved twice."""

import sqlalchemy as sa
from alembic import op

import rag.store.models

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ACTIVE = sa.text("state IN ('queued', 'running')")


def upgrade() -> None:
    when = rag.store.models.UtcDateTime(timezone=True)
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("slot", sa.String(length=80), nullable=False),
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("source_id", sa.String(length=36), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cancelling", sa.Boolean(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", when, nullable=False),
        sa.Column("started_at", when, nullable=True),
        sa.Column("ended_at", when, nullable=True),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("heartbeat_at", when, nullable=True),
        sa.Column("beats", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_runs_slot",
        "runs",
        ["slot"],
        unique=True,
        sqlite_where=ACTIVE,
        postgresql_where=ACTIVE,
    )
    op.create_index("ix_runs_domain_requested", "runs", ["domain", "requested_at"])
    op.create_index("ix_runs_state", "runs", ["state"])
    op.create_index("ix_runs_source_id", "runs", ["source_id"])
    op.add_column("sources", sa.Column("schedule", sa.JSON(), nullable=True))
    op.add_column("sources", sa.Column("due_at", when, nullable=True))
    op.add_column(
        "documents", sa.Column("reserved", sa.Integer(), nullable=False, server_default="0")
    )
    op.execute(
        "UPDATE documents SET reserved = COALESCE((SELECT MAX(t.version) FROM "
        "(SELECT document_id, version FROM versions UNION ALL "
        "SELECT document_id, version FROM orphans) t WHERE t.document_id = documents.id), 0)"
    )
