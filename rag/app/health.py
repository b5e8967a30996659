"""Is every part there and working, and what to do when one is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from rag.app.defaults import Defaults
from rag.app.domains import Domains
from rag.app.generations import Generations
from rag.app.models import Models
from rag.app.parts import Parts
from rag.errors import RagError, Unavailable, counted
from rag.ingest.samples import samples
from rag.store.ledger import StoredVersion
from rag.types import LOCAL, AskRequest, Check, Principal

NAMED = 5
"""Documents that a check names."""


class Health:
    """Tries each part the way a question would."""

    def __init__(
        self,
        parts: Parts,
        domains: Domains,
        generations: Generations,
        models: Models,
        defaults: Defaults,
    ) -> None:
        self._parts = parts
        self._domains = domains
        self._generations = generations
        self._models = models
        self._defaults = defaults

    async def ready(self) -> list[Check]:
        """Cheap: can this process answer now?"""
        checks = [await self._check("database", self._database_check)]
        checks.append(await self._check("index", self._index_check))
        return checks

    async def doctor(self) -> list[Check]:
        """Every part tried for real, each with what to do when it fails."""
        checks = await self.ready()
        checks.append(await self._check("embedder", self._embedder_check))
        checks.append(await self._check("parsers", self._parsers_check))
        checks.append(await self._check("domain", self._domain_check))
        checks.append(await self._check("answer model", self._model_check))
        checks.append(await self._check("kept files", self._kept_check))
        if self._parts.settings.webhooks:
            checks.append(await self._check("webhooks", self._webhooks_check))
        return checks

    async def _check(self, name: str, probe: Callable[[], Awaitable[str]]) -> Check:
        try:
            return Check(name=name, ok=True, detail=await probe())
        except RagError as error:
            return Check(name=name, ok=False, detail=error.message, hint=error.hint)

    async def _database_check(self) -> str:
        name = self._parts.settings.domain
        live = await asyncio.to_thread(self._parts.ledger.generations.live, name)
        if live is None:
            return "reachable, nothing indexed yet"
        documents, chunks = await asyncio.to_thread(self._parts.ledger.generations.placed, live.id)
        return f"{counted(documents, 'document')}, {counted(chunks, 'chunk')} live in '{name}'"

    async def _index_check(self) -> str:
        generations = await self._parts.index.generations()
        live = await asyncio.to_thread(
            self._parts.ledger.generations.live, self._parts.settings.domain
        )
        if live is not None and live.id not in generations:
            raise Unavailable(
                "The live generation is missing from the index.", hint="Run: rag sync --rebuild."
            )
        return f"{self._parts.settings.index.engine}, {sum(generations.values())} points"

    async def _embedder_check(self) -> str:
        # What was asked before is not asked of the embedder again.
        await self._parts.embedder.embed_documents(["pump"], urgent=True)
        found = self._parts.embedder
        live = await asyncio.to_thread(
            self._parts.ledger.generations.live, self._parts.settings.domain
        )
        if live is not None and live.encoder is not None:
            found = await self._parts.encoders.of(live.encoder)
            await found.embed_documents(["pump"], urgent=True)
        return f"{found.fingerprint}, {found.dimension} dimensions"

    async def _parsers_check(self) -> str:
        """One document of each parser's, in the processes that read all others."""
        broken: list[str] = []
        for raw in samples():
            try:
                await self._parts.parsers.parse(raw)
            except RagError as error:
                broken.append(error.message)
        if broken:
            raise Unavailable(
                " ".join(broken),
                hint="Install anew (make clean run), or raise parsing.memory_mb.",
            )
        return f"{', '.join(raw.name.rpartition('.')[2] for raw in samples())} are read"

    async def _domain_check(self) -> str:
        domain = self._domains.get(None)
        await self._generations.answering(domain)
        return f"{domain.pack.title}"

    async def _model_check(self) -> str:
        pack = self._domains.get(None).pack
        default = await self._defaults.default(pack)
        asked = AskRequest(question="?")
        writer = self._models.writer(Principal(id=LOCAL), asked, pack.name, default)
        if writer.composes:
            return f"{writer.card.provider}/{writer.card.model}"
        return "extractive: quotes, never invents"

    async def _kept_check(self) -> str:
        """Texts are read, because every answer needs them; of originals, that they are there."""
        kept = await asyncio.to_thread(self._parts.ledger.kept)
        bad = await asyncio.to_thread(self._damaged, kept)
        if bad:
            more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
            raise Unavailable(
                f"Files are damaged or missing of {len(bad)} of {counted(len(kept), 'document')}: "
                f"{', '.join(bad[:NAMED])}{more}.",
                hint="Restore them from a backup, or run rag sync --rebuild and then rag sync.",
            )
        return f"{counted(len(kept), 'document')}, all whole"

    async def _webhooks_check(self) -> str:
        outbox = self._parts.outbox
        told: list[str] = []
        for name, counts in (await asyncio.to_thread(outbox.counts)).items():
            waiting, lost = counts.get("waiting", 0), counts.get("failed", 0)
            told.append(f"{name}: {waiting} waiting, {lost} given up")
            why = await asyncio.to_thread(outbox.last_failure, name)
            if why and (waiting or lost):
                raise Unavailable(
                    f"{told[-1]}. The last try: {why}",
                    hint="See whether the receiver works; what waits is tried again by itself.",
                )
        return "; ".join(told)

    def _damaged(self, kept: Sequence[tuple[StoredVersion, str]]) -> list[str]:
        blobs = self._parts.blobs
        return [
            f"{version.uri} ({source})"
            for version, source in kept
            if not (blobs.intact(version.text_hash) and blobs.has(version.content_hash))
        ]
