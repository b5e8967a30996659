"""An Embedder over any endpoint that speaks the OpenAI embeddings API."""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import httpx
import numpy as np

from rag.backends.approximate import approximate_tokens
from rag.backends.encoder import Vectors, checked
from rag.backends.local_model import encodable
from rag.config import EmbeddingSettings
from rag.egress import client
from rag.errors import ConfigError, InvalidInput, ModelError

_BATCH = 64
_ATTEMPTS = 5
_TIMEOUT = 60.0
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 20.0
_MAX_TOKENS = 512
# The endpoint's start and end marks.
_MARKS = 2


class OpenAICompatibleEmbedder:
    """Embeds by `POST {base_url}/embeddings`, in batches, trying again when asked to wait.

    Every answer is checked: as many vectors as texts, of `dimension` floats, all finite; else
    ModelError and nothing is returned. Tokens are approximate (see `approximate_tokens`), and so
    is the limit that a longer document or question is held against: by default 512.
    """

    def __init__(
        self,
        settings: EmbeddingSettings,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
        *,
        local_only: bool = False,
    ) -> None:
        if not settings.base_url or not settings.dimension:
            raise ConfigError(
                "An embedding endpoint needs embedding.base_url and embedding.dimension.",
                hint="Set both, for example http://127.0.0.1:8080/v1 and 768.",
            )
        key = settings.api_key.get_secret_value()
        self._model = settings.model
        self._url = settings.base_url.rstrip("/") + "/embeddings"
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = client(
            [settings.base_url],
            _TIMEOUT,
            settings.networks,
            "embedding.networks",
            local_only=local_only,
        )
        self._sleep = sleep
        self._rng = rng or random.Random()
        self.dimension = settings.dimension
        self.max_tokens = settings.max_tokens or _MAX_TOKENS
        self.fingerprint = f"openai:{settings.model}:{settings.revision}:{settings.dimension}"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [approximate_tokens(text) + _MARKS for text in texts]

    async def embed_documents(
        self, texts: Sequence[str], *, urgent: bool = False
    ) -> list[tuple[float, ...]]:
        for number, tokens in enumerate(self.count_tokens(texts), 1):
            if tokens > self.max_tokens:
                raise InvalidInput(
                    f"Text {number} of {len(texts)} has about {tokens} tokens; "
                    f"the limit of {self._model} is set to {self.max_tokens}.",
                    hint="Cut it into chunks first, or raise embedding.max_tokens.",
                )
        vectors: list[tuple[float, ...]] = []
        for start in range(0, len(texts), _BATCH):
            part = await self._embed(texts[start : start + _BATCH])
            vectors.extend(tuple(row) for row in part.tolist())
        return vectors

    async def embed_query(self, text: str) -> tuple[float, ...]:
        """A question longer than the limit is represented by its beginning."""
        if self.count_tokens([text])[0] > self.max_tokens:
            room = (self.max_tokens - _MARKS) * 3
            text = text.encode("utf-8", "replace")[:room].decode("utf-8", "ignore")
        return tuple((await self._embed([text]))[0].tolist())

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _embed(self, texts: Sequence[str]) -> Vectors:
        # Endpoints refuse an empty text.
        sent = [encodable(text) or " " for text in texts]
        answer = await self._post({"model": self._model, "input": sent})
        try:
            rows = sorted(answer["data"], key=lambda row: row["index"])
            indices = [row["index"] for row in rows]
            vectors = np.asarray([row["embedding"] for row in rows], np.float32)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{self._url} did not answer with equally long vectors.",
                hint="Check that embedding.base_url is an OpenAI-compatible API.",
            ) from error
        if indices != list(range(len(texts))):
            raise ModelError(f"{self._url} gave {len(rows)} vectors for {len(texts)} texts.")
        vectors = checked(vectors, len(texts), self.dimension, self._model)
        return cast("Vectors", vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    async def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON answer; 429, 5xx and lost connections are tried again after a pause."""
        problem = ""
        for attempt in range(_ATTEMPTS):
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt) * self._rng.uniform(0.5, 1.0)
            try:
                response = await self._http.post(self._url, json=body, headers=self._headers)
            except httpx.HTTPError as error:
                problem = f"{type(error).__name__}: {error}".rstrip(": ")
            else:
                if response.is_success:
                    return self._object(response)
                problem = f"status {response.status_code}"
                if response.status_code != 429 and response.status_code < 500:
                    raise ModelError(
                        f"{self._url} refused: {problem}, {response.text[:300]}",
                        hint="Check embedding.model, embedding.api_key and embedding.base_url.",
                    )
                wait = _asked_wait(response) or wait
            if attempt + 1 < _ATTEMPTS:
                await self._sleep(wait)
        raise ModelError(
            f"{self._url} failed {_ATTEMPTS} times, last with {problem}.",
            hint="Check that the endpoint runs and that embedding.base_url is right.",
        )

    def _object(self, response: httpx.Response) -> dict[str, Any]:
        try:
            # NaN is no JSON, but servers write it; it is caught where vectors are checked.
            found = json.loads(response.content)
        except ValueError as error:
            raise ModelError(f"{self._url} did not answer with JSON.") from error
        if not isinstance(found, dict):
            raise ModelError(f"{self._url} did not answer with a JSON object.")
        return cast("dict[str, Any]", found)


def _asked_wait(response: httpx.Response) -> float | None:
    """Seconds of a Retry-After header, as far as they are bearable."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(seconds, _LONGEST_WAIT) if math.isfinite(seconds) and seconds >= 0 else None
