"""Generations of other encoders and cuts beside the live one: filled, kept as that is, let go.

Only who writes a source brings what changed of it to the others, and only a run that has the whole
domain fills one: no two ever write the same documents of the same generation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal, get_args

import structlog

from rag.app.domains import Domain
from rag.app.generations import Generations
from rag.app.parts import Parts
from rag.errors import NotFound, RagError, Superseded
from rag.ingest.rebuild import Rebuilder
from rag.store.candidates import Candidates
from rag.store.generations import Generation, Pair
from rag.store.releases import Releases
from rag.types import Progress

Indexed = Literal["encoder", "chunking"]
INDEXED: tuple[Indexed, ...] = get_args(Indexed)
"""What a candidate is that has an index of its own."""

log = structlog.get_logger(__name__)


class Following:
    """Works with the parts of one run: whoever takes the run over goes on where it was."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._generations = Generations(parts)
        self._kept = parts.ledger.generations
        self._candidates = Candidates(parts.ledger.database, parts.ledger.now)
        self._releases = Releases(parts.ledger.database, parts.ledger.now)

    async def follow(self, domain: Domain, written: Generation, source_id: str) -> None:
        """Bring what was just written of a source to every other generation that is kept.

        One that cannot be written keeps nobody from reading the source: it stays behind.
        """
        for one in await asyncio.to_thread(self._kept.all, domain.pack.name):
            if one.id == written.id or one.state not in ("live", "beside"):
                continue
            try:
                if one.fingerprint != await self._generations.fingerprint(domain, one.pair):
                    # Made with what is configured no more: the next rebuild makes it anew.
                    continue
                writer = await self._generations.writer(domain, one)
                await writer.sweep(source_id)
                await (await self._rebuilder(one)).rebuild(written, writer, _silent, source_id)
                await writer.sweep(source_id)
            except Superseded:
                raise
            except RagError as error:
                log.warning("index left behind", generation=one.id, reason=error.message)

    async def catch_up(
        self,
        domain: Domain,
        target: Generation,
        source_id: str | None = None,
        *,
        exact: bool = False,
    ) -> None:
        """Bring to a generation whatever the others have newer: what was synced into one of them
        while that answered, and this was gone back to. Of all sources, or of one. Raises as a
        rebuild does: what is not brought must not be let go of."""
        known = await asyncio.to_thread(self._kept.all, domain.pack.name)
        others = [one for one in known if one.id != target.id and one.state in ("live", "beside")]
        if not others:
            return
        writer = await self._generations.writer(domain, target)
        rebuilder = await self._rebuilder(target)
        for one in others:
            await rebuilder.rebuild(one, writer, _silent, source_id, exact=exact)
        await writer.sweep(source_id)

    async def fill(
        self,
        domain: Domain,
        pair: Pair,
        progress: Callable[[Progress], None],
        *,
        exact: bool = False,
    ) -> Generation:
        """A whole generation of a pair beside the live one, in the place of the one before.

        Nobody else may write in the domain. Cut short, it goes on with what is not there yet.
        Raises Unavailable where a text is damaged that has to be cut `exact`ly as the pair says.
        """
        live = await asyncio.to_thread(self._kept.live, domain.pack.name)
        if live is None:
            raise NotFound("There is nothing indexed yet.", hint="Run: rag sync.")
        now = await self._generations.fingerprint(domain, pair)
        target: Generation | None = None
        for one in await asyncio.to_thread(self._kept.all, domain.pack.name):
            if one.state == "filling" and one.pair == pair:
                if one.fingerprint == now and target is None:
                    target = one
                else:
                    await self._generations.drop(one)
        if target is None:
            target = await self._generations.new(domain, pair, "filling")
        # Killed before the index had it, it is in the ledger alone.
        await self._parts.index.create(target.id, target.dimension)
        writer = await self._generations.writer(domain, target)
        await writer.sweep(None)
        rebuilder = await self._rebuilder(target)
        await rebuilder.rebuild(live, writer, progress, exact=exact)
        # Gone back to meanwhile, what answers may lack what this takes the place of.
        await self.catch_up(domain, target, exact=exact)
        await writer.sweep(None)
        await self._generations.verify(live, target)
        await self._parts.index.optimize(target.id)
        await asyncio.to_thread(self._kept.switch, target.id)
        return target

    async def refill(self, domain: Domain, progress: Callable[[Progress], None]) -> None:
        """Make anew whatever else is kept, after the live one was."""
        known = await asyncio.to_thread(self._kept.all, domain.pack.name)
        for one in known:
            if one.state != "beside":
                continue
            try:
                await self.fill(domain, one.pair, progress)
            except Superseded:
                raise
            except RagError as error:
                log.warning("index not made anew", generation=one.id, reason=error.message)

    async def prune(self, domain: Domain) -> None:
        """Let go of what no release to go back to and no candidate needs, and drop it."""
        name = domain.pack.name
        live, needed = await asyncio.to_thread(self._releases.pairs, name)
        # A candidate has its index with the other part that answers now, or none any more.
        for kind in INDEXED:
            for one in await asyncio.to_thread(self._candidates.hopeful, name, kind):
                needed.add(live._replace(**{kind: one}))
        await asyncio.to_thread(self._kept.retire, name, needed)
        await self._generations.drop_retired(name)

    async def _rebuilder(self, target: Generation) -> Rebuilder:
        """Cuts as the target is cut."""
        chunker = await self._parts.chunkers.of(target.chunking)
        return Rebuilder(self._parts.ledger, self._parts.blobs, chunker)


def _silent(progress: Progress) -> None:
    """What is brought along is told with the sync that it belongs to."""
