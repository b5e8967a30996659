"""A Generator for endpoints that speak OpenAI's chat protocol: vLLM, Ollama, llama.cpp and more.

A client of ours: the vendor's makes objects of every token, which at fifty people was two fifths
of all the time that the server had. What arrives together is passed on together.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from rag.backends.approximate import approximate_tokens
from rag.backends.model_endings import (
    MOST_SAID,
    Ending,
    networks_setting,
    translated,
    without_key,
)
from rag.backends.model_lines import Bound, EventLines, Patience
from rag.backends.under_way import UnderWay
from rag.config import ModelSettings
from rag.egress import client
from rag.errors import ModelBroken, RagError
from rag.types import Finish, Hit, Message

if TYPE_CHECKING:
    import httpx

_MOST_OF_AN_ERROR = 65_536
"""Bytes that are read of the body of a refusal."""


_DONE = b"[DONE]"


class OpenAIChat:
    """Streams a chat from one endpoint within a deadline. Failures come out as ModelError."""

    def __init__(
        self, name: str, settings: ModelSettings, *, local_only: bool = False, meant: bool = True
    ) -> None:
        self.name = name
        self.context_window = settings.context_window
        self.max_output_tokens = settings.max_output_tokens
        self._settings = settings
        self._local_only = local_only
        self._meant = meant
        self._client: httpx.AsyncClient | None = None
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
        ending = Ending(told=True)
        bound = Bound(self.name, self.max_output_tokens)
        try:
            async with (
                self._under_way.stream(),
                aclosing(self._events(messages, bound)) as arrived,
            ):
                async for events in arrived:
                    text, failure = self._read(events, ending)
                    if text:
                        bound.wrote(text)
                        ending.wrote = True
                        yield text
                    if failure is not None:
                        raise failure
        except RagError:
            raise
        except Exception as error:
            raise translated(self.name, self._settings, error) from error
        on_finish(ending.finish(self.name))

    async def aclose(self) -> None:
        await self._under_way.aclose()

    async def _close(self) -> None:
        http, self._client = self._client, None
        if http:
            await http.aclose()

    async def _events(
        self, messages: Sequence[Message], bound: Bound
    ) -> AsyncGenerator[list[bytes]]:
        """The data of the events, those together that arrived together."""
        patience = Patience(self._settings.timeout_seconds)
        response = await patience.wait(self._asked(messages))
        try:
            parts = response.aiter_bytes()
            if response.status_code >= 300:
                raise await patience.wait(_refusal(response, parts))
            lines = EventLines()
            while (part := await patience.wait(anext(parts, None))) is not None:
                bound.received(len(part))
                events = lines.feed(part)
                if _DONE in events:
                    yield events[: events.index(_DONE)]
                    return
                if events:
                    yield events
        finally:
            await response.aclose()

    async def _asked(self, messages: Sequence[Message]) -> httpx.Response:
        import httpx

        settings = self._settings
        if self._client is None:
            self._client = client(
                [settings.base_url],
                settings.timeout_seconds,
                settings.networks,
                networks_setting(self.name, meant=self._meant),
                local_only=self._local_only,
                meant=self._meant,
            )
        key = settings.api_key.get_secret_value()
        request = self._client.build_request(
            "POST",
            f"{settings.base_url.rstrip('/')}/chat/completions",
            json={
                "model": settings.model,
                "messages": [{"role": one.role, "content": one.content} for one in messages],
                "temperature": settings.temperature,
                "max_tokens": settings.max_output_tokens,
                "stream": True,
                **({"stream_options": {"include_usage": True}} if settings.reports_usage else {}),
            },
            headers={
                "Accept": "text/event-stream",
                **({"Authorization": f"Bearer {key}"} if key else {}),
            },
        )
        try:
            return await self._client.send(request, stream=True)
        except httpx.TransportError as error:
            # A line that is lost before a word of the reply was never there.
            raise ConnectionError(str(error)) from error

    def _read(
        self, events: Sequence[bytes], ending: Ending
    ) -> tuple[str, ValueError | RagError | None]:
        """The text of the events, up to the first that is a failure."""
        text = ""
        for event in events:
            try:
                text += self._said(event, ending)
            except (ValueError, RagError) as failure:
                return text, failure
        return text, None

    def _said(self, event: bytes, ending: Ending) -> str:
        """The text that an event adds. Raises ValueError, ModelBroken."""
        chunk = _object(json.loads(event))
        if failure := chunk.get("error"):
            said = without_key(self._settings, _complaint(failure))[:MOST_SAID]
            raise ModelBroken(
                f"The model '{self.name}' failed: {said}",
                hint="The provider answered with an error; ask again later.",
            )
        text = ""
        for choice in _list(chunk.get("choices")):
            told = _object(choice)
            piece = _object(told.get("delta")).get("content") or ""
            if not isinstance(piece, str):
                raise _NO_CHAT
            text += piece
            ending.reason(told.get("finish_reason"))
        ending.used(_object(chunk.get("usage")))
        return text


_NO_CHAT = ValueError("what it sends is no part of a chat")


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    if value is None:
        return {}
    raise _NO_CHAT


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return cast("list[Any]", value)
    if value is None:
        return []
    raise _NO_CHAT


def _complaint(error: Any) -> str:
    """What an endpoint says in an error, whose form is its own."""
    said = cast("dict[str, Any]", error).get("message") if isinstance(error, dict) else error
    return str(said or "")


async def _refusal(response: httpx.Response, parts: AsyncIterator[bytes]) -> Exception:
    """Why the endpoint does not answer, in its words."""
    import httpx

    body = b""
    async for part in parts:
        body += part
        if len(body) > _MOST_OF_AN_ERROR:
            break
    text = body[:_MOST_OF_AN_ERROR].decode(errors="replace")
    try:
        said = _complaint(_object(json.loads(text)).get("error"))
    except ValueError:
        said = ""
    return httpx.HTTPStatusError(
        f"{response.status_code}: {said or text}", request=response.request, response=response
    )
