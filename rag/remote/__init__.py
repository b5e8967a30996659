"""The same verbs over HTTP, and `connect`: whichever process owns the data folder does the work."""

from __future__ import annotations

import asyncio
import importlib
import re
import time
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from rag.config import Settings
from rag.errors import Locked
from rag.remote.feedback import FeedbackVerbs
from rag.remote.line import query
from rag.remote.models import ModelVerbs
from rag.remote.runs import RunVerbs
from rag.remote.sources import SourceVerbs
from rag.store.folder import DataFolder
from rag.types import (
    LOCAL,
    Answer,
    AnswerEvent,
    AskRequest,
    Check,
    Collected,
    DocumentInfo,
    Group,
    Original,
    Principal,
    Role,
    SearchRequest,
    SearchResult,
)

if TYPE_CHECKING:
    from rag.app import App
    from rag.remote.accounts import RemoteAccounts
    from rag.remote.candidate_trials import RemoteCandidateTrials
    from rag.remote.conversations import RemoteConversations
    from rag.remote.datasets import RemoteCuration, RemoteDatasets
    from rag.remote.declared import RemoteDeclared
    from rag.remote.gaps import RemoteGaps
    from rag.remote.privacy import RemotePrivacy
    from rag.remote.trials import RemoteTrials
    from rag.remote.tuning import RemoteTuning

PAGE = 1_000
"""Documents that the server lists at once, at most."""
PATIENCE_SECONDS = 5.0
"""How long a server that has just taken the folder may need before it answers."""


async def connect(settings: Settings, patience: float = PATIENCE_SECONDS) -> App | RemoteApp:
    """The app on this data folder, here or in the server that holds it.

    Raises Locked, naming the owner, only if the server cannot be reached.
    """
    owner = await asyncio.to_thread(DataFolder.owner, settings.data)
    if owner is None or not owner.url:
        # Imported only where it is used: a verb that goes through a server starts at once. Not on
        # the loop, which may be answering already.
        await asyncio.to_thread(importlib.import_module, "rag.app")
        from rag.app import build

        return await build(settings)
    remote = RemoteApp(settings, owner.url)
    end = time.monotonic() + patience
    while not await remote.alive():
        if time.monotonic() >= end:
            await remote.aclose()
            raise Locked(
                f"The data folder {settings.data} is held by process {owner.pid}, "
                f"which does not answer at {owner.url}.",
                hint="Wait, stop that process, or choose another folder with --data.",
            )
        await asyncio.sleep(0.1)
    return remote


