"""What can be read of the documents: the list, the kept bytes and the parsed text."""

from __future__ import annotations

import asyncio

from rag.app.domains import Domains
from rag.app.parts import Parts
from rag.app.people import People
from rag.app.viewing import View, view
from rag.errors import NotFound
from rag.store.ledger import StoredVersion
from rag.store.placements import chunk_id
from rag.types import DocumentInfo, DomainInfo, Original, Payload, Principal


class Documents:
    """Each is shown to whoever may read it now in the domain that it belongs to."""

    def __init__(self, parts: Parts, domains: Domains, people: People) -> None:
        self._parts = parts
        self._domains = domains
        self._people = people

    async def list(
        self,
        principal: Principal,
        domain: str | None,
        *,
        failed: bool,
        held: bool,
        source: str | None,
        search: str,
        limit: int | None,
        after: str | None,
    ) -> list[DocumentInfo]:
        name = self._domains.get(domain).pack.name
        who = await self._people.within(principal, domain)
        return await asyncio.to_thread(
            self._parts.ledger.documents,
            name,
            who,
            failed=failed,
            held=held,
            source=source,
            search=search,
            limit=limit,
            after=after,
        )

    async def original(self, principal: Principal, document_id: str, version: int) -> Original:
        stored = await self._version(principal, document_id, version)
        data = await asyncio.to_thread(self._parts.blobs.get, stored.content_hash)
        return Original(data=data, name=stored.name, media_type=stored.media_type)

    async def text(self, principal: Principal, document_id: str, version: int) -> str:
        stored = await self._version(principal, document_id, version)
        document = await asyncio.to_thread(self._parts.blobs.get_document, stored.text_hash)
        return document.text

    async def view(
        self, principal: Principal, document_id: str, version: int, at: int, size: int
    ) -> View:
        stored = await self._version(principal, document_id, version)

        def made() -> View:
            about = self._parts.ledger.described(document_id, version)
            document = self._parts.blobs.get_document(stored.text_hash)
            return view(about, document, at, size)

        return await asyncio.to_thread(made)

    async def about(self, principal: Principal, domain: str | None) -> DomainInfo:
        who = await self._people.within(principal, domain)
        pack = self._domains.get(domain).pack
        sources = await asyncio.to_thread(self._parts.ledger.readable_sources, pack.name, who)
        return DomainInfo(
            name=pack.name,
            title=pack.title,
            description=pack.description,
            language=pack.language,
            suggested_questions=pack.suggested_questions,
            sources=tuple(sources),
        )

    async def chunks(
        self, principal: Principal, document_id: str, version: int, after: int, limit: int
    ) -> list[Payload]:
        await self._version(principal, document_id, version)
        ledger = self._parts.ledger

        def placed() -> tuple[str, int]:
            live = ledger.generations.live(ledger.domain(document_id))
            count = ledger.placements.chunks(live.id, document_id, version) if live else 0
            return (live.id if live else "", count)

        generation, count = await asyncio.to_thread(placed)
        wanted = range(after, min(count, after + limit))
        ids = [chunk_id(document_id, version, ordinal) for ordinal in wanted]
        if not ids:
            return []
        found = await self._parts.index.payloads(generation, ids)
        return [found[one] for one in ids if one in found]

    async def _version(self, principal: Principal, document_id: str, version: int) -> StoredVersion:
        ledger = self._parts.ledger
        try:
            domain = await asyncio.to_thread(ledger.domain, document_id)
            who = await self._people.within(principal, domain)
            return await asyncio.to_thread(ledger.version, who, document_id, version)
        except NotFound:
            # One answer for all: that a document exists is no business of who may not read it.
            raise NotFound("No such document version.") from None
