"""The one outgoing client reaches what is configured and nothing else."""

import asyncio
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rag.egress import client
from rag.errors import ConfigError, Forbidden


@contextmanager
def server(location=None):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302 if location else 200)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format, *args):
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()


def get(url, allowed, **options):
    async def scenario():
        async with client(allowed, 5) as http:
            return await http.get(url, **options)

    return asyncio.run(scenario())


def test_a_configured_address_is_reached():
    with server() as url:
        assert get(f"{url}/any/path", [f"{url}/v1"]).status_code == 200


@pytest.mark.parametrize("configured", ["http://127.0.0.1:9", "https://127.0.0.1", "http://a.b"])
def test_another_host_port_or_scheme_is_forbidden(configured):
    with server() as url, pytest.raises(Forbidden, match="not configured"):
        get(url, [configured])


def test_nothing_allowed_reaches_nothing():
    with server() as url, pytest.raises(Forbidden):
        get(url, [])


def test_a_redirect_is_returned_and_never_followed_out():
    with server() as other, server(location=other) as url:
        assert get(url, [url]).status_code == 302
        with pytest.raises(Forbidden):
            get(url, [url], follow_redirects=True)


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with server() as url:
        assert get(url, [url]).status_code == 200


@pytest.mark.parametrize("url", ["ftp://host/", "host", "", "file:///etc/passwd"])
def test_what_is_no_web_address_is_a_config_error(url):
    with pytest.raises(ConfigError):
        client([url], 5)
