"""Connections to addresses that were checked, made for httpcore; TLS as everyone here does it."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, cast

import certifi
import httpcore

from rag.egress.addresses import Network, addresses, within
from rag.errors import Forbidden

WEB_PORTS = frozenset({80, 443, 8080, 8443})
"""Beyond these, public hosts run mail, shells and databases, to which no URL must speak."""


class CheckedConnections(httpcore.AsyncNetworkBackend):
    """Connects to public addresses and those within `networks`, to the very one that was checked.

    Where `ports` are given, others are reached only on addresses within `networks`. Not `public`:
    nothing but `networks` is.
    """

    def __init__(
        self, networks: Sequence[Network], ports: Collection[int] = (), *, public: bool = True
    ) -> None:
        self._networks = networks
        self._ports = ports
        self._public = public
        self._plain = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        problem: Exception | None = None
        networks = self.networks(host)
        for address in await addresses(host, port, networks, public=self._public):
            self._require_port(host, port, address, networks)
            try:
                return await self._plain.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem or httpcore.ConnectError("no address")

    async def require(self, host: str, port: int) -> None:
        """Raise Forbidden or SourceError where it would not be connected to, as of now."""
        networks = self.networks(host)
        for address in await addresses(host, port, networks, public=self._public):
            self._require_port(host, port, address, networks)

    def _require_port(
        self, host: str, port: int, address: str, networks: Sequence[Network]
    ) -> None:
        known = not self._ports or port in self._ports
        if not known and not within(ipaddress.ip_address(address), networks):
            raise Forbidden(
                f"Not contacting {host}: port {port} is not a web port.",
                hint="An admin can allow it by listing its network in `networks`.",
            )

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise Forbidden("Unix sockets are not contacted.")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def networks(self, host: str) -> Sequence[Network]:
        """The networks that may be connected to under this name, beside what is public."""
        return self._networks


@cache
def tls() -> ssl.SSLContext:
    """Trusts the usual authorities and those that the machine's admin installed."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context
