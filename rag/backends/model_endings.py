"""How a model's stream ends: its finish, or a typed error with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from rag.config import MASK, ModelSettings
from rag.errors import (
    ModelBroken,
    ModelBusy,
    ModelCut,
    ModelEmpty,
    ModelError,
    ModelGarbled,
    ModelRefused,
    ModelTimeout,
    ModelUnfinished,
    ModelUnreachable,
    RagError,
)
from rag.types import Finish

_REASONS: dict[str, Literal["stop", "length", "filtered"]] = {
    "length": "length",
    "content_filter": "filtered",
}
_COUNTS = ("prompt_tokens", "completion_tokens")
MOST_SAID = 300
"""Characters of an endpoint's own words that are told."""
_MOST_TOKENS = 100_000_000
"""Of one answer; whoever reports more is not believed."""


class Ending:
    """Watches the chunks of one stream. `told`: its provider says why a stream ends."""

    def __init__(self, told: bool) -> None:
        self.wrote = False
        self._told = told
        self._reason = ""
        self._usage: tuple[int, int] | None = None

    def see(self, chunk: Any) -> None:
        """Whatever of a chunk tells of the end; an odd one is passed over."""
        for choice in _listed(getattr(chunk, "choices", None)):
            self.reason(getattr(choice, "finish_reason", None))
        usage = getattr(chunk, "usage", None)
        self.used({name: getattr(usage, name, None) for name in _COUNTS})

    def reason(self, told: Any) -> None:
        """Why it ends, if that is said here."""
        self._reason = told if isinstance(told, str) and told else self._reason

    def used(self, told: Mapping[str, Any]) -> None:
        """The tokens that were counted, if that is said here in earnest."""
        counts = [told.get(name) for name in _COUNTS]
        if all(type(count) is int and 0 <= count <= _MOST_TOKENS for count in counts):
            self._usage = (int(counts[0] or 0), int(counts[1] or 0))

    def finish(self, name: str) -> Finish:
        """How the stream of the model `name` ended. Raises ModelEmpty, ModelUnfinished."""
        if not self.wrote:
            raise ModelEmpty(f"The model '{name}' wrote nothing.")
        if self._told and not self._reason:
            raise ModelUnfinished(
                f"The model '{name}' stopped without saying why; its answer may be cut off.",
                hint="See whether something between here and the endpoint ends long answers.",
            )
        prompt, completion = self._usage or (None, None)
        return Finish(
            reason=_REASONS.get(self._reason, "stop"),
            prompt_tokens=prompt,
            completion_tokens=completion,
        )


def translated(name: str, settings: ModelSettings, error: Exception) -> RagError:
    """Our error for a vendor's, with what to do about it."""
    import httpx

    if isinstance(error, TimeoutError):
        return ModelTimeout(
            f"The model '{name}' did not finish within {settings.timeout_seconds:g} seconds.",
            hint=f"Raise models.{name}.timeout_seconds or ask a faster model.",
        )
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, RagError):
            return cause
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    if isinstance(error, httpx.HTTPStatusError):
        status = error.response.status_code
    reach = f"Check that {settings.base_url or settings.provider} can be reached."
    if isinstance(status, int):
        made, hint = _of_status(name, settings, status)
    elif any(isinstance(cause, httpx.TimeoutException) for cause in causes):
        made, hint = ModelTimeout, f"Raise models.{name}.timeout_seconds or ask a faster model."
    elif isinstance(error, httpx.TransportError):
        made, hint = ModelCut, "Ask again."
    elif any(isinstance(cause, (httpx.TransportError, OSError)) for cause in causes):
        made, hint = ModelUnreachable, reach
    elif isinstance(error, (ValueError, TypeError, LookupError, AttributeError)):
        made, hint = ModelGarbled, "It does not speak the protocol of its provider."
    elif type(error).__name__ == "APIError":
        # An error told within a stream has no status.
        made, hint = ModelBroken, "The provider answered with an error; ask again later."
    else:
        made, hint = ModelError, reach
    said = without_key(settings, str(error)).strip()[:MOST_SAID] or type(error).__name__
    failure = made(f"The model '{name}' failed: {said}", hint=hint)
    if isinstance(failure, ModelBusy):
        failure.wait_seconds = _wait(error)
    return failure


def without_key(settings: ModelSettings, said: str) -> str:
    """What an endpoint said: some repeat what they were sent. To be cut short after this only."""
    key = settings.api_key.get_secret_value()
    return said.replace(key, MASK) if key else said


def networks_setting(name: str, *, meant: bool) -> str:
    """Which setting opens networks to a model; `meant` as for `rag.egress.client`."""
    return f"models.{name}.networks" if meant else "gateway.added_networks"


def _of_status(name: str, settings: ModelSettings, status: int) -> tuple[type[ModelError], str]:
    if status == 429:
        return ModelBusy, "The provider limits the rate; ask again later."
    if status in (408, 504):
        return ModelTimeout, "The provider was too slow; ask again later."
    if status >= 500:
        return ModelBroken, "The provider answered with an error; ask again later."
    key = f"Check models.{name}.api_key, or set the key: rag models key {name}."
    hints = {
        401: key,
        403: key,
        404: f"Check models.{name}.model ('{settings.model}') and models.{name}.base_url.",
    }
    fallback = f"Check models.{name}: the provider does not take what it was asked."
    return ModelRefused, hints.get(status, fallback)


def _wait(error: Exception) -> float | None:
    """Seconds that the provider asked to wait, when it named any."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    try:
        return max(0.0, min(float(headers.get("retry-after", "")), 86_400.0))
    except ValueError:
        return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
