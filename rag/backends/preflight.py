"""What is known to fail before anything is opened: told by `config check`, refused by `serve`."""

from __future__ import annotations

from rag.config import Settings, refuse_exposed
from rag.errors import ConfigError, NotFound, did_you_mean


def refuse_unusable(settings: Settings) -> None:
    """Raise ConfigError for an unknown domain, an exposed address or a model that is not here."""
    refuse_exposed(settings)
    _refuse_unknown_domain(settings)
    embedding = settings.embedding
    if embedding.provider == "sentence_transformers" and not embedding.allow_download:
        from rag.backends.local_model import locate

        locate(embedding.model, embedding.revision, False, settings.data / "cache")


def _refuse_unknown_domain(settings: Settings) -> None:
    if settings.domain in settings.domains:
        return
    from rag.domain import builtin_pack

    try:
        builtin_pack(settings.domain)
    except NotFound as error:
        raise ConfigError(
            f"domain: there is no domain '{settings.domain}'.",
            hint=did_you_mean(settings.domain, sorted(settings.domains))
            or "Declare it under [domains] in rag.toml.",
        ) from error
