"""The rebuild: another generation is filled from the kept documents, without their sources, or
brought to what the live one has of them by now.

They are not parsed again: a version's text never changes, or the spans that citations and traces
hold would point elsewhere. A new parser reads what changes from now on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog

from rag.errors import NotFound, Unavailable, counted
from rag.ingest.write import SLICE, GenerationWriter, Placed
from rag.protocols import Chunker
from rag.store.blobs import Blobs
from rag.store.generations import Generation
from rag.store.ledger import Ledger, StoredVersion
from rag.store.placements import Orphan, chunk_id
from rag.types import Chunk, Document, Payload, Progress

SPOILED = "Its kept text is damaged; the next sync reads it from the source again."

log = structlog.get_logger(__name__)


class Rebuilder:
    """Cuts and embeds anew what one generation answers from, and places it in another."""

    def __init__(self, ledger: Ledger, blobs: Blobs, chunker: Chunker) -> None:
        self.ledger = ledger
        self.blobs = blobs
        self.chunker = chunker

    async def rebuild(
        self,
        live: Generation,
        writer: GenerationWriter,
        progress: Callable[[Progress], None],
        source_id: str | None = None,
        *,
        exact: bool = False,
    ) -> int:
        """Place in the writer's generation whatever it lacks, of all sources or of one; returns how
        many documents were placed. Cut short, it goes on with the rest.

        What is kept of a document may be damaged: then the next sync reads it again, and until then
        it is placed as the live generation has it. Where all has to be cut `exact`ly as the chunker
        does, it is not. Raises Unavailable for that, and where the index does not have it either.
        """
        versions = await asyncio.to_thread(
            lambda: self.ledger.live_versions(
                live.id, lacking=writer.generation.id, source_id=source_id
            )
        )
        spoiled: list[str] = []
        batch: list[Placed] = []
        for done, (version, readers, source) in enumerate(versions, 1):
            try:
                document = await asyncio.to_thread(self.blobs.get_document, version.text_hash)
                chunks = await asyncio.to_thread(self.chunker.chunk, document)
            except (NotFound, Unavailable) as error:
                log.warning("kept_file_damaged", uri=version.uri, message=error.message)
                spoiled.append(version.document_id)
                if exact:
                    continue
                try:
                    document, chunks = await self._as_indexed(live, writer, version)
                except Unavailable:
                    await asyncio.to_thread(self.ledger.spoiled, spoiled, SPOILED)
                    raise
            batch.append(
                Placed(
                    version.document_id,
                    version.version,
                    source,
                    version.uri,
                    readers,
                    document,
                    chunks,
                )
            )
            if done < len(versions) and sum(len(one.chunks) for one in batch) < SLICE:
                continue
            await self._place(writer, batch)
            batch = []
            progress(
                Progress(phase="rebuild", done=done, total=len(versions), document=version.title)
            )
        if batch:
            # After the last that could be cut came one that could not.
            await self._place(writer, batch)
        if spoiled:
            await asyncio.to_thread(self.ledger.spoiled, spoiled, SPOILED)
        if spoiled and exact:
            raise Unavailable(
                f"The kept text of {counted(len(spoiled), 'document')} is damaged, so that it "
                "cannot be cut anew.",
                hint="Run: rag sync, which reads it again, then try again. What that does not find "
                "(rag documents --failed) restore from a backup, or remove.",
            )
        return len(versions)

    async def _place(self, writer: GenerationWriter, batch: Sequence[Placed]) -> None:
        generation = writer.generation.id
        orphans = [
            Orphan(generation_id=generation, document_id=one.document_id, version=one.version)
            for one in batch
        ]
        await asyncio.to_thread(self.ledger.placements.mark_orphans, orphans)
        await writer.put(batch)
        placed = [(one.document_id, one.version, len(one.chunks)) for one in batch]
        await asyncio.to_thread(self.ledger.placements.place_existing, generation, placed)

    async def _as_indexed(
        self, live: Generation, writer: GenerationWriter, version: StoredVersion
    ) -> tuple[Document, list[Chunk]]:
        """A version whose text is damaged, cut as it was for the index, which has it as well."""
        count = await asyncio.to_thread(
            self.ledger.placements.chunks, live.id, version.document_id, version.version
        )
        ids = [chunk_id(version.document_id, version.version, n) for n in range(count)]
        found = await writer.index.payloads(live.id, ids)
        if len(found) != count or not found:
            raise Unavailable(
                f"The kept text of {version.uri} is damaged, and the index does not have it.",
                hint="Restore it from a backup, or remove the document at its source and sync.",
            )
        first = found[ids[0]]
        modified = first.modified_at
        document = Document(
            title=first.title,
            text="",
            blocks=(),
            media_type=version.media_type,
            language=first.language,
            modified_at=None if modified is None else datetime.fromtimestamp(modified, UTC),
        )
        names = Chunk.model_fields.keys() & Payload.model_fields.keys()
        chunks = [
            # What is embedded is not counted again; it fitted when it was cut.
            Chunk.model_validate({**found[one].model_dump(include=set(names)), "tokens": 0})
            for one in ids
        ]
        return document, chunks
