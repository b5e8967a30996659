"""Every setting with its type, default, bounds and one-line description: the only list there is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from rag.config.models import BudgetSettings, GatewaySettings, ModelSettings, RouteSettings
from rag.config.redaction import RedactionSettings
from rag.config.section import NETWORKS, Section
from rag.config.server import ServerSettings
from rag.config.webhooks import WebhookSettings

EXTRACTIVE = "extractive"
"""The answering model that needs no language model."""

BACKGROUND_NICENESS = 5
"""How far every thread and process of a sync steps back for questions."""


class AccountSettings(Section):
    """People who sign in. Without, whoever reaches the loopback address is the single user."""

    required: bool = Field(default=False, description="Everybody signs in, with an account.")
    idle_hours: float = Field(
        default=12, gt=0, le=8_760, description="A session unused for longer ends."
    )
    absolute_hours: float = Field(
        default=168, gt=0, le=8_760, description="Every session ends after this."
    )
    link_hours: float = Field(
        default=72, gt=0, le=8_760, description="How long the link of an invitation is good for."
    )
    erase_self: bool = Field(
        default=False, description="People may erase what is kept of them, with their account."
    )
    min_password: int = Field(default=12, ge=8, le=200, description="Characters of a password.")


class OidcSettings(Section):
    """Sign-in at an identity provider by OpenID Connect, beside passwords."""

    issuer: str = Field(default="", description="The provider's URL; empty: none.")
    client_id: str = Field(default="", description="What this server is called there.")
    client_secret: SecretStr = Field(default=SecretStr(""), description="Its secret there.")
    label: str = Field(default="Single sign-on", description="What the button says.")
    scopes: str = Field(default="openid email profile", description="What is asked for.")
    name_claim: str = Field(
        default="email", description="The claim that names the person; an email must be verified."
    )
    groups_claim: str = Field(default="groups", description="The claim that lists their groups.")
    admin_groups: tuple[str, ...] = Field(
        default=(), description="Whoever is in one of these is an admin."
    )
    data_groups: tuple[str, ...] = Field(
        default=(), description="Whoever is in one of these has the data role."
    )
    networks: tuple[str, ...] = Field(default=(), description=NETWORKS)

    @model_validator(mode="after")
    def _client_is_named(self) -> Self:
        if self.issuer and not self.client_id:
            raise ValueError("issuer needs client_id; set oidc.client_id")
        return self


class LimitSettings(Section):
    """How much one person or key may ask, where accounts are required; 0 means no limit."""

    requests_per_minute: int = Field(default=300, ge=0, description="Requests of any kind.")
    answers_at_once: int = Field(default=4, ge=0, description="Answers and searches being made.")
    tokens_per_day: int = Field(
        default=0, ge=0, description="Tokens that models read and write for a person (UTC day)."
    )
    tokens_per_day_of: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict, description="... for these people instead, by name."
    )
    key_tokens_per_day: int = Field(
        default=0, ge=0, description="... through one key, of what its owner may use."
    )


class DatabaseSettings(Section):
    """The ledger and the traces."""

    url: str = Field(
        default="",
        description="SQLAlchemy URL; empty means SQLite in the data folder.",
        json_schema_extra={"secret": True},
    )


class IndexSettings(Section):
    """The vector engine."""

    engine: Literal["qdrant_edge", "qdrant_server"] = Field(
        default="qdrant_edge", description="Embedded engine, or a Qdrant server."
    )
    url: str = Field(default="", description="Qdrant server URL (qdrant_server only).")
    api_key: SecretStr = Field(default=SecretStr(""), description="Qdrant API key.")
    optimize_above: int = Field(
        default=20_000,
        ge=0,
        description="Points above which HNSW is built; below, search is exact.",
    )

    @model_validator(mode="after")
    def _server_has_url(self) -> Self:
        if self.engine == "qdrant_server" and not self.url:
            raise ValueError("engine 'qdrant_server' needs url; set index.url")
        return self


class EmbeddingSettings(Section):
    """The encoder. Changing the model asks for a new generation."""

    provider: Literal["sentence_transformers", "openai_compatible"] = Field(
        default="sentence_transformers", description="Local model or an endpoint."
    )
    model: str = Field(
        default="all-MiniLM-L6-v2",
        description="Model packaged with Ratchet, a local path, or a hub name.",
    )
    revision: str = Field(default="", description="Hub revision to pin.")
    allow_download: bool = Field(
        default=False, description="Let a hub name be fetched from the hub."
    )
    base_url: str = Field(default="", description="Endpoint (openai_compatible only).")
    networks: tuple[str, ...] = Field(default=(), description=NETWORKS)
    api_key: SecretStr = Field(default=SecretStr(""), description="Endpoint key.")
    dimension: int = Field(default=0, ge=0, description="Vector size (openai_compatible only).")
    max_tokens: int = Field(default=0, ge=0, description="Input limit; 0 means the model's own.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="auto is measured."
    )
    threads: int = Field(
        default=0, ge=0, description="CPU threads; 0 means all this process may use."
    )

    @model_validator(mode="after")
    def _endpoint_is_described(self) -> Self:
        if self.provider == "openai_compatible" and not (self.base_url and self.dimension):
            raise ValueError("provider 'openai_compatible' needs base_url and dimension; set both")
        return self


class RerankingSettings(Section):
    """A second, slower look at the hits before the best are taken."""

    model: str = Field(
        default="",
        description="Folder of a sentence-transformers CrossEncoder; empty leaves the fused order.",
    )
    threads: int = Field(
        default=0, ge=0, description="CPU threads; 0 means all this process may use."
    )


class ChunkingSettings(Section):
    """How documents are cut, in tokens of the embedder in use."""

    size: int = Field(default=180, ge=16, description="Target tokens of a chunk, header included.")
    overlap: int = Field(default=0, ge=0, description="Tokens repeated from the chunk before.")

    @model_validator(mode="after")
    def _moves_forward(self) -> Self:
        if self.overlap >= self.size:
            raise ValueError(
                f"overlap ({self.overlap}) must be smaller than size ({self.size}); lower overlap"
            )
        return self


class ParsingSettings(Section):
    """Limits of one parser child; a document that breaks one is rejected(resource_limit)."""

    workers: int = Field(
        default=0, ge=0, description="Parser processes; 0 means one per two cores."
    )
    memory_mb: int = Field(default=1_500, ge=256, description="Address space a child may use.")
    cpu_seconds: int = Field(default=60, ge=1, description="CPU seconds per document.")
    wall_seconds: int = Field(default=90, ge=1, description="Wall-clock seconds per document.")
    max_bytes: int = Field(default=100_000_000, ge=1, description="Largest document read.")
    max_pages: int = Field(default=2_000, ge=1, description="Largest PDF.")
    max_text_chars: int = Field(
        default=20_000_000, ge=1_000, description="Largest text of one document."
    )
    ocr_languages: str = Field(
        default="eng",
        pattern=r"^([A-Za-z][A-Za-z0-9_]*(\+[A-Za-z][A-Za-z0-9_]*)*)?$",
        description="Tesseract's names of the languages in scans, e.g. eng+deu; empty: no OCR.",
    )


class SyncSettings(Section):
    """The ingestion loop."""

    max_attempts: int = Field(
        default=3, ge=1, description="Tries before a failing document is dead."
    )
    hold_share: float = Field(
        default=0.2, ge=0, le=1, description="Deletions above this share wait."
    )
    hold_count: int = Field(
        default=20, ge=0, description="... if there are also more than this many."
    )
    full_listing_hours: float = Field(
        default=24,
        ge=0,
        description="A source that can tell what changed is listed whole this often.",
    )


class JobSettings(Section):
    """Who does the runs, and how soon a dead worker is noticed."""

    inside: bool = Field(
        default=True, description="The server does runs itself; if not, `rag worker` must."
    )
    at_once: int = Field(default=4, ge=1, le=64, description="Runs that one worker does at once.")
    heartbeat_seconds: float = Field(
        default=2, gt=0, le=15, description="A worker tells this often that it lives."
    )
    lease_seconds: float = Field(
        default=30, gt=0, le=55, description="One that is silent for longer is taken over from."
    )

    @model_validator(mode="after")
    def _beats_within_lease(self) -> Self:
        if self.lease_seconds < 3 * self.heartbeat_seconds:
            raise ValueError(
                f"lease_seconds ({self.lease_seconds:g}) must be at least three times "
                f"heartbeat_seconds ({self.heartbeat_seconds:g}); raise lease_seconds"
            )
        return self


class AnswerSettings(Section):
    """Which model answers."""

    model: str = Field(
        default="extractive", description="extractive, or a name under [models] or [routes]."
    )
    rewrite_seconds: float = Field(
        default=5.0,
        ge=0,
        le=60,
        description="A model may take so long to make a follow-up stand alone; 0: by rule alone.",
    )
    judge: str = Field(
        default="",
        description="A name under [models] or [routes] that reads whether what is cited supports "
        "each claim; empty: by rule.",
    )
    judge_seconds: float = Field(
        default=10.0, gt=0, le=120, description="It may take so long; then the rule decides."
    )
    cache_seconds: int = Field(
        default=0,
        ge=0,
        le=31_536_000,
        description="So long what a model wrote is given again to the same question over the same "
        "passages; 0: never.",
    )


CONSENT_TEXT = (
    "What you say of answers may be used for the purposes you choose: retrieval (finding better "
    "passages), evaluation (measuring answers), training (teaching language models). "
    "You can change this at any time."
)


class FeedbackSettings(Section):
    """What people say of answers."""

    implicit: bool = Field(
        default=False,
        description="Keep what nobody says on purpose: copies, clicks, re-asking. Memories learn "
        "from which sources people open, if these agreed to it.",
    )
    per_minute: int = Field(
        default=120, ge=1, description="Verdicts of one person in a minute; more get 429."
    )
    consent_version: int = Field(
        default=1, ge=1, le=2**31 - 1, description="Raise it with every change of consent_text."
    )
    consent_text: str = Field(
        default=CONSENT_TEXT, description="What people agree to when they let feedback be used."
    )


class RetentionSettings(Section):
    """After how many days what is kept is deleted by itself, once a day; 0 keeps it."""

    traces: int = Field(
        default=0, ge=0, le=36_500, description="Answers with what made them, and verdicts on them."
    )
    comments: int = Field(
        default=0, ge=0, le=36_500, description="What people write beside verdicts; these stay."
    )
    conversations: int = Field(
        default=0, ge=0, le=36_500, description="Conversations in which nothing is asked any more."
    )
    documents: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description="What is kept of documents since they were deleted, and was made of them.",
    )
    audit: int = Field(default=0, ge=0, le=36_500, description="Entries of the audit log.")


SelfMade = Literal["memory", "adapter", "reranker", "configuration"]


class TuningSettings(Section):
    """What candidates are made with."""

    bases: dict[str, Path] = Field(
        default_factory=dict,
        description="Models that may be trained further, by name: each a folder of safetensors, or "
        "of a language model a file *.gguf, relative to the data folder.",
    )
    kinds: tuple[SelfMade, ...] = Field(
        default=(),
        description="Candidates that are made and measured by themselves: memory, adapter, "
        "reranker, configuration.",
    )
    days: int = Field(
        default=7,
        ge=0,
        le=365,
        description="How long questions are waited for between making one and measuring it.",
    )
    promote: tuple[SelfMade, ...] = Field(
        default=(),
        description="Those of them that answer by themselves once the gate let them through.",
    )

    @model_validator(mode="after")
    def _made(self) -> Self:
        if missing := sorted({*self.promote} - {*self.kinds}):
            raise ValueError(f"promote names {', '.join(missing)}, which kinds does not make")
        return self


class LogSettings(Section):
    """What is logged, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level."
    )
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: console on a tty."
    )


