"""The outermost layer: who is addressed, how much is sent, what goes out, what is counted."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import MutableMapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.api.metrics import Metrics
from rag.api.problems import of_status, of_surprise, respond
from rag.config import ServerSettings

WIDGET = "/widget"
"""The page in the panel of the Ask widget; with `.js`, the script that opens it."""
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_UPLOAD = re.compile(r"/api/v1/sources/[^/]+/uploads/.*", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?", re.IGNORECASE)

_STYLE = "style-src 'self'"
_PAGE_POLICY = (
    f"default-src 'none'; script-src 'self'; {_STYLE}; connect-src 'self'; img-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
)
_DATA_POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox"
_NONCE = "ratchet.nonce"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_OF_DATA = {**_HEADERS, "Content-Security-Policy": _DATA_POLICY}
_OF_PAGES = {**_HEADERS, "Content-Security-Policy": f"{_PAGE_POLICY}'none'"}


def nonce_of(scope: MutableMapping[str, Any]) -> str:
    """What style elements of this answer have to carry; without it they have no effect."""
    return scope.setdefault(_NONCE, secrets.token_urlsafe(16))


class Guard:
    """Wraps the whole application; nothing reaches it or leaves it otherwise."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        names: frozenset[str],
        embed_in: Sequence[str],
        max_body_bytes: int,
        max_upload_bytes: int,
        metrics: Metrics,
    ) -> None:
        self.app = app
        self.names = names
        self.embedded = _embedded(embed_in) if embed_in else {}
        self.max_body_bytes = max_body_bytes
        self.max_upload_bytes = max_upload_bytes
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            # There are no websocket routes, so the application closes those.
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0
        path = scope["path"]
        usual = _OF_DATA if path.startswith("/api/") else _OF_PAGES
        goes_along = self.embedded.get(path, usual)

        async def guarded_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(goes_along)
                if (nonce := scope.get(_NONCE)) is not None:
                    policy = headers["Content-Security-Policy"]
                    headers["Content-Security-Policy"] = policy.replace(
                        _STYLE, f"{_STYLE} 'nonce-{nonce}'"
                    )
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            if (refusal := self._refusal(scope)) is not None:
                refused, detail = refusal
                problem = of_status(refused, detail, path)
                await respond(problem)(scope, receive, guarded_send)
            else:
                await self.app(scope, _counted(receive, self._limit(scope)), guarded_send)
        except ClientDisconnect:
            status = status or 499
        except Exception as error:  # noqa: BLE001 - the last place that can still answer
            problem = of_surprise(error)
            if not status:
                await respond(problem)(scope, receive, guarded_send)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            seconds = time.perf_counter() - started
            self.metrics.request(route, scope["method"], status or 499, seconds)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Why this request is not for us, if so.

        A page elsewhere can make a browser send requests here, under a name of its own that
        resolves to this machine, or under ours with a foreign Origin: neither is served.
        """
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _HOST.fullmatch(hosts[0]) is None:
            return 400, "The Host header is missing, repeated or malformed."
        if _name(hosts[0]) not in self.names:
            return 421, f"This server answers to {', '.join(sorted(self.names))} only."
        origins = headers.getlist("origin")
        if any(not _same(origin, hosts[0]) for origin in origins):
            return 403, "Requests from pages of another origin are refused."
        if _CONTROL.search(scope["path"]):
            # The routes' patterns end before a last newline: they would serve another path.
            return 422, "The path contains a control character."
        return _too_large(headers.getlist("content-length"), self._limit(scope))

    def _limit(self, scope: Scope) -> int:
        """Documents may be larger than what describes them, where they are sent as they are."""
        upload = scope["method"] == "PUT" and _UPLOAD.fullmatch(scope["path"])
        return self.max_upload_bytes if upload else self.max_body_bytes


def names_of(settings: ServerSettings) -> frozenset[str]:
    """The names by which the server is reached: this machine's own, its address, the public one."""
    urls = (settings.public_url, settings.local_url())
    return LOOPBACK_NAMES | {_name(urlsplit(url).netloc) for url in urls} - {""}


def _embedded(origins: Sequence[str]) -> dict[str, dict[str, str]]:
    """The headers of what pages of other origins may use: one page in a frame, and one script."""
    framed = {**_OF_PAGES, "Content-Security-Policy": _PAGE_POLICY + " ".join(origins)}
    del framed["X-Frame-Options"]  # It knows no origin but our own; the policy says more.
    script = {**_OF_PAGES, "Cross-Origin-Resource-Policy": "cross-origin"}
    return {WIDGET: framed, f"{WIDGET}.js": script}


def _too_large(lengths: Sequence[str], limit: int) -> tuple[int, str] | None:
    if len(lengths) > 1 or any(not re.fullmatch(r"\d{1,20}", length) for length in lengths):
        return 400, "The Content-Length header is repeated or malformed."
    if lengths and int(lengths[0]) > limit:
        return 413, _told(limit)
    return None


def _counted(receive: Receive, limit: int) -> Receive:
    """Stops reading where the limit is passed, whatever length was promised."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        if message["type"] == "http.request":
            read += len(message.get("body", b""))
            if read > limit:
                raise HTTPException(413, _told(limit))
        return message

    return counted


def _told(limit: int) -> str:
    return f"The body is larger than {limit} bytes."


def _name(host: str) -> str:
    match = _HOST.fullmatch(host)
    return match[1].lower() if match else ""


def _same(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()
