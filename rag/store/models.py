"""SQLAlchemy models. A change here needs a migration beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on every database; SQLite keeps none of the zone by itself."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's declared class attribute
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        str: Text,
    }


def table_of(row: type[Base]) -> Table:
    """The plain table, for statements that are run often: they cost a third of what rows do."""
    return cast("Table", row.__table__)


class SourceRow(Base):
    __tablename__ = "sources"
    __table_args__ = (UniqueConstraint("domain", "name"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    domain: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    connector: Mapped[str] = mapped_column(String(64))
    config: Mapped[dict[str, Any]]
    secrets: Mapped[str]
    """encrypted by rag.store.vault"""
    secret_names: Mapped[list[Any]]
    paused: Mapped[bool]
    cursor: Mapped[str | None]
    created_at: Mapped[datetime]
    last_sync_at: Mapped[datetime | None]
    listed_at: Mapped[datetime | None]
    """when a complete listing ended last"""
    removed_at: Mapped[datetime | None]
    schedule: Mapped[dict[str, Any] | None]
    due_at: Mapped[datetime | None]
    """when the schedule asks for the next run"""


class UploadRow(Base):
    """A document uploaded to a source; the bytes are the blob named by the digest."""

    __tablename__ = "uploads"

    source_id: Mapped[str] = mapped_column(ForeignKey("sources.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(200))
    readers: Mapped[list[Any]]
    """empty: whoever may read the source"""
    uploaded_by: Mapped[str]
    uploaded_at: Mapped[datetime]


class MemberRow(Base):
    """What was said last of one person and one group of a domain; it overrules the pack."""

    __tablename__ = "group_members"

    domain: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    member: Mapped[str] = mapped_column(String(200), primary_key=True)
    belongs: Mapped[bool]
    changed_by: Mapped[str]
    changed_at: Mapped[datetime]


class FreshnessRow(Base):
    """How many seconds changes of one kind at a source took to reach the answers."""

    __tablename__ = "freshness"

    source_id: Mapped[str] = mapped_column(ForeignKey("sources.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    """change, delete or revoke"""
    counts: Mapped[list[Any]]
    """how many fell under each bound of rag.store.freshness, and above the last"""
    total: Mapped[float]
    last: Mapped[float]


class GenerationRow(Base):
    """One build of a domain's index; exactly one per domain is live."""

    __tablename__ = "generations"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    domain: Mapped[str] = mapped_column(String(64), index=True)
    fingerprint: Mapped[dict[str, Any]]
    dimension: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    """building, live, retired (kept until the switch is confirmed), filling (to be kept beside the
    live one), beside"""
    encoder: Mapped[str | None] = mapped_column(String(36))
    """The candidate whose vectors it has; none where they are of the configured embedder."""
    chunking: Mapped[str | None] = mapped_column(String(36))
    """The candidate that its documents are cut by; none where they are cut as configured."""
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]


class DocumentRow(Base):
    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("source_id", "key"),
        Index("ix_documents_domain_state", "domain", "state"),
        Index("ix_documents_shared", text("substr(id, 1, 23)")),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    domain: Mapped[str] = mapped_column(String(64))
    source_id: Mapped[str] = mapped_column(ForeignKey("sources.id"))
    key: Mapped[str]
    uri: Mapped[str]
    title: Mapped[str]
    revision: Mapped[str]
    content_hash: Mapped[str] = mapped_column(String(64))
    readers: Mapped[list[Any]]
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str]
    message: Mapped[str]
    warnings: Mapped[list[Any]]
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    held_at: Mapped[datetime | None]
    """missing from a listing that was not believed"""
    deleted_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    """deleted, and what is kept of it and was made of it goes too"""
    reserved: Mapped[int]
    """The highest version ever reserved: none is given twice, though it may never become live."""


