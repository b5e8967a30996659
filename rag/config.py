"""Settings: `rag.toml` in the data folder, overridden by `RAG_*` variables, secrets also by `*_FILE`.

Nothing is read when this module is imported; `load` reads once and returns frozen data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ServerSettings(Section):
    """Where the API listens."""

    host: str = Field("127.0.0.1", description="Address to bind; beyond loopback needs accounts.")
    port: int = Field(8000, ge=1, le=65535, description="TCP port.")
    max_body_bytes: int = Field(1_000_000, ge=1_000, description="Largest JSON body accepted.")
    max_concurrent: int = Field(32, ge=1, description="Answers being made at once; more get 503.")


class DatabaseSettings(Section):
    """The ledger and the traces."""

    url: str = Field("", description="SQLAlchemy URL; empty means SQLite in the data folder.")


class IndexSettings(Section):
    """The vector engine."""

    engine: Literal["qdrant_edge", "qdrant_server"] = Field(
        "qdrant_edge", description="Embedded engine, or a Qdrant server."
    )
    url: str = Field("", description="Qdrant server URL (qdrant_server only).")
    api_key: SecretStr = Field(SecretStr(""), description="Qdrant API key.")
    optimize_above: int = Field(
        20_000, ge=0, description="Points above which HNSW is built; below, search is exact."
    )


class EmbeddingSettings(Section):
    """The encoder. Changing the model asks for a new generation."""

    provider: Literal["sentence_transformers", "openai_compatible"] = Field(
        "sentence_transformers", description="Local model or an endpoint."
    )
    model: str = Field(
        "all-MiniLM-L6-v2", description="Model packaged with Ratchet, a local path, or a hub name."
    )
    revision: str = Field("", description="Hub revision to pin.")
    allow_download: bool = Field(False, description="Let a hub name be fetched from the hub.")
    base_url: str = Field("", description="Endpoint (openai_compatible only).")
    api_key: SecretStr = Field(SecretStr(""), description="Endpoint key.")
    dimension: int = Field(0, ge=0, description="Vector size (openai_compatible only).")
    max_tokens: int = Field(0, ge=0, description="Input limit; 0 means the model's own.")
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="auto is measured.")
    threads: int = Field(0, ge=0, description="CPU threads; 0 means all this process may use.")


class ChunkingSettings(Section):
    """How documents are cut, in tokens of the embedder in use."""

    size: int = Field(180, ge=16, description="Target tokens of a chunk, header included.")
    overlap: int = Field(0, ge=0, description="Tokens repeated from the chunk before.")


class ParsingSettings(Section):
    """Limits of one parser child; a document that breaks one is rejected(resource_limit)."""

    workers: int = Field(0, ge=0, description="Parser processes; 0 means one per two cores.")
    memory_mb: int = Field(1_500, ge=256, description="Address space a child may use.")
    cpu_seconds: int = Field(60, ge=1, description="CPU seconds per document.")
    wall_seconds: int = Field(90, ge=1, description="Wall-clock seconds per document.")
    max_bytes: int = Field(100_000_000, ge=1, description="Largest document read.")
    max_pages: int = Field(2_000, ge=1, description="Largest PDF.")
    max_text_chars: int = Field(20_000_000, ge=1_000, description="Largest text of one document.")


class SyncSettings(Section):
    """The ingestion loop."""

    max_attempts: int = Field(3, ge=1, description="Tries before a failing document is dead.")
    hold_share: float = Field(0.2, ge=0, le=1, description="Deletions above this share wait.")
    hold_count: int = Field(20, ge=0, description="... if there are also more than this many.")


class ModelSettings(Section):
    """A language model, declared."""

    provider: Literal["openai_like", "openai", "anthropic", "ollama", "google", "bedrock"] = Field(
        description="Which LlamaIndex class serves it."
    )
    model: str = Field(description="The provider's name of the model.")
    base_url: str = Field("", description="Endpoint; needed by openai_like.")
    api_key: SecretStr = Field(SecretStr(""), description="Key.")
    context_window: int = Field(8_192, ge=256, description="Tokens the model reads and writes.")
    max_output_tokens: int = Field(512, ge=16, description="Tokens the model may write.")
    temperature: float = Field(0.0, ge=0, le=2, description="Sampling temperature.")
    timeout_seconds: float = Field(60, gt=0, description="Deadline of one answer.")
    output_training_policy: Literal["allow", "deny", "unknown"] = Field(
        "unknown", description="Whether the licence lets its text train models."
    )


class AnswerSettings(Section):
    """Which model answers."""

    model: str = Field("extractive", description="extractive, or a name under [models].")


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level.")
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: console on a tty."
    )


class DomainSettings(Section):
    pack: Path = Field(description="Folder of the domain pack, relative to the data folder.")


class Settings(BaseSettings):
    """Everything a deployment can set; frozen after `load`."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="", env_ignore_empty=True
    )

    data: Path = Field(Path("data"), description="The data folder: everything Ratchet keeps.")
    domain: str = Field("pumps", description="The domain used when none is named.")
    domains: dict[str, DomainSettings] = Field(default_factory=dict, description="Packs by name.")
    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    index: IndexSettings = IndexSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    chunking: ChunkingSettings = ChunkingSettings()
    parsing: ParsingSettings = ParsingSettings()
    sync: SyncSettings = SyncSettings()
    models: dict[str, ModelSettings] = Field(default_factory=dict, description="Declared models.")
    answer: AnswerSettings = AnswerSettings()
    log: LogSettings = LogSettings()
