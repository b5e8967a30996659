"""Generators over the LLM classes of LlamaIndex: one contract, any vendor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from rag.backends.approximate import approximate_tokens
from rag.config import ModelSettings
from rag.egress import client
from rag.errors import ConfigError, ModelError, RagError, did_you_mean
from rag.protocols import Generator
from rag.types import Hit, Message

if TYPE_CHECKING:
    import httpx
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse

_RETRIES = 1
_OPENAI = "https://api.openai.com/v1"


class _Provider(NamedTuple):
    module: str
    name: str
    extra: str


_PROVIDERS = {
    "openai_like": _Provider("llama_index.llms.openai_like", "OpenAILike", ""),
    "openai": _Provider("llama_index.llms.openai", "OpenAI", "openai"),
    "anthropic": _Provider("llama_index.llms.anthropic", "Anthropic", "anthropic"),
    "ollama": _Provider("llama_index.llms.ollama", "Ollama", "ollama"),
    "google": _Provider("llama_index.llms.google_genai", "GoogleGenAI", "google"),
    "bedrock": _Provider("llama_index.llms.bedrock_converse", "BedrockConverse", "bedrock"),
}


def build_generator(name: str, settings: ModelSettings) -> Generator:
    """A Generator for one declared model; contacts nothing until it is asked to stream.

    Raises ConfigError if the provider's package is missing or its address is not set.
    """
    provider = _PROVIDERS.get(settings.provider)
    if provider is None:
        raise ConfigError(
            f"The model '{name}' has the unknown provider '{settings.provider}'.",
            hint=did_you_mean(settings.provider, list(_PROVIDERS)),
        )
    if not _installed(provider.module):
        raise ConfigError(
            f"The model '{name}' needs {provider.module}, which is not installed.",
            hint=f"Run: pip install 'ratchet-rag[{provider.extra}]'",
        )
    if settings.provider == "openai_like" and not settings.base_url:
        raise ConfigError(
            f"The model '{name}' has no base_url.",
            hint=f"Set models.{name}.base_url, for example http://127.0.0.1:8080/v1",
        )
    return LlamaIndexGenerator(name, settings)


class LlamaIndexGenerator:
    """Streams a chat from one LLM class of LlamaIndex within a deadline.

    The class is imported and built with the first question, off the event loop: some look their
    model up over the network while they are built. Vendors' errors come out as ModelError.
    """

    def __init__(self, name: str, settings: ModelSettings) -> None:
        self.name = name
        self.context_window = settings.context_window
        self.max_output_tokens = settings.max_output_tokens
        self._settings = settings
        self._llm: Any = None
        self._http: httpx.AsyncClient | None = None
        self._building = asyncio.Lock()

    def count_tokens(self, text: str) -> int:
        """Approximate: an endpoint does not ship its tokenizer."""
        return approximate_tokens(text)

    async def stream(self, messages: Sequence[Message], hits: Sequence[Hit]) -> AsyncIterator[str]:
        seconds = self._settings.timeout_seconds
        deadline = asyncio.get_running_loop().time() + seconds
        answers: AsyncIterator[ChatResponse] | None = None
        wrote = False
        try:
            async with asyncio.timeout_at(deadline):
                llm = await self._built()
                answers = aiter(await llm.astream_chat(_chat(messages)))
            while True:
                # Only waiting counts against the deadline, never the reader's own time.
                async with asyncio.timeout_at(deadline):
                    answer = await anext(answers)
                if answer.delta:
                    wrote = True
                    yield answer.delta
        except StopAsyncIteration:
            if not wrote:
                raise ModelError(f"The model '{self.name}' wrote nothing.") from None
        except TimeoutError as error:
            raise ModelError(
                f"The model '{self.name}' did not finish within {seconds:g} seconds.",
                hint=f"Raise models.{self.name}.timeout_seconds or ask a faster model.",
            ) from error
        except RagError:
            raise
        except Exception as error:
            raise _translated(self.name, self._settings, error) from error
        finally:
            close = getattr(answers, "aclose", None)
            if close:
                await close()

    async def aclose(self) -> None:
        if self._http:
            await self._http.aclose()
        self._llm = self._http = None

    async def _built(self) -> Any:
        async with self._building:
            if self._llm is None:
                if self._settings.provider in ("openai_like", "openai"):
                    address = self._settings.base_url or _OPENAI
                    self._http = client(
                        [address],
                        self._settings.timeout_seconds,
                        self._settings.networks,
                        f"models.{self.name}.networks",
                    )
                self._llm = await asyncio.to_thread(_build, self._settings, self._http)
        return self._llm


def _build(settings: ModelSettings, http: httpx.AsyncClient | None) -> Any:
    provider = _PROVIDERS[settings.provider]
    llm: Any = getattr(import_module(provider.module), provider.name)
    return llm(**_arguments(settings, http))


def _arguments(settings: ModelSettings, http: httpx.AsyncClient | None) -> dict[str, Any]:
    """What each class calls the same few things."""
    key = settings.api_key.get_secret_value() or None
    base_url = settings.base_url or None
    common = {"model": settings.model, "temperature": settings.temperature}
    output = {"max_tokens": settings.max_output_tokens, "max_retries": _RETRIES}
    by_provider: Mapping[str, dict[str, Any]] = {
        "openai_like": {
            **output,
            # Without a key the class would look for one in the environment.
            "api_key": key or "none",
            "api_base": base_url,
            "timeout": settings.timeout_seconds,
            "context_window": settings.context_window,
            "is_chat_model": True,
            "is_function_calling_model": False,
            "async_http_client": http,
        },
        "openai": {
            **output,
            "api_key": key,
            "api_base": base_url or _OPENAI,
            "timeout": settings.timeout_seconds,
            "async_http_client": http,
        },
        "anthropic": {
            **output,
            "api_key": key,
            "base_url": base_url,
            "timeout": settings.timeout_seconds,
        },
        "ollama": {
            **({"base_url": base_url} if base_url else {}),
            "request_timeout": settings.timeout_seconds,
            "context_window": settings.context_window,
            "additional_kwargs": {"num_predict": settings.max_output_tokens},
        },
        "google": {**output, "api_key": key, "context_window": settings.context_window},
        "bedrock": {**output, "timeout": settings.timeout_seconds},
    }
    return common | by_provider[settings.provider]


def _chat(messages: Sequence[Message]) -> list[ChatMessage]:
    from llama_index.core.base.llms.types import ChatMessage, MessageRole

    return [ChatMessage(role=MessageRole(m.role), content=m.content) for m in messages]


def _translated(name: str, settings: ModelSettings, error: Exception) -> RagError:
    """Our error for a vendor's, with what to do about it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, RagError):
            return cause
        cause = cause.__cause__
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    hints: Mapping[Any, str] = {
        401: f"Check models.{name}.api_key.",
        403: f"Check models.{name}.api_key.",
        404: f"Check models.{name}.model ('{settings.model}') and models.{name}.base_url.",
        429: "The provider limits the rate; ask again later.",
        None: f"Check that {settings.base_url or settings.provider} can be reached.",
    }
    said = str(error).strip()[:300] or type(error).__name__
    hint = hints.get(status, "The provider answered with an error; ask again later.")
    return ModelError(f"The model '{name}' failed: {said}", hint=hint)


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
