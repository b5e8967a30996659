"""People sign in: accounts, invitations, sessions, API keys, and what admins did."""

import sqlalchemy as sa
from alembic import op

import rag.store.models

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    when = rag.store.models.UtcDateTime(timezone=True)
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=True),
        sa.Column("subject", sa.String(length=255), nullable=True),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("created_at", when, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("signed_in_at", when, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("issuer", "subject"),
    )
    op.create_table(
        "invitations",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=100), nullable=True),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", when, nullable=False),
        sa.Column("expires_at", when, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_invitations_account_id", "invitations", ["account_id"])
    for name, columns in {
        "sessions": (
            sa.Column("agent", sa.Text(), nullable=False),
            sa.Column("created_at", when, nullable=False),
            sa.Column("seen_at", when, nullable=False),
        ),
        "api_keys": (
            sa.Column("name", sa.String(length=100), nullable=False),
            sa.Column("scopes", sa.JSON(), nullable=False),
            sa.Column("created_at", when, nullable=False),
            sa.Column("expires_at", when, nullable=False),
            sa.Column("used_at", when, nullable=True),
        ),
    }.items():
        op.create_table(
            name,
            sa.Column("id", sa.String(length=36), nullable=False),
            sa.Column("digest", sa.String(length=64), nullable=False),
            sa.Column("account_id", sa.String(length=100), nullable=False),
            *columns,
            sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
            sa.PrimaryKeyConstraint("id"),
            sa.UniqueConstraint("digest"),
        )
        op.create_index(f"ix_{name}_account_id", name, ["account_id"])
    op.create_table(
        "audit",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True,
            nullable=False,
        ),
        sa.Column("ts", when, nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("act", sa.String(length=64), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    op.create_index("ix_audit_ts", "audit", ["ts"])
