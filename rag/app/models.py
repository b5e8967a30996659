"""The declared language models, each made when it is first asked."""

from __future__ import annotations

from rag.answer.ask import CARD_EXTRACTIVE, EXTRACTIVE, ModelCard
from rag.backends.llamaindex import build_generator
from rag.config import Settings
from rag.errors import NotFound, did_you_mean
from rag.protocols import Generator


class Models:
    """Finds a model by name; `extractive` is always there and composes nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[str, Generator] = {}

    def get(self, name: str | None) -> tuple[Generator | None, ModelCard]:
        """The generator and what a trace says of it; None quotes. Raises NotFound, ConfigError."""
        wanted = name or self._settings.answer.model
        if wanted == EXTRACTIVE:
            return None, CARD_EXTRACTIVE
        declared = self._settings.models.get(wanted)
        if declared is None:
            known = [EXTRACTIVE, *self._settings.models]
            raise NotFound(f"There is no model '{wanted}'.", hint=did_you_mean(wanted, known))
        if wanted not in self._made:
            self._made[wanted] = build_generator(wanted, declared)
        card = ModelCard(
            provider=declared.provider,
            model=declared.model,
            params={
                "temperature": declared.temperature,
                "max_output_tokens": declared.max_output_tokens,
                "context_window": declared.context_window,
            },
            output_training_policy=declared.output_training_policy,
        )
        return self._made[wanted], card

    async def aclose(self) -> None:
        for generator in self._made.values():
            await generator.aclose()
