"""Fetching documents over http and https from any address that may be contacted."""

from __future__ import annotations

import asyncio
import base64
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpcore
import httpx

from rag.egress.addresses import Network, parsed
from rag.egress.connecting import WEB_PORTS, CheckedConnections
from rag.egress.connecting import tls as _tls
from rag.egress.endpoints import DEFAULT_PORTS, origin
from rag.errors import DocumentRejected, Forbidden, RagError, SourceError

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What may follow a redirect to another origin. Anything else may be a credential.
_HARMLESS = frozenset(
    {"accept", "accept-encoding", "accept-language", "if-modified-since", "if-none-match"}
    | {"range", "user-agent"}
)
_USER_AGENT = "Ratchet"


@dataclass(frozen=True)
class Response:
    """What came back: `url` after redirects, `content` decompressed, header names in any case."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes


def fetcher(
    networks: Sequence[str] = (),
    *,
    timeout: float = 30,
    max_bytes: int = 100_000_000,
    max_redirects: int = 5,
) -> Fetcher:
    """A Fetcher for public web addresses and those within `networks` (CIDR).

    `timeout` is in seconds and covers a call as a whole, redirects and body included; `max_bytes`
    holds for what is received and, apart from that, for what it decompresses to.
    """
    return Fetcher(parsed(networks), timeout, max_bytes, max_redirects)


class Fetcher:
    """Fetches over http and https; no cookies, no proxies, nothing from the environment.

    Every connection, also of a redirect, goes to an address checked while connecting. Raises
    Forbidden for what may not be contacted, SourceError for what does not answer properly and
    DocumentRejected("too_large"); any status is an answer.
    """

    def __init__(
        self, networks: Sequence[Network], timeout: float, max_bytes: int, max_redirects: int
    ) -> None:
        self._transport = _Transport(networks)
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._max_redirects = max_redirects

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Response:
        return await self.request("GET", url, headers=headers, auth=auth, params=params)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        data: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> Response:
        """`auth` is a name and password; the body is `content`, a form (`data`) or `json`.

        On a redirect to another origin only harmless headers go along, and a body never does.
        """
        target = checked_url(url)
        if params:
            target = target.copy_merge_params(params)
        sent = httpx.Headers({"Accept": "*/*", "User-Agent": _USER_AGENT})
        if auth:
            token = base64.b64encode(":".join(auth).encode()).decode()
            sent["Authorization"] = f"Basic {token}"
        sent.update(headers)
        sent["Accept-Encoding"] = "gzip"
        first = httpx.Request(method, target, headers=sent, content=content, data=data, json=json)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._follow(first)
        except TimeoutError as error:
            raise SourceError(
                f"{_shown(target)} did not answer in full within {self._timeout:g} s."
            ) from error

    async def _follow(self, request: httpx.Request) -> Response:
        for _ in range(self._max_redirects + 1):
            answer = await self._send(request)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location:
                return answer
            request = _redirected(request, answer.status, location)
        raise SourceError(f"{_shown(request.url)}: more than {self._max_redirects} redirects.")

    async def _send(self, request: httpx.Request) -> Response:
        shown = _shown(request.url)
        try:
            response = await self._transport.handle_async_request(request)
            try:
                content = await self._body(response, shown)
            finally:
                await response.aclose()
        except RagError:
            raise
        # ssl.SSLError and OSError: what the TLS layer raises past httpx's own mapping.
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise SourceError(
                f"{shown} cannot be read: {error or type(error).__name__}."
            ) from error
        return Response(str(request.url), response.status_code, response.headers, content)

    async def _body(self, response: httpx.Response, shown: str) -> bytes:
        """The body decompressed. Never holds more than `max_bytes` and one piece beyond."""
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise SourceError(f"{shown} answers in the encoding '{encoding}', which was not asked.")
        gunzip = _Gunzip() if encoding.endswith("gzip") else None
        received, body = 0, bytearray()
        async for piece in response.aiter_raw():
            received += len(piece)
            try:
                body += gunzip.feed(piece, self._max_bytes + 1 - len(body)) if gunzip else piece
            except zlib.error as error:
                raise SourceError(f"{shown} sent damaged gzip data.") from error
            if received > self._max_bytes or len(body) > self._max_bytes:
                raise DocumentRejected(
                    "too_large",
                    f"{shown} has more than {self._max_bytes:,} bytes.",
                    hint="Raise max_bytes of the source.",
                )
        if gunzip and received and not gunzip.whole:
            raise SourceError(f"{shown} sent gzip data that was cut short.")
        return bytes(body)


class _Gunzip:
    """Decompresses gzip, also in several members, never past the room it is given."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self.whole = False

    def feed(self, piece: bytes, room: int) -> bytes:
        out = bytearray()
        while piece and len(out) < room:
            if self._member.eof:
                self._member = zlib.decompressobj(wbits=31)
            out += self._member.decompress(piece, room - len(out))
            piece = self._member.unused_data
        self.whole = self._member.eof
        return bytes(out)


