"""The same verbs over HTTP, and `connect`: whichever process owns the data folder does the work."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import httpx

from rag.config import Settings
from rag.errors import InvalidInput, Locked, RagError, Unavailable, of_code
from rag.store.folder import DataFolder
from rag.types import (
    LOCAL,
    Answer,
    AnswerEvent,
    AskRequest,
    Check,
    Collected,
    ConnectorInfo,
    DocumentInfo,
    Group,
    Original,
    Principal,
    Progress,
    Role,
    Run,
    Schedule,
    SearchRequest,
    SearchResult,
    SourceInfo,
    SyncReport,
)

if TYPE_CHECKING:
    from rag.app import App
    from rag.store.uploads import Upload

OnProgress = Callable[[Progress], None]
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
        # Imported only where it is used: a verb that goes through a server starts at once.
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


class RemoteApp:
    """Speaks to a server's API as `rag.app.App` does to its parts; errors come back typed."""

    def __init__(
        self, settings: Settings, url: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.settings = settings
        self.url = url
        # Proxies named in the environment are for the world outside, not for this machine.
        self._http = httpx.AsyncClient(
            base_url=url,
            transport=transport,
            trust_env=False,
            timeout=httpx.Timeout(None, connect=5.0),
        )

    async def alive(self) -> bool:
        """The server is there and past its start."""
        try:
            return (await self._http.get("/healthz", timeout=2.0)).json() == {"status": "ok"}
        except (httpx.HTTPError, ValueError):
            return False

    def person(self, user: str | None, domain: str | None = None) -> Principal:
        """Named here, looked up by the server, whose pack knows the people."""
        roles = frozenset(Role) if user in (None, LOCAL) else frozenset({Role.USER})
        return Principal(id=user or LOCAL, roles=roles)

    async def ask(self, principal: Principal, request: AskRequest) -> Answer:
        body = request.model_dump(mode="json")
        return Answer.model_validate(
            await self._json("POST", "answers", principal, request.domain, json=body)
        )

    async def stream(self, principal: Principal, request: AskRequest) -> AsyncIterator[AnswerEvent]:
        body = request.model_dump(mode="json")
        async for name, data in self._events("answers", principal, request.domain, body):
            yield AnswerEvent.model_validate({"event": name, "data": data})

    async def search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        body = request.model_dump(mode="json")
        return SearchResult.model_validate(
            await self._json("POST", "searches", principal, request.domain, json=body)
        )

    async def trace(self, principal: Principal, trace_id: str) -> Mapping[str, Any]:
        return await self._json("GET", f"traces/{quote(trace_id, safe='')}", principal)

    async def groups(self, principal: Principal, domain: str | None = None) -> list[Group]:
        found = await self._json("GET", "groups", principal, domain, params=_given(domain=domain))
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
            await self._json(method, path, principal, domain, params=_given(domain=domain))
        )

    async def add_source(
        self,
        principal: Principal,
        *,
        connector: str,
        config: Mapping[str, Any],
        name: str | None = None,
        domain: str | None = None,
    ) -> SourceInfo:
        body = {"connector": connector, "config": dict(config), "name": name, "domain": domain}
        return SourceInfo.model_validate(
            await self._json("POST", "sources", principal, domain, json=body)
        )

    async def sources(self, principal: Principal, domain: str | None = None) -> list[SourceInfo]:
        found = await self._json("GET", "sources", principal, domain, params=_given(domain=domain))
        return [SourceInfo.model_validate(one) for one in found["sources"]]

    async def connectors(self, principal: Principal) -> list[ConnectorInfo]:
        found = await self._json("GET", "connectors", principal)
        return [ConnectorInfo.model_validate(one) for one in found["connectors"]]

    async def check_connector(
        self, principal: Principal, *, connector: str, config: Mapping[str, Any]
    ) -> str:
        path = f"connectors/{quote(connector, safe='')}/check"
        found = await self._json("POST", path, principal, json={"config": dict(config)})
        return str(found["reads"])

    async def source(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> SourceInfo:
        return SourceInfo.model_validate(await self._of("GET", principal, source, "", domain))

    async def check_source(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> str:
        return str((await self._of("POST", principal, source, "/check", domain))["reads"])

    async def change_source(
        self,
        principal: Principal,
        source: str,
        config: Mapping[str, Any],
        domain: str | None = None,
    ) -> SourceInfo:
        body = {"config": dict(config)}
        return SourceInfo.model_validate(
            await self._of("PATCH", principal, source, "", domain, json=body)
        )

    async def pause_source(
        self, principal: Principal, source: str, paused: bool, domain: str | None = None
    ) -> SourceInfo:
        body = {"paused": paused}
        return SourceInfo.model_validate(
            await self._of("PUT", principal, source, "/pause", domain, json=body)
        )

    async def remove_source(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> int:
        return int((await self._of("DELETE", principal, source, "", domain))["documents"])

    async def release_hold(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> int:
        return int((await self._of("POST", principal, source, "/release", domain))["documents"])

    async def retry(
        self,
        principal: Principal,
        source: str,
        document: str | None = None,
        domain: str | None = None,
    ) -> int:
        body = {"document_id": document}
        done = await self._of("POST", principal, source, "/retry", domain, json=body)
        return int(done["documents"])

    async def upload(
        self,
        principal: Principal,
        source: str,
        name: str,
        data: bytes,
        *,
        media_type: str | None = None,
        readers: Sequence[str] = (),
        domain: str | None = None,
    ) -> Upload:
        # Imported only where it is used: other verbs need no database.
        from rag.store.uploads import Upload

        sent = await self._json(
            "PUT",
            _upload_path(source, name),
            principal,
            domain,
            params=_given(domain=domain, readers=",".join(readers) or None),
            headers={"Content-Type": media_type or "application/octet-stream"},
            content=data,
        )
        return Upload.model_validate(sent)

    async def uploads(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> list[Upload]:
        from rag.store.uploads import Upload

        found = await self._of("GET", principal, source, "/uploads", domain)
        return [Upload.model_validate(one) for one in found["uploads"]]

    async def remove_upload(
        self, principal: Principal, source: str, name: str, domain: str | None = None
    ) -> None:
        path = _upload_path(source, name)
        await self._send("DELETE", path, principal, domain, params=_given(domain=domain))

    async def rotate_keys(self, principal: Principal) -> int:
        return int((await self._json("POST", "keys/rotate", principal))["sources"])

    async def sync(
        self,
        principal: Principal,
        *,
        source: str | None = None,
        domain: str | None = None,
        progress: OnProgress | None = None,
    ) -> SyncReport:
        body = {"source": source, "domain": domain}
        return SyncReport.model_validate(
            await self._long("syncs", principal, domain, body, progress)
        )

    async def start_sync(self, principal: Principal, source: str, domain: str | None = None) -> Run:
        return Run.model_validate(await self._of("POST", principal, source, "/sync", domain))

    async def schedule_source(
        self,
        principal: Principal,
        source: str,
        schedule: Schedule | None,
        domain: str | None = None,
    ) -> SourceInfo:
        body = schedule.model_dump(exclude_defaults=True) if schedule else {}
        return SourceInfo.model_validate(
            await self._of("PUT", principal, source, "/schedule", domain, json=body)
        )

    async def runs(
        self,
        principal: Principal,
        *,
        source: str | None = None,
        domain: str | None = None,
        limit: int = 50,
    ) -> list[Run]:
        params = _given(source=source, domain=domain, limit=str(limit))
        found = await self._json("GET", "runs", principal, domain, params=params)
        return [Run.model_validate(one) for one in found["runs"]]

    async def run(self, principal: Principal, run_id: str, domain: str | None = None) -> Run:
        path = f"runs/{quote(run_id, safe='')}"
        params = _given(domain=domain)
        return Run.model_validate(await self._json("GET", path, principal, domain, params=params))

    async def follow_run(
        self, principal: Principal, run_id: str, domain: str | None = None
    ) -> AsyncIterator[Run]:
        path = f"runs/{quote(run_id, safe='')}/events"
        params = _given(domain=domain)
        async for _, data in self._events(path, principal, domain, params=params, method="GET"):
            yield Run.model_validate(data)

    async def cancel_run(self, principal: Principal, run_id: str, domain: str | None = None) -> Run:
        path = f"runs/{quote(run_id, safe='')}/cancel"
        params = _given(domain=domain)
        return Run.model_validate(await self._json("POST", path, principal, domain, params=params))

    async def rebuild(
        self,
        principal: Principal,
        *,
        domain: str | None = None,
        progress: OnProgress | None = None,
    ) -> int:
        done = await self._long("rebuilds", principal, domain, {"domain": domain}, progress)
        return int(done["documents"])

    async def evaluate(
        self,
        principal: Principal,
        *,
        domain: str | None = None,
        progress: OnProgress | None = None,
    ) -> Mapping[str, Any]:
        return await self._long("evaluations", principal, domain, {"domain": domain}, progress)

    async def documents(
        self,
        principal: Principal,
        *,
        domain: str | None = None,
        failed: bool = False,
        held: bool = False,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[DocumentInfo]:
        flags = {"failed": failed, "held": held}
        chosen = _given(domain=domain, **{name: "true" for name, on in flags.items() if on})
        documents: list[DocumentInfo] = []
        while limit is None or len(documents) < limit:
            size = PAGE if limit is None else min(PAGE, limit - len(documents))
            params = {**chosen, "limit": str(size), **_given(cursor=after)}
            found = await self._json("GET", "documents", principal, domain, params=params)
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
        return Collected.model_validate(await self._json("POST", "blobs/collect", principal))

    async def doctor(self) -> list[Check]:
        found = await self._json("GET", "checks", self.person(None))
        return [Check.model_validate(one) for one in found["checks"]]

    async def ready(self) -> list[Check]:
        response = await self._http.get("/readyz")
        return [Check.model_validate(one) for one in response.json()["checks"]]

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _version(
        self, principal: Principal, document_id: str, version: int, kind: str
    ) -> httpx.Response:
        path = f"documents/{quote(document_id, safe='')}/versions/{version}/{kind}"
        return await self._send("GET", path, principal)

    async def _of(
        self, method: str, principal: Principal, source: str, rest: str, domain: str | None,
        **given: Any,
    ) -> Any:  # fmt: skip
        path = f"sources/{quote(source, safe='')}{rest}"
        return await self._json(
            method, path, principal, domain, params=_given(domain=domain), **given
        )

    async def _json(
        self, method: str, path: str, principal: Principal, domain: str | None = None, **given: Any
    ) -> Any:
        return (await self._send(method, path, principal, domain, **given)).json()

    async def _send(
        self, method: str, path: str, principal: Principal, domain: str | None = None, **given: Any
    ) -> httpx.Response:
        headers = {**_who(principal, domain), **given.pop("headers", {})}
        try:
            response = await self._http.request(method, f"/api/v1/{path}", headers=headers, **given)
        except httpx.HTTPError as error:
            raise self._lost(error) from error
        if response.is_error:
            raise _error(response.content, response.status_code)
        return response

    async def _long(
        self,
        path: str,
        principal: Principal,
        domain: str | None,
        body: Mapping[str, Any],
        progress: OnProgress | None,
    ) -> Mapping[str, Any]:
        """Work that reports progress on the way and its result last."""
        async for name, data in self._events(path, principal, domain, body):
            if name == "result":
                return data
            if name == "progress" and progress is not None:
                progress(Progress.model_validate(data))
        raise Unavailable(f"The server at {self.url} ended before it was done.")

    async def _events(
        self,
        path: str,
        principal: Principal,
        domain: str | None,
        body: Mapping[str, Any] | None = None,
        *,
        method: str = "POST",
        params: Mapping[str, str] | None = None,
    ) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        headers = {**_who(principal, domain), "Accept": "text/event-stream"}
        try:
            async with self._http.stream(
                method, f"/api/v1/{path}", headers=headers, json=body, params=params
            ) as response:
                if response.is_error:
                    raise _error(await response.aread(), response.status_code)
                name = ""
                async for line in response.aiter_lines():
                    field, _, value = line.partition(": ")
                    if field == "event":
                        name = value
                    elif field == "data":
                        data = json.loads(value)
                        if name == "error":
                            raise _typed(data)
                        yield name, data
        except httpx.HTTPError as error:
            raise self._lost(error) from error

    def _lost(self, error: httpx.HTTPError) -> Unavailable:
        return Unavailable(
            f"The server at {self.url} cannot be reached ({type(error).__name__}).",
            hint="See whether it still runs, then try again.",
        )


def _upload_path(source: str, name: str) -> str:
    from rag.store.uploads import checked_name

    # Checked here as well: the client would follow dots and slashes to another route.
    return f"sources/{quote(source, safe='')}/uploads/{quote(checked_name(name), safe='')}"


def _who(principal: Principal, domain: str | None) -> dict[str, str]:
    if principal.id == LOCAL:
        return {}
    headers = {"X-Ratchet-As": principal.id, **_given(**{"X-Ratchet-Domain": domain})}
    for value in headers.values():
        if not value.isascii() or not value.isprintable():
            raise InvalidInput(f"'{value}' cannot name a person or a domain.")
    return headers


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _error(content: bytes, status: int) -> RagError:
    try:
        return _typed(json.loads(content))
    except ValueError:
        return Unavailable(f"The server answered {status} without saying why.")


def _typed(problem: Mapping[str, Any]) -> RagError:
    """The error the server raised, as the class that its code names."""
    message = str(problem.get("detail") or problem.get("title") or "The server failed.")
    return of_code(str(problem.get("code")), message, str(problem.get("hint") or ""))
