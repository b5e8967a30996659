"""A Generator for each model that is declared: which client speaks to which provider."""

from __future__ import annotations

from importlib.util import find_spec

from rag.backends.llamaindex import CLASSES, LlamaIndexGenerator
from rag.backends.openai_chat import OpenAIChat
from rag.config import CHECKED_PROVIDERS, PROVIDERS, ModelSettings
from rag.errors import ConfigError, did_you_mean
from rag.protocols import Generator


def build_generator(
    name: str, settings: ModelSettings, *, local_only: bool = False, meant: bool = True
) -> Generator:
    """A Generator for one declared model; contacts nothing until it is asked to stream.

    `meant` as for `rag.egress.client`: whoever wrote the address runs this machine.

    Raises ConfigError if the provider's package is missing or its address is not set, or if it is
    to be `local_only` and its connections cannot be checked.
    """
    if settings.provider not in PROVIDERS:
        raise ConfigError(
            f"The model '{name}' has the unknown provider '{settings.provider}'.",
            hint=did_you_mean(settings.provider, list(PROVIDERS)),
        )
    if settings.provider == "openai_like":
        if not settings.base_url:
            raise ConfigError(
                f"The model '{name}' has no base_url.",
                hint=f"Set models.{name}.base_url, for example http://127.0.0.1:8080/v1",
            )
        return OpenAIChat(name, settings, local_only=local_only, meant=meant)
    module, kind = CLASSES[settings.provider]
    if not _installed(module):
        raise ConfigError(
            f"The model '{name}' needs {module}, which is not installed.",
            hint=f"Run: pip install 'ratchet-rag[{settings.provider}]'",
        )
    if local_only and settings.provider not in CHECKED_PROVIDERS:
        raise ConfigError(
            f"The model '{name}' is not asked: gateway.local_only is on, and where {kind} "
            "connects to cannot be checked.",
            hint="Use provider openai_like, which Ollama and most servers speak too.",
        )
    return LlamaIndexGenerator(name, settings, local_only=local_only, meant=meant)


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
