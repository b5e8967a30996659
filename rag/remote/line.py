"""The line to the server that holds the data folder: requests, events, typed errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from rag.config import Settings
from rag.errors import InvalidInput, RagError, RateLimited, Unavailable, of_code
from rag.types import LOCAL, Principal, Progress

OnProgress = Callable[[Progress], None]


class Line:
    """Asks a server's API; errors come back typed."""

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
            headers=_shown(settings),
            timeout=httpx.Timeout(None, connect=5.0),
        )

    async def alive(self) -> bool:
        """The server is there and past its start."""
        try:
            return (await self._http.get("/healthz", timeout=2.0)).json() == {"status": "ok"}
        except (httpx.HTTPError, ValueError):
            return False

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _version(
        self, principal: Principal, document_id: str, version: int, kind: str
    ) -> httpx.Response:
        path = f"documents/{quote(document_id, safe='')}/versions/{version}/{kind}"
        return await self.send("GET", path, principal)

    async def _of(
        self, method: str, principal: Principal, source: str, rest: str, domain: str | None,
        **given: Any,
    ) -> Any:  # fmt: skip
        path = f"sources/{quote(source, safe='')}{rest}"
        return await self.json(
            method, path, principal, domain, params=query(domain=domain), **given
        )

    async def json(
        self, method: str, path: str, principal: Principal, domain: str | None = None, **given: Any
    ) -> Any:
        return (await self.send(method, path, principal, domain, **given)).json()

    async def send(
        self, method: str, path: str, principal: Principal, domain: str | None = None, **given: Any
    ) -> httpx.Response:
        headers = {**_who(principal, domain), **given.pop("headers", {})}
        try:
            response = await self._http.request(method, f"/api/v1/{path}", headers=headers, **given)
        except httpx.HTTPError as error:
            raise self._lost(error) from error
        if response.is_error:
            raise _error(response, response.content)
        return response

    async def long(
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

    async def lines(self, path: str, principal: Principal) -> AsyncIterator[str]:
        """A long answer, line by line."""
        try:
            async with self._http.stream(
                "GET", f"/api/v1/{path}", headers=_who(principal, None)
            ) as response:
                if response.is_error:
                    raise _error(response, await response.aread())
                async for line in response.aiter_lines():
                    yield line
        except httpx.HTTPError as error:
            raise self._lost(error) from error

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
                    raise _error(response, await response.aread())
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


def _who(principal: Principal, domain: str | None) -> dict[str, str]:
    if principal.id == LOCAL:
        return {}
    headers = {"X-Ratchet-As": principal.id, **query(**{"X-Ratchet-Domain": domain})}
    for value in headers.values():
        if not value.isascii() or not value.isprintable():
            raise InvalidInput(f"'{value}' cannot name a person or a domain.")
    return headers


def _shown(settings: Settings) -> dict[str, str]:
    """Where people sign in, this command line shows that it can read the data folder."""
    if not settings.accounts.required:
        return {}
    from rag.store.vault import KEY_FILE, Vault

    return {"Authorization": f"Bearer {Vault(settings.data / KEY_FILE).operator()}"}


def query(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _error(response: httpx.Response, content: bytes) -> RagError:
    try:
        error = _typed(json.loads(content))
    except ValueError:
        return Unavailable(f"The server answered {response.status_code} without saying why.")
    if isinstance(error, RateLimited):
        error.after_s = int(response.headers.get("Retry-After", error.after_s))
    return error


def _typed(problem: Mapping[str, Any]) -> RagError:
    """The error the server raised, as the class that its code names."""
    message = str(problem.get("detail") or problem.get("title") or "The server failed.")
    return of_code(str(problem.get("code")), message, str(problem.get("hint") or ""))
