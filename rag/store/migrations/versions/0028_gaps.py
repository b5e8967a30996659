"""What was not answered, and what people say was missing, are found without reading all."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0026"
branch_labels = None
depends_on = None

MISSING = (
    "(CAST(reasons AS TEXT) LIKE '%\"missed_document\"%'"
    " OR CAST(target AS TEXT) LIKE '%\"missing_document\"%')"
)


def upgrade() -> None:
    op.create_index(
        "ix_traces_abstained",
        "traces",
        ["domain", "ts", "id", "actor_pseudonym", "principal_id", "lang", "abstained"],
        sqlite_where=sa.text("abstained = 1"),
        postgresql_where=sa.text("abstained"),
    )
    for name, columns in (
        ("ix_feedback_missing", ["domain", "at", "trace_id"]),
        ("ix_feedback_missing_of", ["trace_id"]),
    ):
        op.create_index(
            name,
            "feedback",
            columns,
            sqlite_where=sa.text(MISSING),
            postgresql_where=sa.text(MISSING),
        )
    op.drop_index("ix_questions_cluster_id", "questions")
    op.create_index("ix_questions_cluster", "questions", ["cluster_id", "n"])