class _Transport(httpx.AsyncHTTPTransport):
    """httpx over checked connections; TLS still verifies the host by its name."""

    def __init__(self, networks: Sequence[Network]) -> None:
        super().__init__(verify=_tls(), trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_tls(),
            max_connections=20,
            max_keepalive_connections=10,
            keepalive_expiry=5,
            network_backend=CheckedConnections(networks, WEB_PORTS),
        )


def checked_url(text: str) -> httpx.URL:
    """A web address that every parser reads alike; anything else is Forbidden, unseen in errors."""
    try:
        url = httpx.URL(text)
        host = url.host and url.raw_host.decode()
        port = 1 if url.port is None else url.port
    except (httpx.InvalidURL, UnicodeError, TypeError) as error:
        raise Forbidden("Not contacting a malformed address.") from error
    # Backslashes, blanks and controls, empty ports, trailing dots: each is a host to one parser
    # and a path to another.
    odd = any(character <= " " or character in "\\\x7f" for character in text)
    if url.scheme not in DEFAULT_PORTS or not host or odd or not 0 < port < 65536:
        raise Forbidden("Not contacting what is not a plain http or https address.")
    authority = re.split(r"[/?#]", text.partition("://")[2], maxsplit=1)[0]
    if "@" in authority or host.endswith("."):
        raise Forbidden(
            f"Not contacting {host}: a name or password, or a final dot, has no place in a URL.",
            hint="Give credentials in fields of their own.",
        )
    return url.copy_with(fragment=None)


def _redirected(request: httpx.Request, status: int, location: str) -> httpx.Request:
    try:
        target = str(request.url.join(location))
    except (httpx.InvalidURL, ValueError) as error:
        raise Forbidden(f"{_shown(request.url)} redirects to a malformed address.") from error
    url = checked_url(target if location.isprintable() and "\\" not in location else "")
    same = origin(url, "") == origin(request.url, "")
    kept = [
        (name, value)
        for name, value in request.headers.items()
        if name not in ("host", "content-length", "content-type", "transfer-encoding")
        and (same or name in _HARMLESS)
    ]
    body = request.content
    if status == 303 or (status in (301, 302) and request.method == "POST"):
        method = "HEAD" if request.method == "HEAD" else "GET"
        return httpx.Request(method, url, headers=kept)
    if body and not same:
        raise Forbidden(f"{_shown(request.url)} would have the request repeated elsewhere.")
    if body:
        kept.append(("Content-Type", request.headers.get("content-type", "")))
    return httpx.Request(request.method, url, headers=kept, content=body or None)


def _shown(url: httpx.URL) -> str:
    """A URL for messages: the host in ASCII, so look-alikes show, and no query, which may be a
    secret."""
    return f"{url.scheme}://{url.netloc.decode()}{url.path}"
