"""Which addresses may be connected to: public ones, and those of networks that an admin allowed."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import Any

from rag.errors import ConfigError, Forbidden, SourceError

_RESOLVE_SECONDS = 15.0

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# What `is_global` of some Python lets through: cloud metadata, and ranges that write an IPv4
# address inside an IPv6 one (6to4) or relay to it. NAT64 and mapped ones lie outside 2000::/3.
_REFUSED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "2002::/16", "3fff::/20")
)
# Link-local and cloud metadata: an allowance must lie within one of these to open it.
_NAMED_ONLY: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "168.63.129.16/32", "100.100.100.200/32"
    )
)  # fmt: skip
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")


async def resolve(host: str, port: int, networks: Sequence[str] = ()) -> str:
    """An IP address of `host` that may be connected to. Connect to it, not to the name.

    Every address of the name is checked: one that is not public and not within `networks` (CIDR)
    raises Forbidden. A name that does not resolve raises SourceError.
    """
    return (await addresses(host, port, parsed(networks)))[0]


def resolve_now(host: str, port: int, networks: Sequence[str] = ()) -> str:
    """As `resolve`, for blocking code."""
    try:
        answers = socket.getaddrinfo(host or "\0", port, type=socket.SOCK_STREAM)
    except (OSError, ValueError, OverflowError) as error:
        raise _unresolved(host) from error
    return _checked(host, (answer[4][0] for answer in answers), parsed(networks))[0]


async def addresses(
    host: str, port: int, networks: Sequence[Network], *, public: bool = True
) -> list[str]:
    """Every address of the name, checked. Not `public`: those within `networks` only."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS):
            answers = await loop.getaddrinfo(host or "\0", port, type=socket.SOCK_STREAM)
    except (OSError, ValueError, OverflowError) as error:
        raise _unresolved(host) from error
    return _checked(host, (answer[4][0] for answer in answers), networks, public=public)


def _unresolved(host: str) -> SourceError:
    return SourceError(f"The host name {host!r} does not resolve.", hint="Check the address.")


def _checked(
    host: str, found: Iterable[Any], networks: Sequence[Network], *, public: bool = True
) -> list[str]:
    distinct = list(dict.fromkeys(str(address) for address in found))
    for text in distinct:
        address = ipaddress.ip_address(text)
        if not ((public and _public(address)) or within(address, networks)):
            what = "is not a public address" if public else "is in none of the allowed networks"
            raise Forbidden(
                f"Not contacting {host}: {text} {what}.",
                hint="An admin can allow it by listing its network in `networks` of the source.",
            )
    if not distinct:
        raise _unresolved(host)
    return distinct


def _public(address: _Address) -> bool:
    if any(address in network for network in _REFUSED):
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_V6:
        return False
    return address.is_global and not address.is_multicast


def within(address: _Address, networks: Sequence[Network]) -> bool:
    """True where a network was allowed that holds the address.

    What hands out a machine's credentials is allowed by naming it alone, never by a wide network.
    """
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    forms = [form for form in (address, mapped) if form]
    guards = [guard for guard in _NAMED_ONLY if any(form in guard for form in forms)]
    return any(
        any(form in network for form in forms)
        and all(_lies_within(network, guard) for guard in guards)
        for network in networks
    )


def _lies_within(network: Network, guard: Network) -> bool:
    return network.network_address in guard and network.prefixlen >= guard.prefixlen


def parsed(networks: Sequence[str]) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(network) for network in networks)
    except ValueError as error:
        raise ConfigError(f"{error}.", hint="Write networks as CIDR, e.g. 10.0.0.0/8.") from error
