"""An HTTP server on loopback that a test scripts: what a vendor's interface would answer."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

LOOPBACK = ("127.0.0.1/32",)
SIGN_IN = "<!doctype html><title>Sign in</title><form><input type='password'></form>"


@dataclass
class Asked:
    """A request as it arrived; `body` is the bytes, `json` and `form` read them."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


Reply = tuple[int, dict[str, str], Any]


@dataclass
class Vendor:
    """`answer` says what each request gets: (status, headers, body); a body is text, bytes or JSON.

    `first` holds replies by "METHOD /path" that are given once, before `answer` is asked.
    """

    answer: Callable[[Asked], Reply] = lambda _: (404, {}, {})
    first: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def count(self, path: str) -> int:
        return sum(one.path == path for one in self.asked)

    @contextmanager
    def up(self) -> Iterator["Vendor"]:
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                query = dict(parse_qsl(parts.query, keep_blank_values=True))
                asked = Asked(self.command, parts.path, query, dict(self.headers), body)
                vendor.asked.append(asked)
                waiting = vendor.first.get(f"{self.command} {parts.path}")
                status, headers, said = waiting.pop(0) if waiting else vendor.answer(asked)
                kind = "text/html" if isinstance(said, str) else "application/octet-stream"
                if not isinstance(said, str | bytes):
                    said, kind = json.dumps(said), "application/json"
                data = said.encode() if isinstance(said, str) else said
                self.send_response(status)
                for name, value in ({"Content-Type": kind} | headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
