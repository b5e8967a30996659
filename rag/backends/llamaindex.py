"""Generators over the LLM classes of LlamaIndex: one contract, any vendor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rag.backends.approximate import approximate_tokens
from rag.backends.model_endings import Ending, networks_setting, translated
from rag.backends.model_lines import Bound, Line, Patience, watched
from rag.backends.under_way import UnderWay
from rag.config import CHECKED_PROVIDERS, ModelSettings
from rag.egress import client
from rag.errors import RagError
from rag.types import Finish, Hit, Message

if TYPE_CHECKING:
    import httpx
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse

_RETRIES = 0
"""The route tries again, knowing what else it could try."""
_OPENAI = "https://api.openai.com/v1"


CLASSES = {
    "openai": ("llama_index.llms.openai", "OpenAI"),
    "anthropic": ("llama_index.llms.anthropic", "Anthropic"),
    "ollama": ("llama_index.llms.ollama", "Ollama"),
    "google": ("llama_index.llms.google_genai", "GoogleGenAI"),
    "bedrock": ("llama_index.llms.bedrock_converse", "BedrockConverse"),
}
"""The module and the class for a provider, whose name is also the extra that installs it."""


class LlamaIndexGenerator:
    """Streams a chat from one LLM class of LlamaIndex within a deadline.

    The class is imported and built with the first question, off the event loop: some look their
    model up over the network while they are built. Vendors' errors come out as ModelError.
    """

    def __init__(
        self, name: str, settings: ModelSettings, *, local_only: bool = False, meant: bool = True
    ) -> None:
        self.name = name
        self._local_only = local_only
        self._meant = meant
        self.context_window = settings.context_window
        self.max_output_tokens = settings.max_output_tokens
        self._settings = settings
        self._llm: Any = None
        self._http: httpx.AsyncClient | None = None
        self._building = asyncio.Lock()
        self._under_way = UnderWay(self._close)

    def count_tokens(self, text: str) -> int:
        """Approximate: an endpoint does not ship its tokenizer."""
        return approximate_tokens(text)

    async def stream(
        self,
        messages: Sequence[Message],
        hits: Sequence[Hit],
        on_finish: Callable[[Finish], None] = lambda _: None,
    ) -> AsyncIterator[str]:
        text = self._stream(messages, on_finish)
        async with self._under_way.stream(), aclosing(text):
            async for piece in text:
                yield piece

    async def aclose(self) -> None:
        await self._under_way.aclose()

    async def _stream(
        self, messages: Sequence[Message], on_finish: Callable[[Finish], None]
    ) -> AsyncGenerator[str]:
        seconds = self._settings.timeout_seconds
        patience = Patience(seconds)
        answers: AsyncIterator[ChatResponse] | None = None
        ending = Ending(self._settings.provider in CHECKED_PROVIDERS)
        bound = Bound(self.name, self.max_output_tokens)
        line = Line(bound)
        try:
            llm = await patience.wait(self._built())
            answers = aiter(await patience.wait(llm.astream_chat(_chat(messages))))
            while True:
                with line.opening():
                    answer = await patience.wait(anext(answers))
                ending.see(answer.raw)
                if answer.delta:
                    bound.wrote(answer.delta)
                    ending.wrote = True
                    yield answer.delta
        except StopAsyncIteration:
            on_finish(ending.finish(self.name))
        except RagError:
            raise
        except Exception as error:
            raise translated(self.name, self._settings, error) from error
        finally:
            close = getattr(answers, "aclose", None)
            if close:
                await close()
            await line.aclose()

    async def _close(self) -> None:
        http, self._llm, self._http = self._http, None, None
        if http:
            await http.aclose()

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
                            networks_setting(self.name, meant=self._meant),
                            local_only=self._local_only,
                            meant=self._meant,
                        )
                    )
                self._llm = await asyncio.to_thread(_build, self._settings, self._http)
        return self._llm


def _build(settings: ModelSettings, http: httpx.AsyncClient | None) -> Any:
    module, name = CLASSES[settings.provider]
    if settings.provider in CHECKED_PROVIDERS:
        # It would be imported on the event loop with the first request, and take a while.
        import_module("openai.resources.chat.completions")
    llm: Any = getattr(import_module(module), name)
    return llm(**_arguments(settings, http))


def _arguments(settings: ModelSettings, http: httpx.AsyncClient | None) -> dict[str, Any]:
    """What each class calls the same few things."""
    key = settings.api_key.get_secret_value() or None
    base_url = settings.base_url or None
    common = {"model": settings.model, "temperature": settings.temperature}
    counted = {"stream_options": {"include_usage": True}} if settings.reports_usage else {}
    output = {"max_tokens": settings.max_output_tokens, "max_retries": _RETRIES}
    by_provider: Mapping[str, dict[str, Any]] = {
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
