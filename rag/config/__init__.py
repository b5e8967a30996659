"""Settings: `rag.toml` in the data folder, `RAG_*` variables over it, secrets also by `*_FILE`.

Nothing is read when this module is imported; `load` reads once and returns frozen data.
"""

from rag.config.load import CONFIG_NAME, load
from rag.config.logs import setup_logging
from rag.config.models import (
    ADDED_PROVIDERS,
    CHECKED_PROVIDERS,
    KEYED_PROVIDERS,
    PROVIDERS,
    AddedModelSettings,
    BudgetSettings,
    CandidateSettings,
    GatewaySettings,
    ModelSettings,
    RouteSettings,
)
from rag.config.review import (
    MASK,
    masked,
    refuse_exposed,
    secrets_in,
    show,
    unusable,
    unusable_model,
    warnings,
)
from rag.config.section import Section
from rag.config.server import ServerSettings
from rag.config.settings import (
    BACKGROUND_NICENESS,
    EXTRACTIVE,
    AccountSettings,
    AnswerSettings,
    ChunkingSettings,
    DatabaseSettings,
    DomainSettings,
    EmbeddingSettings,
    IndexSettings,
    JobSettings,
    LimitSettings,
    LogSettings,
    OidcSettings,
    ParsingSettings,
    RerankingSettings,
    RetentionSettings,
    Settings,
    SyncSettings,
)
from rag.config.webhooks import WebhookSettings

__all__ = [
    "ADDED_PROVIDERS",
    "BACKGROUND_NICENESS",
    "CHECKED_PROVIDERS",
    "CONFIG_NAME",
    "EXTRACTIVE",
    "KEYED_PROVIDERS",
    "MASK",
    "PROVIDERS",
    "AccountSettings",
    "AddedModelSettings",
    "AnswerSettings",
    "BudgetSettings",
    "CandidateSettings",
    "ChunkingSettings",
    "DatabaseSettings",
    "DomainSettings",
    "EmbeddingSettings",
    "GatewaySettings",
    "IndexSettings",
    "JobSettings",
    "LimitSettings",
    "LogSettings",
    "ModelSettings",
    "OidcSettings",
    "ParsingSettings",
    "RerankingSettings",
    "RetentionSettings",
    "RouteSettings",
    "Section",
    "ServerSettings",
    "Settings",
    "SyncSettings",
    "WebhookSettings",
    "load",
    "masked",
    "refuse_exposed",
    "secrets_in",
    "setup_logging",
    "show",
    "unusable",
    "unusable_model",
    "warnings",
]