class RemoteApp(SourceVerbs, RunVerbs, ModelVerbs, FeedbackVerbs):
    """Speaks to a server's API as `rag.app.App` does to its parts."""

    @property
    def accounts(self) -> RemoteAccounts:
        # Imported only where it is used, as it brings the database's library.
        from rag.remote.accounts import RemoteAccounts

        return RemoteAccounts(self)

    @property
    def conversations(self) -> RemoteConversations:
        from rag.remote.conversations import RemoteConversations

        return RemoteConversations(self)

    @property
    def privacy(self) -> RemotePrivacy:
        from rag.remote.privacy import RemotePrivacy

        return RemotePrivacy(self)

    @property
    def datasets(self) -> RemoteDatasets:
        from rag.remote.datasets import RemoteDatasets

        return RemoteDatasets(self)

    @property
    def tuning(self) -> RemoteTuning:
        from rag.remote.tuning import RemoteTuning

        return RemoteTuning(self)

    @property
    def candidate_trials(self) -> RemoteCandidateTrials:
        from rag.remote.candidate_trials import RemoteCandidateTrials

        return RemoteCandidateTrials(self)

    @property
    def curation(self) -> RemoteCuration:
        from rag.remote.datasets import RemoteCuration

        return RemoteCuration(self)

    @property
    def gaps(self) -> RemoteGaps:
        from rag.remote.gaps import RemoteGaps

        return RemoteGaps(self)

    @property
    def trials(self) -> RemoteTrials:
        from rag.remote.trials import RemoteTrials

        return RemoteTrials(self)

    @property
    def declared(self) -> RemoteDeclared:
        from rag.remote.declared import RemoteDeclared

        return RemoteDeclared(self)

    def person(self, user: str | None, domain: str | None = None) -> Principal:
        """Named here, looked up by the server, whose pack knows the people."""
        roles = frozenset(Role) if user in (None, LOCAL) else frozenset({Role.USER})
        return Principal(id=user or LOCAL, roles=roles)

    async def ask(self, principal: Principal, request: AskRequest) -> Answer:
        body = request.model_dump(mode="json")
        return Answer.model_validate(
            await self.json("POST", "answers", principal, request.domain, json=body)
        )

    async def stream(self, principal: Principal, request: AskRequest) -> AsyncIterator[AnswerEvent]:
        body = request.model_dump(mode="json")
        async for name, data in self._events("answers", principal, request.domain, body):
            yield AnswerEvent.model_validate({"event": name, "data": data})

    async def search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        body = request.model_dump(mode="json")
        return SearchResult.model_validate(
            await self.json("POST", "searches", principal, request.domain, json=body)
        )

    async def domains(self, principal: Principal) -> list[str]:
        return (await self.json("GET", "domains", principal))["domains"]

    async def trace(self, principal: Principal, trace_id: str) -> Mapping[str, Any]:
        return await self.json("GET", f"traces/{quote(trace_id, safe='')}", principal)

    async def groups(self, principal: Principal, domain: str | None = None) -> list[Group]:
        found = await self.json("GET", "groups", principal, domain, params=query(domain=domain))
        return [Group.model_validate(one) for one in found["groups"]]

    async def change_group(
        self,
        principal: Principal,
        group: str,
        user: str,
        *,
        belongs: bool,
        domain: str | None = None,
    ) -> Group:
        from rag.people import checked_name

        # Checked here as well: the client would follow dots and slashes to another route.
        names = [quote(checked_name(*one), safe="") for one in ((group, "group"), (user, "person"))]
        path = "groups/{}/members/{}".format(*names)
        method = "PUT" if belongs else "DELETE"
        return Group.model_validate(
            await self.json(method, path, principal, domain, params=query(domain=domain))
        )

    async def documents(
        self,
        principal: Principal,
        *,
        domain: str | None = None,
        failed: bool = False,
        held: bool = False,
        source: str | None = None,
        search: str = "",
        limit: int | None = None,
        after: str | None = None,
    ) -> list[DocumentInfo]:
        flags = {"failed": failed, "held": held}
        chosen = query(
            domain=domain,
            source=source,
            search=search or None,
            **{name: "true" for name, on in flags.items() if on},
        )
        documents: list[DocumentInfo] = []
        while limit is None or len(documents) < limit:
            size = PAGE if limit is None else min(PAGE, limit - len(documents))
            params = {**chosen, "limit": str(size), **query(cursor=after)}
            found = await self.json("GET", "documents", principal, domain, params=params)
            documents += [DocumentInfo.model_validate(one) for one in found["documents"]]
            after = found["next"]
            if after is None:
                break
        return documents

    async def original(self, principal: Principal, document_id: str, version: int) -> Original:
        response = await self._version(principal, document_id, version, "original")
        names = re.findall(
            r"filename\*=UTF-8''([^;]+)", response.headers.get("content-disposition", "")
        )
        return Original(
            data=response.content,
            name=unquote(names[0]) if names else "original",
            media_type=response.headers.get("content-type", "application/octet-stream"),
        )

    async def text(self, principal: Principal, document_id: str, version: int) -> str:
        return (await self._version(principal, document_id, version, "text")).text

    async def collect(self, principal: Principal) -> Collected:
        return Collected.model_validate(await self.json("POST", "blobs/collect", principal))

    async def doctor(self) -> list[Check]:
        found = await self.json("GET", "checks", self.person(None))
        return [Check.model_validate(one) for one in found["checks"]]

    async def ready(self) -> list[Check]:
        response = await self._http.get("/readyz")
        return [Check.model_validate(one) for one in response.json()["checks"]]