class DomainSettings(Section):
    """A domain pack, under the domain's name."""

    pack: Path = Field(description="Folder of the domain pack, relative to the data folder.")


class Settings(BaseSettings):
    """Everything a deployment can set, frozen. Building it reads nothing: `load` does."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    data: Path = Field(
        default=Path("data"), description="The data folder: everything Ratchet keeps."
    )
    domain: str = Field(default="pumps", description="The domain used when none is named.")
    domains: dict[str, DomainSettings] = Field(default_factory=dict, description="Packs by name.")
    server: ServerSettings = ServerSettings()
    accounts: AccountSettings = AccountSettings()
    oidc: OidcSettings = OidcSettings()
    limits: LimitSettings = LimitSettings()
    database: DatabaseSettings = DatabaseSettings()
    index: IndexSettings = IndexSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    reranking: RerankingSettings = RerankingSettings()
    chunking: ChunkingSettings = ChunkingSettings()
    parsing: ParsingSettings = ParsingSettings()
    sync: SyncSettings = SyncSettings()
    jobs: JobSettings = JobSettings()
    models: dict[str, ModelSettings] = Field(default_factory=dict, description="Declared models.")
    routes: dict[str, RouteSettings] = Field(default_factory=dict, description="Models in order.")
    budgets: dict[str, BudgetSettings] = Field(default_factory=dict, description="Ceilings.")
    gateway: GatewaySettings = GatewaySettings()
    answer: AnswerSettings = AnswerSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    redaction: RedactionSettings = RedactionSettings()
    retention: RetentionSettings = RetentionSettings()
    tuning: TuningSettings = TuningSettings()
    webhooks: dict[str, WebhookSettings] = Field(
        default_factory=dict, description="Whom to tell what happened."
    )
    log: LogSettings = LogSettings()

    _origins: dict[str, str] = PrivateAttr(default_factory=dict[str, str])

    @property
    def many_processes(self) -> bool:
        """Server mode: any number of processes work on one data folder, none owns it."""
        apart = self.database.url and not self.database.url.startswith("sqlite")
        return bool(apart) and self.index.engine == "qdrant_server"

    @property
    def database_url(self) -> str:
        """Where the database is: the one configured, or the file in the data folder."""
        return self.database.url or f"sqlite:///{(self.data / 'ratchet.db').resolve()}"

    @property
    def origins(self) -> dict[str, str]:
        """Where each value that is no default came from, by dotted key."""
        return dict(self._origins)

    def came_from(self, origins: dict[str, str]) -> Self:
        """The same settings, knowing where their values came from."""
        self._origins = origins
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed: `load` gives its own sources, which know their origin."""
        return (init_settings,)
