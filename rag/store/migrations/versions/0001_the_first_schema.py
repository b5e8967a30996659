"""The first schema."""

import sqlalchemy as sa
from alembic import op

import rag.store.models

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "generations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.JSON(), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", rag.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("activated_at", rag.store.models.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_generations_domain"), "generations", ["domain"], unique=False)
    op.create_table(
        "orphans",
        sa.Column("generation_id", sa.String(length=36), nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("generation_id", "document_id", "version"),
    )
    op.create_table(
        "sources",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("connector", sa.String(length=64), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("created_at", rag.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("last_sync_at", rag.store.models.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("domain", "name"),
    )
    op.create_table(
        "traces",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("thread_id", sa.String(length=36), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("ts", rag.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("principal_id", sa.String(length=200), nullable=False),
        sa.Column("actor_pseudonym", sa.String(length=64), nullable=False),
        sa.Column("acl_hash", sa.String(length=64), nullable=False),
        sa.Column("query_raw", sa.Text(), nullable=False),
        sa.Column("query_standalone", sa.Text(), nullable=False),
        sa.Column("lang", sa.String(length=16), nullable=False),
        sa.Column("rendered_messages", sa.JSON(), nullable=False),
        sa.Column("prompt_template_id", sa.String(length=200), nullable=False),
        sa.Column("prompt_sha", sa.String(length=64), nullable=False),
        sa.Column("hits", sa.JSON(), nullable=False),
        sa.Column("index_snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("embedder_rev", sa.Text(), nullable=False),
        sa.Column("chunker_rev", sa.Text(), nullable=False),
        sa.Column("adapter_id", sa.String(length=64), nullable=True),
        sa.Column("reranker_id", sa.Text(), nullable=True),
        sa.Column("retrieval_cfg_sha", sa.String(length=64), nullable=False),
        sa.Column("explore_policy", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("lora_id", sa.String(length=64), nullable=True),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answer_sha", sa.String(length=64), nullable=False),
        sa.Column("abstained", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("citations", sa.JSON(), nullable=False),
        sa.Column("finish_reason", sa.String(length=32), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("latency_ms", sa.Float(), nullable=False),
        sa.Column("timings", sa.JSON(), nullable=False),
        sa.Column("sibling_ids", sa.JSON(), nullable=False),
        sa.Column("output_training_policy", sa.String(length=16), nullable=False),
        sa.Column("terms_ref", sa.Text(), nullable=False),
        sa.Column("consent", sa.JSON(), nullable=False),
        sa.Column("retention_until", rag.store.models.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_traces_actor_pseudonym"), "traces", ["actor_pseudonym"], unique=False)
    op.create_index("ix_traces_domain_ts", "traces", ["domain", "ts"], unique=False)
    op.create_index(op.f("ix_traces_principal_id"), "traces", ["principal_id"], unique=False)
    op.create_index(op.f("ix_traces_thread_id"), "traces", ["thread_id"], unique=False)
    op.create_table(
        "documents",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("source_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("readers", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", rag.store.models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("updated_at", rag.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", rag.store.models.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["sources.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source_id", "key"),
    )
    op.create_index("ix_documents_domain_state", "documents", ["domain", "state"], unique=False)
    op.create_table(
        "placements",
        sa.Column("generation_id", sa.String(length=36), nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("committed_at", rag.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["documents.id"],
        ),
        sa.ForeignKeyConstraint(
            ["generation_id"],
            ["generations.id"],
        ),
        sa.PrimaryKeyConstraint("generation_id", "document_id"),
    )
    op.create_index(op.f("ix_placements_document_id"), "placements", ["document_id"], unique=False)
    op.create_table(
        "versions",
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("text_hash", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("modified_at", rag.store.models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("created_at", rag.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["documents.id"],
        ),
        sa.PrimaryKeyConstraint("document_id", "version"),
    )


def downgrade() -> None:

    op.drop_table("versions")
    op.drop_index(op.f("ix_placements_document_id"), table_name="placements")
    op.drop_table("placements")
    op.drop_index("ix_documents_domain_state", table_name="documents")
    op.drop_table("documents")
    op.drop_index(op.f("ix_traces_thread_id"), table_name="traces")
    op.drop_index(op.f("ix_traces_principal_id"), table_name="traces")
    op.drop_index("ix_traces_domain_ts", table_name="traces")
    op.drop_index(op.f("ix_traces_actor_pseudonym"), table_name="traces")
    op.drop_table("traces")
    op.drop_table("sources")
    op.drop_table("orphans")
    op.drop_index(op.f("ix_generations_domain"), table_name="generations")
    op.drop_table("generations")
