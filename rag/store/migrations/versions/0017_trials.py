"""Trials of models: what is tried beside the default, how shadows answered, the way back."""

import sqlalchemy as sa
from alembic import op

import rag.store.models

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("model_choices", sa.Column("trial", sa.JSON(), nullable=True))
    op.add_column("model_choices", sa.Column("before", sa.String(length=36), nullable=True))
    when = rag.store.models.UtcDateTime(timezone=True)
    choices = sa.table(
        "model_choices",
        *(sa.column(name, sa.String) for name in ("id", "domain", "before")),
        sa.column("chosen_at", when),
    )
    made = sa.select(choices.c.id, choices.c.domain).order_by(choices.c.chosen_at)
    last: dict[str, str] = {}
    for one, domain in op.get_bind().execute(made).tuples().all():
        if domain in last:
            op.execute(choices.update().where(choices.c.id == one).values(before=last[domain]))
        last[domain] = one
    op.create_table(
        "shadows",
        sa.Column("trace_id", sa.String(length=36), nullable=False),
        sa.Column("trial", sa.String(length=36), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("abstained", sa.Boolean(), nullable=False),
        sa.Column("support", sa.Float(), nullable=True),
        sa.Column("citations", sa.Integer(), nullable=False),
        sa.Column("ms", sa.Float(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("fault", sa.String(length=32), nullable=False),
        sa.Column("at", when, nullable=False),
        sa.ForeignKeyConstraint(["trace_id"], ["traces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trace_id"),
    )
    op.create_index("ix_shadows_trial", "shadows", ["trial"])
