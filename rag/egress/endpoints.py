"""A client for model endpoints: the origins that the configuration names, and no other."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from rag.errors import ConfigError, Forbidden

DEFAULT_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


def client(allowed: Sequence[str], timeout: float) -> httpx.AsyncClient:
    """A client for the scheme, host and port of each URL in `allowed`; any other is Forbidden.

    Redirects are not followed and proxies or credentials of the environment are not used, so what
    is contacted is what was configured. `timeout` is in seconds, for each connect, read and write.
    """
    origins = frozenset(origin(httpx.URL(url), url) for url in allowed)
    return httpx.AsyncClient(
        transport=_Guarded(origins), timeout=timeout, follow_redirects=False, trust_env=False
    )


class _Guarded(httpx.AsyncHTTPTransport):
    """Checks the origin of every request, whoever built it."""

    def __init__(self, origins: frozenset[Origin]) -> None:
        super().__init__(trust_env=False)
        self._origins = origins

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if origin(request.url, str(request.url)) not in self._origins:
            raise Forbidden(
                f"Not contacting {request.url.scheme}://{request.url.netloc.decode()}: "
                "it is not configured.",
                hint="Only addresses in the configuration are contacted.",
            )
        return await super().handle_async_request(request)


def origin(url: httpx.URL, written: str) -> Origin:
    if url.scheme not in DEFAULT_PORTS or not url.host:
        raise ConfigError(f"'{written}' is not an http or https URL.")
    return url.scheme, url.host.lower(), url.port or DEFAULT_PORTS[url.scheme]
