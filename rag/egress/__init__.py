"""The one way out: HTTP that reaches what was allowed and nothing else.

Addresses are checked where the connection is made, so a name that resolves to another address
between check and use gains nothing. Clients of other protocols ask `resolve` and connect to the
address it returns.
"""

from rag.egress.addresses import resolve, resolve_now
from rag.egress.checking import require_endpoint
from rag.egress.endpoints import client
from rag.egress.fetch import Fetcher, Response, fetcher
from rag.egress.sessions import session

__all__ = [
    "Fetcher",
    "Response",
    "client",
    "fetcher",
    "require_endpoint",
    "resolve",
    "resolve_now",
    "session",
]
