"""What a model's tokens cost: declared, else known to a table that is installed, else unknown."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from rag.config import ModelSettings
from rag.types import Data

_MILLION = 1_000_000
_ORDINARY = 1_000
_KNOWN_AS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "google",
    "bedrock": "aws",
}


class Price(Data):
    """USD per token. `origin` unknown: taken for nothing, and said to be so."""

    read: float = 0.0
    write: float = 0.0
    origin: Literal["declared", "known", "unknown"] = "unknown"

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """USD for these tokens."""
        return prompt_tokens * self.read + completion_tokens * self.write


def price_of(settings: ModelSettings) -> Price:
    """The declared price, or the public one of a known provider's model. Asks no network."""
    if settings.input_price is not None and settings.output_price is not None:
        read, write = settings.input_price / _MILLION, settings.output_price / _MILLION
        return Price(read=read, write=write, origin="declared")
    return _known(settings.provider, settings.model, settings.base_url)


@lru_cache(maxsize=256)
def _known(provider: str, model: str, base_url: str) -> Price:
    named = _KNOWN_AS.get(provider)
    if named is None and not base_url:
        return Price()
    # Half a second to import, which only a declared model waits for.
    from genai_prices import Usage, calc_price

    # Some prices rise with the length of the request: this is that of an ordinary one.
    asked = Usage(input_tokens=_ORDINARY), Usage(output_tokens=_ORDINARY)
    try:
        read, write = (
            calc_price(usage, model, provider_id=named)
            if named
            else calc_price(usage, model, provider_api_url=base_url)
            for usage in asked
        )
    except LookupError:
        return Price()
    return Price(
        read=float(read.total_price) / _ORDINARY,
        write=float(write.total_price) / _ORDINARY,
        origin="known",
    )
