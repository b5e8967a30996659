"""Generators over the LLM classes of LlamaIndex: one contract, any vendor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from rag.backends.approximate import approximate_tokens
from rag.backends.model_endings import Ending, translated
from rag.backends.model_lines import Line, watched
from rag.config import CHECKED_PROVIDERS, ModelSettings
from rag.egress import client
from rag.errors import ConfigError, ModelGarbled, ModelTimeout, RagError, did_you_mean
from rag.protocols import Generator
from rag.types import Finish, Hit, Message

if TYPE_CHECKING:
    import httpx
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse

_RETRIES = 0
"""The route tries again, knowing what else it could try."""
_MOST_CHARACTERS = 32
"""Of a token, on average over an answer: far above any tokenizer, below what fills memory."""
_LEAST_BYTES, _MOST_BYTES = 1_000_000, 2_000
"""Of a whole stream, and more for each token."""
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


def build_generator(name: str, settings: ModelSettings, *, local_only: bool = False) -> Generator:
    """A Generator for one declared model; contacts nothing until it is asked to stream.

    Raises ConfigError if the provider's package is missing or its address is not set, or if it is
    to be `local_only` and its connections cannot be checked.
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
    if local_only and settings.provider not in CHECKED_PROVIDERS:
        raise ConfigError(
            f"The model '{name}' is not asked: gateway.local_only is on, and where {provider.name} "
            "connects to cannot be checked.",
            hint="Use provider openai_like, which Ollama and most servers speak too.",
        )
    return LlamaIndexGenerator(name, settings, local_only=local_only)


class LlamaIndexGenerator:
    """Streams a chat from one LLM class of LlamaIndex within a deadline.

    The class is imported and built with the first question, off the event loop: some look their
    model up over the network while they are built. Vendors' errors come out as ModelError.
    """

    def __init__(self, name: str, settings: ModelSettings, *, local_only: bool = False) -> None:
        self.name = name
        self._local_only = local_only
        self.context_window = settings.context_window
        self.max_output_tokens = settings.max_output_tokens
        self._settings = settings
        self._llm: Any = None
        self._http: httpx.AsyncClient | None = None
        self._building = asyncio.Lock()

    def count_tokens(self, text: str) -> int:
        """Approximate: an endpoint does not ship its tokenizer."""
        return approximate_tokens(text)

    async def stream(
        self,
        messages: Sequence[Message],
        hits: Sequence[Hit],
        on_finish: Callable[[Finish], None] = lambda _: None,
    ) -> AsyncIterator[str]:
        seconds = self._settings.timeout_seconds
        deadline = asyncio.get_running_loop().time() + seconds
        answers: AsyncIterator[ChatResponse] | None = None
        ending = Ending(self._settings.provider in CHECKED_PROVIDERS)
        room = self.max_output_tokens * _MOST_CHARACTERS
        line = Line(self.name, _LEAST_BYTES + self.max_output_tokens * _MOST_BYTES)
        try:
            async with asyncio.timeout_at(deadline):
                llm = await self._built()
                answers = aiter(await llm.astream_chat(_chat(messages)))
            while True:
                # Only waiting counts against the deadline, never the reader's own time.
                async with asyncio.timeout_at(deadline):
                    with line.opening():
                        answer = await anext(answers)
                ending.see(answer.raw)
                if answer.delta:
                    room -= len(answer.delta)
                    if room < 0:
                        raise ModelGarbled(
                            f"The model '{self.name}' writes on past {self.max_output_tokens} "
                            "tokens, the most it may.",
                            hint="Its endpoint does not keep to max_tokens.",
                        )
                    ending.wrote = True
                    yield answer.delta
        except StopAsyncIteration:
            on_finish(ending.finish(self.name))
        except TimeoutError as error:
            raise ModelTimeout(
                f"The model '{self.name}' did not finish within {seconds:g} seconds.",
                hint=f"Raise models.{self.name}.timeout_seconds or ask a faster model.",
            ) from error
        except RagError:
            raise
        except Exception as error:
            raise translated(self.name, self._settings, error) from error
        finally:
            close = getattr(answers, "aclose", None)
            if close:
                await close()
            await line.aclose()

    async def aclose(self) -> None:
        if self._http:
            await self._http.aclose()
        self._llm = self._http = None

    async def _built(self) -> Any:
        async with self._building:
            if self._llm is None:
                if self._settings.provider in CHECKED_PROVIDERS:
                    address = self._settings.base_url or _OPENAI
                    self._http = watched(
                        client(
                            [address],
                            self._settings.timeout_seconds,
                            self._settings.networks,
                            f"models.{self.name}.networks",
                            local_only=self._local_only,
                        )
                    )
                self._llm = await asyncio.to_thread(_build, self._settings, self._http)
        return self._llm


def _build(settings: ModelSettings, http: httpx.AsyncClient | None) -> Any:
    provider = _PROVIDERS[settings.provider]
    if settings.provider in CHECKED_PROVIDERS:
        # It would be imported on the event loop with the first request, and take a while.
        import_module("openai.resources.chat.completions")
    llm: Any = getattr(import_module(provider.module), provider.name)
    return llm(**_arguments(settings, http))


def _arguments(settings: ModelSettings, http: httpx.AsyncClient | None) -> dict[str, Any]:
    """What each class calls the same few things."""
    key = settings.api_key.get_secret_value() or None
    base_url = settings.base_url or None
    common = {"model": settings.model, "temperature": settings.temperature}
    counted = {"stream_options": {"include_usage": True}} if settings.reports_usage else {}
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
            "additional_kwargs": counted,
            "async_http_client": http,
        },
        "openai": {
            **output,
            "api_key": key,
            "api_base": base_url or _OPENAI,
            "timeout": settings.timeout_seconds,
            "additional_kwargs": counted,
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


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
