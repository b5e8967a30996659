"""A client for model endpoints: the origins that the configuration names, and no other."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore
import httpx

from rag.egress.addresses import Network, parsed
from rag.egress.connecting import WEB_PORTS, CheckedConnections, tls
from rag.errors import ConfigError, Forbidden, SourceError

DEFAULT_PORTS = {"http": 80, "https": 443}
_LOOPBACK = parsed(("127.0.0.0/8", "::1/128"))

Origin = tuple[str, str, int]


def client(
    allowed: Sequence[str],
    timeout: float,
    networks: Sequence[str] = (),
    setting: str = "networks",
    *,
    local_only: bool = False,
    meant: bool = True,
) -> httpx.AsyncClient:
    """A client for the scheme, host and port of each URL in `allowed`; any other is Forbidden.

    A name must lead to public addresses or into `networks` (CIDR), which the admin lists in
    `setting`; this is checked while connecting. An address written as an IP, and `localhost`, is
    where the admin meant to go. Redirects are not followed and proxies or credentials of the
    environment are not used. `timeout` is in seconds, for each connect, read and write.

    `local_only`: this machine and `networks`, however an address is written, and nothing else.
    Not `meant`: whoever wrote the address does not run this machine. However it is written, only
    `networks` and the web ports of public addresses count then.
    """
    origins = frozenset(origin(httpx.URL(url), url) for url in allowed)
    connections = EndpointConnections(parsed(networks), setting, local_only=local_only, meant=meant)
    return httpx.AsyncClient(
        transport=_Guarded(origins, connections),
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
    )


class _Guarded(httpx.AsyncHTTPTransport):
    """Checks the origin of every request, whoever built it."""

    def __init__(self, origins: frozenset[Origin], connections: EndpointConnections) -> None:
        super().__init__(verify=tls(), trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls(),
            # Callers bound how much is asked at once: an answer that streams holds one throughout.
            max_connections=None,
            max_keepalive_connections=64,
            keepalive_expiry=5,
            network_backend=connections,
        )
        self._origins = origins

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if origin(request.url, str(request.url)) not in self._origins:
            raise Forbidden(
                f"Not contacting {request.url.scheme}://{request.url.netloc.decode()}: "
                "it is not configured.",
                hint="Only addresses in the configuration are contacted.",
            )
        return await super().handle_async_request(request)


class EndpointConnections(CheckedConnections):
    """Only hosts of the configuration come here: `_Guarded` has refused every other."""

    def __init__(
        self, networks: Sequence[Network], setting: str, *, local_only: bool, meant: bool
    ) -> None:
        super().__init__(networks, () if meant else WEB_PORTS, public=not local_only)
        self._setting = setting
        self._meant = meant

    def networks(self, host: str) -> Sequence[Network]:
        if not self._meant:
            return self._networks
        if not self._public:
            return (*self._networks, *_LOOPBACK)
        if host.lower() == "localhost":
            return (*self._networks, *_LOOPBACK)
        try:
            return (*self._networks, ipaddress.ip_network(host))
        except ValueError:
            return self._networks

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            return await super().connect_tcp(host, port, timeout, local_address, socket_options)
        except Forbidden as error:
            raise Forbidden(error.message, hint=self._hint) from error
        except SourceError as error:
            # An endpoint is no source: to its callers, a name that is not found is a lost line.
            raise httpcore.ConnectError(error.message) from error

    @property
    def _hint(self) -> str:
        hint = f'If it is meant, list its network: {self._setting} = ["10.0.0.0/8"], say'
        if not self._public:
            return f"{hint}, or turn gateway.local_only off."
        if self._meant:
            return f"{hint}; an address written as an IP, or localhost, needs no listing."
        return f"{hint}, in rag.toml."

    async def require(self, host: str, port: int) -> None:
        try:
            await super().require(host, port)
        except Forbidden as error:
            raise Forbidden(error.message, hint=self._hint) from error


def origin(url: httpx.URL, written: str) -> Origin:
    if url.scheme not in DEFAULT_PORTS or not url.host:
        raise ConfigError(f"'{written}' is not an http or https URL.")
    return url.scheme, url.host.lower(), url.port or DEFAULT_PORTS[url.scheme]
