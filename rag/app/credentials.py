"""Credentials of sources and models at rest: sealed by one vault, renewed together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from rag.app.parts import Parts
from rag.store.added import AddedModels
from rag.types import Rotated


class Credentials:
    """Seals, and never while a rotation goes on: what it seals with may be about to be dropped."""

    def __init__(self, parts: Parts, models: AddedModels) -> None:
        self._vault = parts.vault
        self._sources = parts.ledger.sources
        self._models = models
        self._sealing = asyncio.Lock()

    @asynccontextmanager
    async def sealed(self, secrets: Mapping[str, str]) -> AsyncGenerator[str]:
        """The token of the secrets, to be kept within the block."""
        async with self._sealing:
            yield await asyncio.to_thread(self._vault.seal, secrets)

    async def rotate(self) -> Rotated:
        """Encrypt every credential with a new key and forget the old ones."""
        async with self._sealing:
            return await asyncio.to_thread(self._rotate)

    def _rotate(self) -> Rotated:
        # Tried before anything is written: a secret that no key opens must not cost the others.
        self._renew()
        before = self._vault.add_key()
        renewed = self._renew()
        self._vault.drop(before)
        return renewed

    def _renew(self) -> Rotated:
        return Rotated(
            sources=self._sources.reseal(self._vault.renew),
            models=self._models.reseal(self._vault.renew),
        )
