"""Writes prepared documents into a generation: embed, upsert, count, commit, sweep."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rag.errors import EngineError
from rag.file_kinds import file_kind
from rag.protocols import Embedder, Index, SparseEncoder
from rag.store.generations import Generation
from rag.store.ledger import Ledger
from rag.store.placements import NewVersion, Orphan, chunk_id
from rag.types import And, Chunk, Document, Match, Or, Payload, Point

POINTS_FINGERPRINT = "2"
"""What a point holds and how its id is made; an index of another making must be rebuilt."""
# Enough to sort by length and keep the encoder busy; bounds what is held in memory.
SLICE = 256
# Versions that one filter names.
FILTERED_AT_ONCE = 50


@dataclass(frozen=True)
class Prepared:
    """A document that was parsed and cut and now waits to be embedded."""

    key: str
    uri: str
    name: str
    revision: str
    readers: frozenset[str]
    content_hash: str
    text_hash: str
    document: Document
    chunks: list[Chunk]


@dataclass(frozen=True)
class Placed:
    """A document with the identity its points carry."""

    document_id: str
    version: int
    source: str
    uri: str
    readers: frozenset[str]
    document: Document
    chunks: list[Chunk]


class GenerationWriter:
    """Makes documents live in one generation; either a document is wholly live or not at all."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        index: Index,
        embedder: Embedder,
        sparse: SparseEncoder,
        generation: Generation,
    ) -> None:
        self.ledger = ledger
        self.index = index
        self.embedder = embedder
        self.sparse = sparse
        self.generation = generation

    async def write(
        self, source_id: str, source: str, domain: str, batch: Sequence[Prepared]
    ) -> None:
        """Embed, write, verify and commit these documents together.

        Batches of different documents may be written side by side: one embeds while another is
        committed.
        """
        keys = [(one.key, one.uri) for one in batch]
        reserved = await asyncio.to_thread(
            self.ledger.placements.reserve, self.generation.id, source_id, domain, keys
        )
        placed = [
            Placed(*reserved[one.key], source, one.uri, one.readers, one.document, one.chunks)
            for one in batch
        ]
        try:
            await self._place(batch, placed)
        except BaseException:
            # Whoever took over may have swept before the last of it arrived in the index.
            late = [
                Orphan(
                    generation_id=self.generation.id, document_id=at.document_id, version=at.version
                )
                for at in placed
            ]
            await _surely(asyncio.to_thread(self.ledger.placements.mark_orphans, late))
            raise

    async def _place(self, batch: Sequence[Prepared], placed: Sequence[Placed]) -> None:
        await self.put(placed)
        versions = [
            NewVersion(
                document_id=at.document_id,
                version=at.version,
                key=one.key,
                uri=one.uri,
                name=one.name,
                revision=one.revision,
                readers=one.readers,
                content_hash=one.content_hash,
                text_hash=one.text_hash,
                title=one.document.title,
                media_type=one.document.media_type,
                language=one.document.language,
                warnings=one.document.warnings,
                modified_at=one.document.modified_at,
                chunks=len(one.chunks),
            )
            for one, at in zip(batch, placed, strict=True)
        ]
        replaced = await asyncio.to_thread(
            self.ledger.placements.commit, self.generation.id, versions
        )
        await self._remove(replaced)

    async def put(self, placed: Sequence[Placed]) -> None:
        """Embed and upsert every chunk, then check that the index holds exactly these."""
        flat = [(at, chunk) for at in placed for chunk in at.chunks]
        writing: asyncio.Task[None] | None = None
        try:
            for start in range(0, len(flat), SLICE):
                part = flat[start : start + SLICE]
                vectors = await self.embedder.embed_documents([embedded_text(c) for _, c in part])
                points = await asyncio.to_thread(self._points, part, vectors)
                if writing is not None:
                    await writing
                # The engine writes while the encoder works on the next slice.
                writing = asyncio.create_task(self.index.upsert(self.generation.id, points))
            if writing is not None:
                await writing
                writing = None
        finally:
            if writing is not None:
                await asyncio.gather(writing, return_exceptions=True)
        found = 0
        for start in range(0, len(placed), FILTERED_AT_ONCE):
            part = [(at.document_id, at.version) for at in placed[start : start + FILTERED_AT_ONCE]]
            found += await self.index.count(self.generation.id, _versions(part))
        if found != len(flat):
            names = placed[0].uri if len(placed) == 1 else f"{len(placed)} documents"
            raise EngineError(
                f"The index holds {found} of {len(flat)} chunks of {names}.",
                hint="It is tried again at the next sync.",
            )

    async def sweep(self, source_id: str | None) -> None:
        """Remove the points of a source that are listed as orphans; not while it is written.

        With them go those of sources that were removed; without a source, those of all.
        """
        orphans = await asyncio.to_thread(self.ledger.placements.orphans, source_id)
        await self._remove([o for o in orphans if o.generation_id == self.generation.id])

    async def _remove(self, orphans: Sequence[Orphan]) -> None:
        for start in range(0, len(orphans), FILTERED_AT_ONCE):
            part = orphans[start : start + FILTERED_AT_ONCE]
            await self.index.delete(
                self.generation.id, _versions([(o.document_id, o.version) for o in part])
            )
            await asyncio.to_thread(self.ledger.placements.swept, part)

    def _points(
        self, part: Sequence[tuple[Placed, Chunk]], vectors: Sequence[tuple[float, ...]]
    ) -> list[Point]:
        return [
            Point.model_construct(
                dense=vector,
                sparse=self.sparse.encode_document(embedded_text(chunk)),
                payload=self._payload(at, chunk),
            )
            for (at, chunk), vector in zip(part, vectors, strict=True)
        ]

    def _payload(self, at: Placed, chunk: Chunk) -> Payload:
        modified = at.document.modified_at
        return Payload(
            chunk_id=chunk_id(at.document_id, at.version, chunk.ordinal),
            document_id=at.document_id,
            version=at.version,
            source=at.source,
            readers=tuple(sorted(at.readers)),
            language=at.document.language,
            title=at.document.title,
            uri=at.uri,
            text=chunk.text,
            header=chunk.header,
            headings=chunk.headings,
            ordinal=chunk.ordinal,
            page=chunk.page,
            boxes=chunk.boxes,
            start=chunk.start,
            end=chunk.end,
            kind=chunk.kind,
            hidden=chunk.hidden,
            modified_at=modified.timestamp() if modified else None,
            file_kind=file_kind(at.document.media_type),
        )


async def _surely(call: Coroutine[Any, Any, None]) -> None:
    """See a call to its end, also when this task is cancelled while it waits for it."""
    task = asyncio.ensure_future(call)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()


def embedded_text(chunk: Chunk) -> str:
    """What both encoders read: the contextual header, then the text."""
    return f"{chunk.header}\n{chunk.text}" if chunk.header else chunk.text


def _versions(pairs: Sequence[tuple[str, int]]) -> Or:
    return Or(
        of=tuple(
            And(
                of=(
                    Match(field="document_id", any_of=(document,)),
                    Match(field="version", any_of=(version,)),
                )
            )
            for document, version in pairs
        )
    )
