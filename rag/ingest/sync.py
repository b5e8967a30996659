"""The sync: what a source lists becomes live in a generation, or is recorded with its reason.

discover -> fetch -> parse -> chunk -> embed -> upsert -> count -> ledger commit. Nothing is
answerable before the commit, and whatever a crash leaves in the index is listed in the ledger as
an orphan before it is written there.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import structlog

from rag.config import SyncSettings
from rag.errors import (
    DocumentFailed,
    DocumentRejected,
    RagError,
    SourceError,
    StorageFull,
    Unavailable,
)
from rag.ingest.admission import PARSER_BROKEN
from rag.ingest.freshness import Stopwatch
from rag.ingest.naming import named, storable
from rag.ingest.parsing import PARSER_UNAVAILABLE
from rag.ingest.write import SLICE, GenerationWriter, Prepared
from rag.protocols import Chunker, Connector
from rag.readers import in_both
from rag.store.blobs import Blobs
from rag.store.ledger import Known, Ledger
from rag.store.placements import document_id
from rag.types import (
    Change,
    Cursor,
    Document,
    Progress,
    RawDocument,
    SourceInfo,
    SyncReport,
)

Parse = Callable[[RawDocument], Awaitable[Document]]
OnProgress = Callable[[Progress], None]

# Documents that are parsed and wait for the encoder; bounds memory, feeds full batches.
WAITING = 64
# One batch embeds while the other is written and committed, so that the encoder never waits.
WRITERS = 2
NOT_INDEXED = ("failed", "dead_lettered", "rejected")

log = structlog.get_logger(__name__)


@dataclass
class _Run:
    """The state of one sync of one source."""

    source: SourceInfo
    connector: Connector
    writer: GenerationWriter
    known: dict[str, Known]
    progress: OnProgress
    start: Cursor
    watch: Stopwatch
    cursor: str | None = None
    todo: asyncio.Queue[Change | None] = field(default_factory=lambda: asyncio.Queue(WAITING * 4))
    ready: asyncio.Queue[Prepared | None] = field(default_factory=lambda: asyncio.Queue(WAITING))
    seen: set[str] = field(default_factory=set[str])
    gone: set[str] = field(default_factory=set[str])
    """Keys that the source itself named as deleted."""
    written: set[str] = field(default_factory=set[str])
    counts: Counter[str] = field(default_factory=Counter[str])
    listed: int = 0
    final: bool = False
    """Nothing more will be listed."""
    done: int = 0

    async def look_at(self, change: Change) -> None:
        self.watch.listed(change.key)
        await self.todo.put(change)

    def finished(self, outcome: str, document: str = "") -> None:
        self.counts[outcome] += 1
        self.done += 1
        self.progress(
            Progress(
                phase="sync",
                done=self.done,
                total=self.listed,
                document=document,
                failed=sum(self.counts[one] for one in NOT_INDEXED),
                final=self.final,
            )
        )


class Syncer:
    """Brings a generation up to date with a source. One sync at a time of each source."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        blobs: Blobs,
        parse: Parse,
        chunker: Chunker,
        settings: SyncSettings,
        workers: int,
    ) -> None:
        self.ledger = ledger
        self.blobs = blobs
        self.parse = parse
        self.chunker = chunker
        self.settings = settings
        self.workers = workers

    async def sync(
        self,
        source: SourceInfo,
        connector: Connector,
        writer: GenerationWriter,
        progress: OnProgress,
    ) -> SyncReport:
        """Read the source once. Raises SourceError when it could not be listed; then nothing is
        deleted, and what had been listed before is indexed all the same."""
        started = time.monotonic()
        await writer.sweep(source.id)
        known = await asyncio.to_thread(self.ledger.known, source.id)
        start = await self._resume_from(source.id)
        watch = Stopwatch(source.last_sync, self.ledger.now)
        run = _Run(source, connector, writer, known, progress, start, watch)
        async with asyncio.TaskGroup() as group:
            for _ in range(WRITERS):
                group.create_task(self._write(run))
            listing = group.create_task(self._prepare_all(run))
        broken, complete = listing.result()
        if broken is None:
            await self._delete_gone(run, complete)
        if watch.taken:
            await asyncio.to_thread(self.ledger.freshness.add, source.id, watch.taken)
        if broken is not None:
            broken.hint = f"{broken.hint} Nothing was deleted.".strip()
            raise broken
        await writer.sweep(source.id)
        if run.counts["failed"]:
            # What failed is listed again only if the next listing begins where this one did.
            await asyncio.to_thread(self.ledger.sources.visited, source.id)
        else:
            await asyncio.to_thread(
                self.ledger.sources.synced, source.id, run.cursor, complete=complete
            )
        return SyncReport(**run.counts, seconds=round(time.monotonic() - started, 3))

    async def _resume_from(self, source_id: str) -> Cursor:
        """Where the last listing ended, or the beginning when a full listing is due."""
        cursor, listed_at = await asyncio.to_thread(self.ledger.sources.cursor, source_id)
        patience = timedelta(hours=self.settings.full_listing_hours)
        due = listed_at is None or self.ledger.now() - listed_at >= patience
        return Cursor() if due else cursor

    # --- listing and preparing ---

    async def _prepare_all(self, run: _Run) -> tuple[RagError | None, bool]:
        """List the source while workers fetch, parse and chunk what changed."""
        broken: RagError | None = None
        complete = False
        async with asyncio.TaskGroup() as group:
            for _ in range(self.workers):
                group.create_task(self._prepare_some(run))
            try:
                async for change in run.connector.discover(run.start):
                    run.cursor = change.cursor or run.cursor
                    if change.kind == "complete":
                        # From a cursor on, a listing names what changed, not what is there.
                        complete = run.start.value is None
                    else:
                        await self._listed(run, change)
                    # A page of what did not change has nothing to wait for; questions do.
                    await asyncio.sleep(0)
            except RagError as error:
                broken = error
            except Exception as error:  # noqa: BLE001 - a connector is a stranger's code
                broken = SourceError(
                    f"The source '{run.source.name}' broke while it was listed: {error}."
                )
            run.final = True
            run.watch.ended()
            for _ in range(self.workers):
                await run.todo.put(None)
        for _ in range(WRITERS):
            await run.ready.put(None)
        return broken, complete

    async def _listed(self, run: _Run, change: Change) -> None:
        change = storable(change)
        if change.kind == "skipped":
            log.info("skipped", uri=change.uri, reason=change.reason)
            return
        if change.kind == "delete":
            run.watch.listed(change.key)
            run.gone.add(change.key)
            run.seen.discard(change.key)
            return
        if change.key in run.seen:
            log.warning("duplicate_key", uri=change.uri, key=change.key)
            run.counts["warned"] += 1
            return
        run.seen.add(change.key)
        run.gone.discard(change.key)
        run.listed += 1
        known = run.known.get(change.key) or run.known.get(document_id(run.source.id, change.key))
        if known is not None and known.stays_erased(change):
            run.finished("unchanged", change.uri)
            return
        if known is not None and known.held:
            await asyncio.to_thread(self.ledger.keep, known.document_id)
        if change.kind == "failed":
            await self._failed(run, change, "unreadable", change.reason)
            return
        if known is not None and not known.deleted:
            await self._revoke(run, known, change)
        if known is None or known.deleted or known.revision != change.revision:
            await run.look_at(change)
        elif known.state == "pending":
            # Begun once and cut short: nothing of it is live, whatever its revision.
            await run.look_at(change)
        elif known.state == "failed":
            if known.due:
                await run.look_at(change)
            else:
                run.finished("failed", change.uri)
        elif known.state == "indexed" and known.readers != change.readers:
            await run.look_at(change)
        elif known.state == "dead_letter":
            run.finished("dead_lettered", change.uri)
        else:
            run.finished("unchanged", change.uri)

    async def _revoke(self, run: _Run, known: Known, change: Change) -> None:
        """A revocation counts from the next question on, whatever becomes of the new version.

        Nobody is let in before that is live: the old text may not be theirs to see, and were this
        to end halfway the index would go on hiding what the ledger says they may find.
        """
        readers = in_both(known.readers, change.readers)
        if readers != known.readers:
            run.watch.listed(change.key)
            await asyncio.to_thread(self.ledger.set_readers, [known.document_id], readers)
            run.watch.effective("revoke", change.key)

    async def _prepare_some(self, run: _Run) -> None:
        while (change := await run.todo.get()) is not None:
            try:
                prepared = await self._prepare(run, change)
            except DocumentRejected as error:
                await self._rejected(run, change, error)
            except DocumentFailed as error:
                await self._failed(run, change, error.reason, str(error), ours=_ours(error))
            except RagError as error:
                await self._failed(run, change, error.code, str(error), ours=_ours(error))
            except Exception as error:
                log.exception("prepare_failed", uri=change.uri)
                await self._failed(run, change, "internal", f"{type(error).__name__}: {error}")
            else:
                if prepared is not None:
                    await run.ready.put(prepared)

    async def _prepare(self, run: _Run, change: Change) -> Prepared | None:
        """A changed document, cut into chunks; None when its bytes did not change after all."""
        raw = named(await run.connector.fetch(change))
        digest = await asyncio.to_thread(_sha256, raw.data)
        known = run.known.get(change.key)
        if (
            known is not None
            and not known.deleted
            and known.state == "indexed"
            and known.content_hash == digest
            and known.readers == raw.readers
        ):
            await asyncio.to_thread(self.ledger.touch, known.document_id, change.revision)
            run.finished("unchanged", change.uri)
            return None
        if known is None or known.content_hash != digest:
            run.watch.modified(change.key, raw.modified_at)
        document = await self.parse(raw)
        chunks = await asyncio.to_thread(self.chunker.chunk, document)
        if not chunks:
            raise DocumentRejected("no_text", f"{raw.name} contains no text.")
        await asyncio.to_thread(self.blobs.put, raw.data)
        return Prepared(
            key=change.key,
            uri=change.uri,
            name=raw.name,
            revision=change.revision,
            readers=raw.readers,
            content_hash=digest,
            text_hash=await asyncio.to_thread(self.blobs.put_document, document),
            document=document,
            chunks=chunks,
        )

    # --- writing ---

    async def _write(self, run: _Run) -> None:
        last = False
        while not last:
            batch: list[Prepared] = []
            chunks = 0
            one = await run.ready.get()
            while one is not None:
                batch.append(one)
                chunks += len(one.chunks)
                if chunks >= SLICE or run.ready.empty():
                    break
                one = run.ready.get_nowait()
            last = one is None
            if batch:
                await self._write_batch(run, batch)

    async def _write_batch(self, run: _Run, batch: Sequence[Prepared]) -> None:
        try:
            await run.writer.write(run.source.id, run.source.name, run.source.domain, batch)
        except RagError as error:
            if len(batch) > 1:
                # One document may be to blame; alone, each shows whether it is.
                for one in batch:
                    await self._write_batch(run, [one])
                return
            one = batch[0]
            change = Change(kind="upsert", key=one.key, uri=one.uri, revision=one.revision)
            await self._failed(run, change, error.code, str(error), ours=_ours(error))
            return
        for one in batch:
            before = run.known.get(one.key)
            new = before is None or before.deleted or not before.content_hash
            run.counts["chunks"] += len(one.chunks)
            run.counts["warned"] += bool(one.document.warnings)
            run.written.add(one.key)
            run.watch.effective("change", one.key)
            run.finished("added" if new else "updated", one.uri)

    # --- what did not go well ---

    async def _rejected(self, run: _Run, change: Change, error: DocumentRejected) -> None:
        attempts = self.settings.max_attempts
        await self._record(run, change, "rejected", error.reason, str(error), attempts)
        run.finished("rejected", change.uri)

    async def _failed(
        self, run: _Run, change: Change, reason: str, message: str, *, ours: bool = False
    ) -> None:
        """`ours`: a part of ours did not work, which is no verdict on the document."""
        attempts = sys.maxsize if ours else self.settings.max_attempts
        state = await self._record(run, change, "failed", reason, message, attempts)
        run.finished("dead_lettered" if state == "dead_letter" else "failed", change.uri)

    async def _record(
        self,
        run: _Run,
        change: Change,
        state: Literal["rejected", "failed"],
        reason: str,
        message: str,
        max_attempts: int,
    ) -> str:
        log.warning(state, uri=change.uri, reason=reason, message=message)
        return await asyncio.to_thread(
            self.ledger.fail,
            run.source.id,
            run.source.domain,
            change.key,
            change.uri,
            state=state,
            reason=reason,
            message=message,
            revision=change.revision,
            max_attempts=max_attempts,
        )

    async def _delete_gone(self, run: _Run, complete: bool) -> None:
        """Delete what the source names as deleted, or no longer names in a complete listing,
        unless that is too much to believe."""
        # What came and went within this listing was not there to be counted before.
        present = [known for known in run.known.values() if not known.deleted]
        passing = (run.gone & run.written) - {known.key for known in present}
        await asyncio.to_thread(
            self.ledger.delete, [document_id(run.source.id, key) for key in passing]
        )
        run.counts["deleted"] += len(passing)
        missing = [known for known in present if known.key not in run.seen]
        # What is held stays so until it is listed again or an admin believes it; what vanishes
        # meanwhile waits with it, or a store that goes bit by bit would never be too much.
        waiting = [known for known in missing if known.held]
        vanished = {
            known.document_id: known.key
            for known in missing
            if not known.held and (complete or known.key in run.gone)
        }
        total = len(waiting) + len(vanished)
        if vanished and (
            (total > self.settings.hold_count and total > self.settings.hold_share * len(present))
            or (complete and not run.seen)
        ):
            log.warning("deletion_held", source=run.source.name, documents=total)
            await asyncio.to_thread(self.ledger.hold, [*vanished])
            run.counts["held"] = total
            return
        if complete:
            run.counts["held"] = len(waiting)
        await asyncio.to_thread(self.ledger.delete, [*vanished])
        for key in vanished.values():
            run.watch.effective("delete", key)
        run.counts["deleted"] += len(vanished)


def _ours(error: RagError) -> bool:
    if isinstance(error, DocumentFailed):
        return error.reason in (PARSER_BROKEN, PARSER_UNAVAILABLE)
    return isinstance(error, (Unavailable, StorageFull))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
