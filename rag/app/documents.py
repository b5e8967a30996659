"""What can be read of the documents: the list, the kept bytes and the parsed text."""

from __future__ import annotations

import asyncio

from rag.app.domains import Domains
from rag.app.parts import Parts
from rag.app.people import People
from rag.errors import NotFound
from rag.store.ledger import StoredVersion
from rag.types import DocumentInfo, Original, Principal


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

    async def _version(self, principal: Principal, document_id: str, version: int) -> StoredVersion:
        ledger = self._parts.ledger
        try:
            domain = await asyncio.to_thread(ledger.domain, document_id)
            who = await self._people.within(principal, domain)
            return await asyncio.to_thread(ledger.version, who, document_id, version)
        except NotFound:
            # One answer for all: that a document exists is no business of who may not read it.
            raise NotFound("No such document version.") from None