class VersionRow(Base):
    """A parsed state of a document. Its bytes and text stay readable while it is cited."""

    __tablename__ = "versions"

    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    text_hash: Mapped[str] = mapped_column(String(64))
    title: Mapped[str]
    uri: Mapped[str]
    name: Mapped[str]
    media_type: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(16))
    warnings: Mapped[list[Any]]
    modified_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class PlacementRow(Base):
    """Which version of a document a generation holds: this alone makes a chunk answerable."""

    __tablename__ = "placements"

    generation_id: Mapped[str] = mapped_column(ForeignKey("generations.id"), primary_key=True)
    document_id: Mapped[str] = mapped_column(
        ForeignKey("documents.id"), primary_key=True, index=True
    )
    version: Mapped[int]
    chunks: Mapped[int]
    committed_at: Mapped[datetime]


class OrphanRow(Base):
    """Points that may exist in an index without being live.

    Written before the points are, removed after they are gone or live: what a crash leaves
    behind is therefore always listed here, and the next sync sweeps it.
    """

    __tablename__ = "orphans"

    generation_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    document_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)


class RunRow(Base):
    """A durable job. While it is queued or running it alone holds its slot."""

    __tablename__ = "runs"
    __table_args__ = (
        Index(
            "ix_runs_slot",
            "slot",
            unique=True,
            sqlite_where=text("state IN ('queued', 'running')"),
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
        Index("ix_runs_domain_requested", "domain", "requested_at"),
        Index("ix_runs_state", "state"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    slot: Mapped[str] = mapped_column(String(80))
    """what only one run at a time may work on: a source, a domain's whole index, a dataset"""
    wanted: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    domain: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(200))
    source_id: Mapped[str | None] = mapped_column(ForeignKey("sources.id"), index=True)
    state: Mapped[str] = mapped_column(String(16))
    cancelling: Mapped[bool]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    worker: Mapped[str]
    heartbeat_at: Mapped[datetime | None]
    beats: Mapped[int]
    """counts heartbeats, so that nobody compares the clocks of two machines"""
    fence: Mapped[int]
    lost: Mapped[int]
    """workers that died of it, or with it"""
    progress: Mapped[dict[str, Any]]
    report: Mapped[dict[str, Any]]
    error: Mapped[dict[str, Any] | None]


class ErasureRow(Base):
    """What was deleted for good, so that a backup from before can be made to forget it too."""

    __tablename__ = "erasures"
    __table_args__ = (Index("ix_erasures_target", "target"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(16))
    """source, document, upload, conversation, person, model, model key, or contents: a document and
    what it said"""
    target: Mapped[str]
    """its id; of an upload the source's id, a slash and the name; of a person the pseudonym; of a
    model the name"""


class DeliveryRow(Base):
    """One event for one webhook, written with what happened."""

    __tablename__ = "deliveries"
    __table_args__ = (Index("ix_deliveries_state_due", "state", "due_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    webhook: Mapped[str] = mapped_column(String(64))
    body: Mapped[str]
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))
    """waiting, delivered or failed (given up)"""
    attempts: Mapped[int]
    due_at: Mapped[datetime]
    """not tried before"""
    told: Mapped[str]
    """why the last try failed"""


class TraceRow(Base):
    """Everything that made an answer; written once, whole."""

    __tablename__ = "traces"
    __table_args__ = (
        Index("ix_traces_domain_ts", "domain", "ts"),
        Index(
            "ix_traces_abstained",
            *("domain", "ts", "id", "actor_pseudonym", "principal_id", "lang", "abstained"),
            sqlite_where=text("abstained = 1"),
            postgresql_where=text("abstained"),
        ),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(64))
    domain: Mapped[str] = mapped_column(String(64))
    thread_id: Mapped[str] = mapped_column(String(36), index=True)
    turn: Mapped[int]
    ts: Mapped[datetime]
    principal_id: Mapped[str] = mapped_column(String(200), index=True)
    actor_pseudonym: Mapped[str] = mapped_column(String(64), index=True)
    acl_hash: Mapped[str] = mapped_column(String(64))
    query_raw: Mapped[str]
    query_standalone: Mapped[str]
    told: Mapped[list[Any] | None]
    """documents of which a model was told by earlier answers; None where that was not kept"""
    lang: Mapped[str] = mapped_column(String(16))
    rendered_messages: Mapped[list[Any]]
    prompt_template_id: Mapped[str] = mapped_column(String(200))
    prompt_sha: Mapped[str] = mapped_column(String(64))
    hits: Mapped[list[Any]]
    index_snapshot_id: Mapped[str] = mapped_column(String(36))
    embedder_rev: Mapped[str]
    chunker_rev: Mapped[str]
    adapter_id: Mapped[str | None] = mapped_column(String(64))
    memory_id: Mapped[str | None] = mapped_column(String(36))
    reranker_id: Mapped[str | None]
    retrieval_cfg_sha: Mapped[str] = mapped_column(String(64))
    explore_policy: Mapped[str] = mapped_column(String(64))
    provider: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(String(200))
    fingerprint: Mapped[str]
    lora_id: Mapped[str | None] = mapped_column(String(64))
    params: Mapped[dict[str, Any]]
    route: Mapped[dict[str, Any]]
    """who was asked in which order, who answered, who failed and why"""
    answer: Mapped[str]
    answer_sha: Mapped[str] = mapped_column(String(64))
    abstained: Mapped[bool]
    confidence: Mapped[float]
    citations: Mapped[list[Any]]
    claims: Mapped[list[Any]]
    conflicts: Mapped[list[Any]]
    support: Mapped[float | None]
    finish_reason: Mapped[str] = mapped_column(String(32))
    error: Mapped[str]
    prompt_tokens: Mapped[int]
    completion_tokens: Mapped[int]
    cost: Mapped[float]
    latency_ms: Mapped[float]
    timings: Mapped[dict[str, Any]]
    cache_key: Mapped[str | None] = mapped_column(String(64), index=True)
    """what the answer was made of, where it may be given again"""
    sibling_ids: Mapped[list[Any]]
    output_training_policy: Mapped[str] = mapped_column(String(16))
    terms_ref: Mapped[str]
    consent: Mapped[dict[str, Any]]
    retention_until: Mapped[datetime | None]


class ConversationRow(Base):
    """A person's questions on one domain, one after the other."""

    __tablename__ = "conversations"
    __table_args__ = (Index("ix_conversations_owner", "owner", "domain", "updated_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    owner: Mapped[str] = mapped_column(String(200))
    """the principal's id"""
    domain: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)
    share_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    """of the link's token"""
    shared_at: Mapped[datetime | None]


class TurnRow(Base):
    """A question asked in a conversation; what came of it, the trace of that id tells."""

    __tablename__ = "turns"

    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    )
    n: Mapped[int] = mapped_column(primary_key=True)
    trace_id: Mapped[str] = mapped_column(String(36), unique=True)
    question: Mapped[str]
    asked_at: Mapped[datetime]


class SpendingRow(Base):
    """What one person's answers by one model cost on one day (UTC), in one domain."""

    __tablename__ = "spending"

    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    domain: Mapped[str] = mapped_column(String(64), primary_key=True)
    principal_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    model: Mapped[str] = mapped_column(String(200), primary_key=True)
    answers: Mapped[int]
    unpriced: Mapped[int]
    """answers of a model whose price nobody knows"""
    prompt_tokens: Mapped[int] = mapped_column(BigInteger)
    completion_tokens: Mapped[int] = mapped_column(BigInteger)
    cost: Mapped[float]


_MISSING = (
    "(CAST(reasons AS TEXT) LIKE '%\"missed_document\"%'"
    " OR CAST(target AS TEXT) LIKE '%\"missing_document\"%')"
)
"""Of feedback. What people write has other quotes in JSON."""
_CORRECTED = "CAST(correction AS TEXT) <> 'null'"


class FeedbackRow(Base):
    """One event of one person on one target; never changed, only followed by another."""

    __tablename__ = "feedback"
    __table_args__ = (
        UniqueConstraint("actor_pseudonym", "subject", "revision"),
        Index("ix_feedback_domain_at", "domain", "at"),
        Index("ix_feedback_actor_at", "actor_pseudonym", "at"),
        Index("ix_feedback_review", "domain", "review", "at"),
        Index("ix_feedback_unit", "unit", "at"),
        Index(
            "ix_feedback_corrected",
            *("domain", "at"),
            sqlite_where=text(_CORRECTED),
            postgresql_where=text(_CORRECTED),
        ),
        Index(
            "ix_feedback_missing",
            *("domain", "at", "trace_id"),
            sqlite_where=text(_MISSING),
            postgresql_where=text(_MISSING),
        ),
        Index(
            "ix_feedback_missing_of",
            "trace_id",
            sqlite_where=text(_MISSING),
            postgresql_where=text(_MISSING),
        ),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    actor_pseudonym: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(200))
    """equal for the same target; of votes and of each implicit signal apart"""
    revision: Mapped[int]
    """counts the events of this person on this target from 1"""
    supersedes: Mapped[str | None] = mapped_column(String(36))
    trace_id: Mapped[str] = mapped_column(String(36), index=True)
    other_trace_id: Mapped[str | None] = mapped_column(String(36), index=True)
    """of a pair"""
    domain: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    surface: Mapped[str] = mapped_column(String(16))
    rater: Mapped[str] = mapped_column(String(16))
    target: Mapped[dict[str, Any]]
    signal: Mapped[str] = mapped_column(String(16))
    explicit: Mapped[bool]
    value: Mapped[float | None]
    reasons: Mapped[list[Any]]
    comment: Mapped[str]
    correction: Mapped[dict[str, Any] | None]
    consent: Mapped[dict[str, Any]]
    schema_version: Mapped[int]
    review: Mapped[str] = mapped_column(String(16), default="raw")
    """the state that the last of its reviews put it in"""
    unit: Mapped[str | None] = mapped_column(String(140))
    """what several people can judge and this one did: see rag.store.units"""


class FeedbackRequestRow(Base):
    """A request that was acknowledged, under its idempotency key, and the event that answers it."""

    __tablename__ = "feedback_requests"
    __table_args__ = (Index("ix_feedback_requests_actor_at", "actor_pseudonym", "at"),)

    actor_pseudonym: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    feedback_id: Mapped[str] = mapped_column(ForeignKey("feedback.id"), index=True)
    at: Mapped[datetime]


class RepeatRow(Base):
    """A request under its idempotency key, and what it made; None while it is being done."""

    __tablename__ = "repeats"

    principal_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    made: Mapped[str | None] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(index=True)


class ConsentRow(Base):
    """For what a person agreed that feedback is used, each time they said so; the last counts."""

    __tablename__ = "consents"
    __table_args__ = (UniqueConstraint("actor_pseudonym", "revision"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    actor_pseudonym: Mapped[str] = mapped_column(String(64))
    revision: Mapped[int]
    at: Mapped[datetime]
    purposes: Mapped[list[Any]]
    version: Mapped[int]
    """of the text that was agreed to"""


class ScoreCardRow(Base):
    """How well a model kept to what answers rely on, when it was tried with a domain's prompts."""

    __tablename__ = "score_cards"
    __table_args__ = (Index("ix_score_cards_model", "domain", "model", "taken_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    domain: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(String(200))
    fingerprint: Mapped[str]
    """of what was behind the name then"""
    suite: Mapped[str] = mapped_column(String(16))
    score: Mapped[float]
    checks: Mapped[dict[str, Any]]
    cases: Mapped[list[Any]]
    taken_by: Mapped[str]
    taken_at: Mapped[datetime]


class ModelChoiceRow(Base):
    """Who made which model or route a domain's default, and why below the floor; never changed."""

    __tablename__ = "model_choices"
    __table_args__ = (Index("ix_model_choices_domain", "domain", "chosen_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    domain: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(String(200))
    score: Mapped[float | None]
    floor: Mapped[float]
    override: Mapped[str]
    """the reason; empty where none was needed"""
    trial: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """the model that is tried beside it"""
    before: Mapped[str | None] = mapped_column(String(36))
    """the choice that a rollback leads to; None where that is the configuration, if anything"""
    chosen_by: Mapped[str]
    chosen_at: Mapped[datetime]


class AddedModelRow(Base):
    """A language model that an admin added while the server ran."""

    __tablename__ = "added_models"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    settings: Mapped[dict[str, Any]]
    """what was set, as the configuration would say it"""
    changed_by: Mapped[str]
    changed_at: Mapped[datetime]


class ModelKeyRow(Base):
    """The key of a model that was added, or that the configuration declares without one."""

    __tablename__ = "model_keys"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    sealed: Mapped[str]
    address: Mapped[str]
    """provider and base_url that it is for; it is sent nowhere else"""
    set_by: Mapped[str]
    set_at: Mapped[datetime]


class ModelRevisionRow(Base):
    """The one row that says how often either of the two was changed."""

    __tablename__ = "model_revision"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revision: Mapped[int] = mapped_column(BigInteger)


class ModelCheckRow(Base):
    """What came of asking a model for a word, the last time; another check replaces it."""

    __tablename__ = "model_checks"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    fingerprint: Mapped[str]
    """of what was asked: its settings, and which key"""
    at: Mapped[datetime]
    ok: Mapped[bool]
    first_token_ms: Mapped[float | None]
    code: Mapped[str] = mapped_column(String(100))
    detail: Mapped[str]
    hint: Mapped[str]


class ShadowRow(Base):
    """How a model on trial answered a question that another one had answered; none of its words."""

    __tablename__ = "shadows"

    trace_id: Mapped[str] = mapped_column(
        ForeignKey("traces.id", ondelete="CASCADE"), primary_key=True
    )
    trial: Mapped[str] = mapped_column(String(36), index=True)
    model: Mapped[str] = mapped_column(String(200))
    abstained: Mapped[bool]
    support: Mapped[float | None]
    citations: Mapped[int]
    ms: Mapped[float]
    """to write the answer and to check it"""
    prompt_tokens: Mapped[int]
    completion_tokens: Mapped[int]
    cost: Mapped[float]
    fault: Mapped[str] = mapped_column(String(32))
    """the code of the error, or empty"""
    at: Mapped[datetime]


class AccountRow(Base):
    """A person who can sign in."""

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    """the principal's id"""
    password: Mapped[str]
    """an argon2 hash; empty for who signs in elsewhere"""
    issuer: Mapped[str | None] = mapped_column(String(500))
    subject: Mapped[str | None] = mapped_column(String(255))
    roles: Mapped[list[Any]]
    groups: Mapped[list[Any]]
    """as the identity provider said at the last sign-in"""
    suspended: Mapped[bool]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    signed_in_at: Mapped[datetime | None]


class InvitationRow(Base):
    """A link that lets one person choose a password, once."""

    __tablename__ = "invitations"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str | None] = mapped_column(String(100), index=True)
    """None lets the person choose: the first admin"""
    roles: Mapped[list[Any]]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class SessionRow(Base):
    """A signed-in browser."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[str] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    agent: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class KeyRow(Base):
    """An API key; only its digest is kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[str] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[list[Any]]
    """the roles it may use, of those that its owner has"""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    day: Mapped[str] = mapped_column(String(10), default="")
    """the last day (UTC) on which a model answered through it"""
    tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    """of that day"""


class AuditRow(Base):
    """What somebody did to people, sources or models; only ever added to."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    ts: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(200))
    act: Mapped[str] = mapped_column(String(64))
    object: Mapped[str]
    details: Mapped[dict[str, Any]]


class UpkeepRow(Base):
    """When something that keeps the deployment well was done last."""

    __tablename__ = "upkeep"

    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime]
    details: Mapped[dict[str, Any]]


def missing_document() -> ColumnElement[bool]:
    """Of feedback: that a document was missing, as `ix_feedback_missing` has it."""
    return text(_MISSING)  # pyright: ignore[reportReturnType] - an expression of plain words


def corrected() -> ColumnElement[bool]:
    """Of feedback: that it says what should have been said, as `ix_feedback_corrected` has it."""
    return text(_CORRECTED)  # pyright: ignore[reportReturnType] - an expression of plain words
