"""What is done once a day by whoever does runs: what was kept long enough is deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import cast, get_args

import structlog

from rag.app.parts import Parts, Sweep
from rag.errors import RagError
from rag.store.compacting import compact
from rag.store.erasing import Contents
from rag.store.retention import Kind, Retention
from rag.types import Collected

FIRST_S = 60.0
"""After the start, which has enough to do."""
DAY_S = 86_400.0
SYSTEM = "system"
"""Who did what nobody asked for."""

log = structlog.get_logger(__name__)


class Housekeeping:
    """Any number of processes may do it at once: what one has deleted the others do not find."""

    def __init__(self, parts: Parts, sweeps: Sequence[Sweep]) -> None:
        self._parts = parts
        self._sweeps = sweeps

    async def serve(self, first: float = FIRST_S) -> None:
        """Once a day, until cancelled."""
        await asyncio.sleep(first)
        while True:
            try:
                await self.once()
            except RagError as error:
                log.warning("housekeeping not done", reason=error.message)
            except Exception:
                # Whatever it was, it may go well tomorrow; nobody else would try.
                log.exception("housekeeping not done")
            await asyncio.sleep(DAY_S)

    async def once(self) -> Collected:
        """Apply the retention settings, go on with what was to be erased, collect kept files.

        Returns what was collected. What was deleted is counted in the audit log.
        """
        deleted = await asyncio.to_thread(self._delete)
        if deleted:
            await asyncio.to_thread(
                lambda: self._parts.audit.write(SYSTEM, "retention", "data", **deleted)
            )
        for sweep in self._sweeps:
            await sweep()
        cited = await asyncio.to_thread(self._parts.ledger.cited)
        files, size = await asyncio.to_thread(self._parts.blobs.collect, cited)
        await asyncio.to_thread(compact, self._parts.ledger.database)
        done = {"files": files, "bytes": size, "deleted": dict(deleted)}
        await asyncio.to_thread(lambda: self._parts.upkeep.note("housekeeping", **done))
        # Last, as after a change of the encoder it takes as long as there are questions.
        await self.see_again()
        return Collected(files=files, bytes=size)

    async def see_again(self) -> int:
        """Show the questions of old to the encoder that there is now, some at a time, each lot kept
        before the next: cut off, it goes on with the rest. Returns how many there were."""
        embedder, questions = self._parts.embedder, self._parts.traces.questions
        ledger, count = self._parts.ledger, 0
        for domain in await asyncio.to_thread(questions.domains):
            live = await asyncio.to_thread(ledger.generations.live, domain)
            if live is None or (
                # Of an index that was made before the configuration changed nothing is asked yet.
                live.encoder is None and live.fingerprint.get("embedder") != embedder.fingerprint
            ):
                continue
            after = 0
            while some := await asyncio.to_thread(
                questions.unseen, domain, embedder.fingerprint, after
            ):
                seen = [(one, await embedder.embed_query(one.text)) for one in some]
                await asyncio.to_thread(
                    questions.see, domain, embedder.fingerprint, seen, ledger.now()
                )
                count, after = count + len(some), some[-1].n
        return count

    def _delete(self) -> Mapping[str, int]:
        ledger = self._parts.ledger
        contents = Contents(ledger.database, self._parts.blobs, ledger.now)
        contents.finish()
        self._parts.repeats.forget()
        retention = Retention(ledger.database, contents, ledger.now)
        while retention.stray():
            pass
        counts: dict[str, int] = {}
        for kind in cast("tuple[Kind, ...]", get_args(Kind)):
            days: int = getattr(self._parts.settings.retention, kind)
            if days and (count := retention.apply(kind, days)):
                counts[kind] = count
        return counts
