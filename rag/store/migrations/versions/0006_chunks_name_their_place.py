"""A hit is looked up by the part of a document's id that its chunks' ids begin with."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX ix_documents_shared ON documents (substr(id, 1, 23))")
