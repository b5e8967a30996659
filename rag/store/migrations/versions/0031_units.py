"""What several people judge has a name, by which their opinions are compared."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

ANSWERS = """
UPDATE feedback SET unit = trace_id WHERE subject = trace_id || ' answer'
"""


def upgrade() -> None:
    op.add_column("feedback", sa.Column("unit", sa.String(length=140), nullable=True))
    op.execute(ANSWERS)
    op.create_index("ix_feedback_unit", "feedback", ["unit", "at"])
