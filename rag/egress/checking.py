"""Whether an endpoint may be contacted that somebody named who does not run this machine."""

from __future__ import annotations

from collections.abc import Sequence

from rag.egress.addresses import parsed
from rag.egress.endpoints import DEFAULT_PORTS, EndpointConnections
from rag.egress.fetch import checked_url
from rag.errors import Forbidden


async def require_endpoint(
    address: str, networks: Sequence[str] = (), setting: str = "networks", *, local_only: bool
) -> None:
    """Raise Forbidden for what a `client` that is not `meant` would not contact now.

    Raises SourceError where the name does not resolve. Each connection is checked again.
    """
    url = checked_url(address)
    if url.query:
        # What is appended to the address would become a part of the query.
        raise Forbidden(f"Not contacting {url.host}: an endpoint's address has no query.")
    connections = EndpointConnections(parsed(networks), setting, local_only=local_only, meant=False)
    await connections.require(url.host, url.port or DEFAULT_PORTS[url.scheme])
