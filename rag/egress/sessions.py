"""A `requests` session for vendors' SDKs: every request goes out through the Fetcher."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Coroutine, Sequence
from functools import cache
from typing import Any, TypeVar

import httpx
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from rag.egress.fetch import Fetcher, checked_url, fetcher
from rag.errors import Forbidden

_T = TypeVar("_T")


def session(
    networks: Sequence[str] = (), *, timeout: float = 30, max_bytes: int = 100_000_000
) -> requests.Session:
    """A session for SDKs built on requests; where it may go and how far is as for `fetcher`.

    Redirects are followed as the Fetcher does, whatever `allow_redirects` says; bodies are read
    whole. Forbidden, SourceError and DocumentRejected are raised as they are, past the SDK's own
    handling of network errors. Proxies, netrc, cookies, `verify`, `cert` and the timeouts of the
    SDK count for nothing. Several threads may share it; one with a running event loop may not
    wait for it.
    """
    return _Session(fetcher(networks, timeout=timeout, max_bytes=max_bytes))


class _Session(requests.Session):
    def __init__(self, http: Fetcher) -> None:
        super().__init__()
        self.trust_env = False
        self.adapters.clear()
        self.mount("", _Adapter(http))  # every scheme, so that the Fetcher is who refuses some

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        checked_url(str(request.url))  # before requests reads it in its own way
        try:
            return super().prepare_request(request)
        except requests.exceptions.InvalidURL as error:
            raise Forbidden("Not contacting a malformed address.") from error


class _Adapter(BaseAdapter):
    def __init__(self, http: Fetcher) -> None:
        super().__init__()
        self._http = http

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        body = request.body
        if not (body is None or isinstance(body, bytes | str)):
            raise TypeError("A session sends bytes and text, no streams.")
        answer = _wait(
            self._http.request(
                str(request.method),
                str(request.url),
                headers={name: _text(value) for name, value in request.headers.items()},
                content=body.encode() if isinstance(body, str) else body,
            )
        )
        response = requests.Response()
        response.status_code = answer.status
        response.reason = httpx.codes.get_reason_phrase(answer.status)
        response.headers = CaseInsensitiveDict(answer.headers)
        response.encoding = get_encoding_from_headers(response.headers)
        response.url = answer.url
        response.request = request
        response.raw = io.BytesIO(answer.content)
        return response

    def close(self) -> None:
        _wait(self._http.aclose())


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _wait(call: Coroutine[Any, Any, _T]) -> _T:
    return asyncio.run_coroutine_threadsafe(call, _loop()).result()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One loop for all sessions, so that connections are kept alive; it ends with the process."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="egress", daemon=True).start()
    return loop
