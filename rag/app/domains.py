"""The domains of a deployment: each pack with the parts that answer from it, made when used."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from rag.answer.ask import Asker
from rag.answer.cache import AnswerCache
from rag.answer.evidence import Selector
from rag.answer.support import Checker
from rag.answer.vectors import Vectors
from rag.app.models import Models
from rag.app.parts import Parts
from rag.backends.bm25 import Bm25Encoder
from rag.backends.encoder import usable_cores
from rag.domain import Pack, builtin_pack, load_pack
from rag.errors import ConfigError, NotFound, did_you_mean
from rag.retrieve.retriever import Retriever

PER_CORE = 2
"""Questions worked on at once: while one waits for the engine or the database, another computes."""


@dataclass(frozen=True)
class Domain:
    """One domain's parts."""

    pack: Pack
    sparse: Bm25Encoder
    retriever: Retriever
    asker: Asker


class Domains:
    """Finds a domain by name: declared in the settings, or a pack that comes with Ratchet."""

    def __init__(self, parts: Parts, models: Models) -> None:
        self._parts = parts
        self._models = models
        self._vectors = Vectors(parts.embedder)
        self._turns = asyncio.Semaphore(PER_CORE * usable_cores())
        self._loaded: dict[str, Domain] = {}

    def get(self, name: str | None) -> Domain:
        """The domain, or the default one. Raises NotFound, or ConfigError for a broken pack."""
        wanted = name or self._parts.settings.domain
        if wanted not in self._loaded:
            self._loaded[wanted] = self._load(wanted)
        return self._loaded[wanted]

    def names(self) -> list[str]:
        """The default domain, then the others that the settings declare."""
        default = self._parts.settings.domain
        return [default, *sorted({*self._parts.settings.domains} - {default})]

    def _load(self, name: str) -> Domain:
        declared = self._parts.settings.domains.get(name)
        if declared is not None:
            pack = load_pack(self._parts.settings.data / declared.pack)
            if pack.name != name:
                raise ConfigError(
                    f"domains.{name}.pack is the pack '{pack.name}'.",
                    hint=f"Call the domain '{pack.name}', or name the right folder.",
                )
        else:
            try:
                pack = load_pack(builtin_pack(name))
            except NotFound as error:
                raise NotFound(
                    f"There is no domain '{name}'.",
                    hint=did_you_mean(name, sorted(self._parts.settings.domains))
                    or "Declare it under [domains] in rag.toml.",
                ) from error
        sparse = Bm25Encoder(pack.language)
        retriever = self.retriever(pack, sparse)
        return Domain(pack, sparse, retriever, self.asker(pack, retriever))

    def retriever(
        self, pack: Pack, sparse: Bm25Encoder, *, rerank: bool = True, expand: bool = True
    ) -> Retriever:
        """What searches by a pack's knobs, which may be others than the pack on disk has."""
        return Retriever(
            pack=pack,
            index=self._parts.index,
            embedder=self._parts.embedder,
            searching=self._parts.encoders.searching,
            sparse=sparse,
            ledger=self._parts.ledger,
            blobs=self._parts.blobs,
            reranker=self._parts.reranker if rerank else None,
            expand=expand,
        )

    def asker(self, pack: Pack, retriever: Retriever) -> Asker:
        """What answers from a pack's knobs, which may be others than the pack on disk has."""
        answer = self._parts.settings.answer
        return Asker(
            pack=pack,
            retriever=retriever,
            selector=Selector(self._parts.embedder, self._vectors, pack.answer.confidence),
            checker=Checker(self._vectors, pack.language),
            traces=self._parts.traces,
            rewrite_seconds=answer.rewrite_seconds,
            cache=AnswerCache(self._parts.traces, pack, answer.judge, answer.cache_seconds)
            if answer.cache_seconds
            else None,
            judges=self._models.judge if answer.judge else None,
            judge_seconds=answer.judge_seconds,
            turns=self._turns,
        )
