"""An index made before points named their kind of file learns it from the ledger, in place."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress

import structlog

from rag.app.parts import Parts
from rag.errors import RagError, Unavailable
from rag.file_kinds import FileKind, file_kind
from rag.store.generations import Generation, live_domains
from rag.types import And, Filter, Match, Not, Or

AT_ONCE = 20
"""Documents that one call tells of: few enough that no search waits long behind it."""
PATIENCE_S = 10.0
"""A question waits so long for it; what is told by then stays told."""
UNTOLD = Not(of=Match(field="file_kind", any_of=tuple(FileKind)))

log = structlog.get_logger(__name__)


class FileKinds:
    """Any number of processes may fill in the same index: what one has told, none tells again."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._whole: set[str] = set()
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def fill_all(self) -> None:
        """Fill in every live index, so that no question has to wait; what fails is tried then."""
        ledger = self._parts.ledger
        for domain in await asyncio.to_thread(live_domains, ledger.database):
            live = await asyncio.to_thread(ledger.generations.live, domain)
            if live is None:
                continue
            try:
                await self._fill(live.id)
            except RagError as error:
                log.warning("kinds of files not filled in", domain=domain, reason=error.message)
            except Exception:
                # Runs must be done all the same.
                log.exception("kinds of files not filled in", domain=domain)

    async def require(self, generation: Generation, filter: Filter | None) -> None:
        """Raises Unavailable while points are untold that the filter would pass over."""
        if generation.id in self._whole or not _asks(filter):
            return
        if generation.id not in self._under_way:
            filling = asyncio.create_task(self._fill(generation.id))
            self._under_way[generation.id] = filling
            filling.add_done_callback(lambda _: self._under_way.pop(generation.id))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.shield(self._under_way[generation.id])
        except TimeoutError as error:
            raise Unavailable(
                "The index is still being told of what kind each file is.",
                hint="Ask without the kind of file, or again in a minute.",
            ) from error

    async def aclose(self) -> None:
        for filling in [*self._under_way.values()]:
            filling.cancel()
            with suppress(asyncio.CancelledError, RagError):
                await filling

    async def _fill(self, generation: str) -> None:
        index = self._parts.index
        untold = await index.count(generation, UNTOLD)
        if untold:
            log.info("filling in kinds of files", generation=generation, points=untold)
            of_kind: dict[FileKind, list[str]] = defaultdict(list)
            placed = await asyncio.to_thread(self._parts.ledger.generations.media_types, generation)
            for document, media_type in placed:
                of_kind[file_kind(media_type)].append(document)
            for kind, documents in of_kind.items():
                for start in range(0, len(documents), AT_ONCE):
                    some = tuple(documents[start : start + AT_ONCE])
                    # A version that came since says it by itself, and may be of another kind.
                    points = And(of=(Match(field="document_id", any_of=some), UNTOLD))
                    await index.set_file_kind(generation, points, kind)
        self._whole.add(generation)


def _asks(filter: Filter | None) -> bool:
    match filter:
        case And() | Or():
            return any(_asks(part) for part in filter.of)
        case Not():
            return _asks(filter.of)
        case Match():
            return filter.field == "file_kind"
        case _:
            return False
