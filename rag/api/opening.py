"""What answers while the app is still being built: alive, but not ready."""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.api.problems import headers_of, of_error, respond
from rag.errors import Unavailable


class Opening:
    """An application that passes everything on once `open` has given it the real one."""

    def __init__(self) -> None:
        self._inner: ASGIApp | None = None

    @property
    def is_open(self) -> bool:
        return self._inner is not None

    def open(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._inner is not None:
            await self._inner(scope, receive, send)
        elif scope["type"] == "http":
            if scope["path"] == "/healthz":
                response = JSONResponse({"status": "starting"})
            else:
                error = Unavailable("The server is starting.", hint="Try again in a moment.")
                response = respond(of_error(error, scope["path"]), headers_of(error))
            await response(scope, receive, send)
