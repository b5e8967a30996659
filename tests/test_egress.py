"""What goes out reaches what is allowed and nothing else: forbidden listeners count to 0."""

import asyncio
import gzip
import socket
import ssl
import threading
import tracemalloc
import zlib
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import httpcore
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rag.egress import client, fetch, fetcher, resolve, resolve_now
from rag.egress.addresses import addresses, parsed, within
from rag.errors import ConfigError, DocumentRejected, Forbidden, SourceError


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


def get(url, allowed, networks=(), local_only=False, **options):
    async def scenario():
        setting = "models.small.networks"
        async with client(allowed, 5, networks, setting, local_only=local_only) as http:
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


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost"])
def test_an_address_that_the_admin_wrote_literally_is_reached(host):
    with server() as url:
        url = url.replace("127.0.0.1", host)
        assert get(url, [url]).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_local_only_reaches_this_machine(host):
    with server() as url:
        url = url.replace("127.0.0.1", host)
        assert get(url, [url], local_only=True).status_code == 200


@pytest.mark.parametrize("host", ["vllm.internal", "10.0.0.8", "93.184.216.34"])
def test_local_only_reaches_nothing_else(monkeypatch, host):
    names(monkeypatch, ["93.184.216.34"])
    url = f"http://{host}:9/v1"
    with pytest.raises(Forbidden, match="none of the allowed networks") as caught:
        get(url, [url], ("10.1.0.0/16",), local_only=True)
    assert "gateway.local_only off" in caught.value.hint


def test_local_only_reaches_the_networks_that_are_listed(monkeypatch):
    names(monkeypatch, ["10.1.0.8"])
    listed = parsed(("10.1.0.0/16",))
    found = asyncio.run(addresses("vllm.internal", 80, listed, public=False))
    assert found == ["10.1.0.8"]


@pytest.mark.parametrize("host", ["127.1", "2130706433", "vllm.internal", "8.8.8.8.nip.test"])
def test_a_name_that_leads_into_a_private_network_is_refused_unless_allowed(monkeypatch, host):
    async def scenario():
        async with Site(ok()).at() as site:
            names(monkeypatch, [ALLOWED])
            url = f"http://{host}:{site.port}/v1"
            for networks in ((), ("10.0.0.0/8",)):
                async with client([url], 5, networks, "models.small.networks") as http:
                    with pytest.raises(Forbidden, match="not a public address") as caught:
                        await http.post(url, json={})
                    assert 'models.small.networks = ["' in caught.value.hint
            refused = site.connections
            async with client([url], 5, ("127.0.0.1/32",)) as http:
                assert (await http.post(url, json={})).text == "hello"
            return refused

    assert asyncio.run(scenario()) == 0


def test_an_endpoint_that_changes_its_address_is_checked_each_time(monkeypatch):
    async def scenario():
        async with Site(ok()).at() as site, Site(ok()).at(PRIVATE, site.port) as private:
            url = f"http://rebind.test:{site.port}/"
            calls = names(monkeypatch, [ALLOWED], [PRIVATE])
            for _ in range(2):
                async with client([url], 5, (f"{ALLOWED}/32",)) as http:
                    if not calls:
                        assert (await http.get(url)).status_code == 200
                        continue
                    with pytest.raises(Forbidden, match=PRIVATE):
                        await http.get(url)
            return private.connections

    assert asyncio.run(scenario()) == 0


def test_an_endpoint_whose_name_is_unknown_is_a_lost_line():
    url = "http://nowhere.invalid/"
    with pytest.raises(httpx.ConnectError, match="does not resolve"):
        get(url, [url])


def test_networks_of_an_endpoint_are_checked_when_it_is_made():
    with pytest.raises(ConfigError, match="CIDR"):
        client(["http://a.test"], 5, ["intranet"])


# --- the fetcher ------------------------------------------------------------------------------

# Two hosts on this machine: one that the tests allow, and one that nobody may reach.
ALLOWED, PRIVATE = "127.0.0.1", "127.0.0.2"


class Site:
    """A server that answers every request with the same bytes and keeps what it was sent."""

    def __init__(self, answer=b"", endless=b"", pause=0.0):
        self.answer, self.endless, self.pause = answer, endless, pause
        self.connections, self.requests, self.sent = 0, [], 0

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = [line[15:] for line in head.split(b"\r\n") if line[:15].lower() == LENGTH]
                body = await reader.readexactly(int(length[0])) if length else b""
                self.requests.append((head + body).decode())
                writer.write(self.answer)
                while self.endless:
                    writer.write(self.endless)
                    await writer.drain()
                    self.sent += len(self.endless)
                    await asyncio.sleep(self.pause)
                if b"Content-Length" not in self.answer and b" 204 " not in self.answer:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed = True
        finally:
            writer.close()

    @asynccontextmanager
    async def at(self, host=ALLOWED, port=0, tls=None):
        server = await asyncio.start_server(self.serve, host, port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        self.url = f"http{'s' if tls else ''}://{host}:{self.port}"
        try:
            yield self
        finally:
            server.close()


LENGTH = b"content-length:"


def ok(body=b"hello", *headers):
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def redirect(location, status=302):
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


async def fetch_one(url, networks=(f"{ALLOWED}/32",), method="GET", sent=None, **limits):
    async with fetcher(networks, **({"timeout": 20} | limits)) as http:
        return await http.request(method, url, **(sent or {}))


async def answer_of(site, path="/", **options):
    async with site.at():
        return await fetch_one(site.url + path, **options)


def names(monkeypatch, *answers):
    """Every look-up of a name gives the next of `answers`, the last for ever; returns the calls."""
    calls, real = [], socket.getaddrinfo

    def getaddrinfo(host, port, *args, **kwargs):
        if host.replace(".", "").isdigit():
            return real(host, port, *args, **kwargs)
        calls.append(host)
        found = answers[min(len(calls), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return calls


FORBIDDEN_HOSTS = [
    "127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::]",
    "2130706433", "0x7f000001", "0x7f.1", "017700000001", "127.1", "127.0.1",
    "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[2002:7f00:1::]", "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]", "[3fff::1]", "[2001:0:7f00:1::]", "100.64.0.1", "100.100.100.200",
    "169.254.169.254", "168.63.129.16", "[fd00:ec2::254]", "[fe80::1]", "[fec0::1]",
    "10.0.0.1", "172.16.0.1", "192.168.0.1", "192.0.0.192", "198.18.0.1", "224.0.0.1",
    "192.88.99.1", "240.0.0.1", "255.255.255.255", "[ff02::1]", "127\u30020\uff0e0\uff611",
]  # fmt: skip


@pytest.mark.parametrize("host", FORBIDDEN_HOSTS)
def test_no_way_to_write_a_private_address_reaches_it(host):
    async def scenario():
        async with Site(ok()).at() as site:
            with pytest.raises(Forbidden, match="not a public address"):
                await fetch_one(f"http://{host}:{site.port}/", networks=())
            return site.connections

    assert asyncio.run(scenario()) == 0


@pytest.mark.parametrize("host", [host.strip("[]") for host in FORBIDDEN_HOSTS if host.isascii()])
def test_other_protocols_are_given_no_such_address(host):
    with pytest.raises(Forbidden, match="not a public address"):
        resolve_now(host, 993)
    with pytest.raises(Forbidden, match="not a public address"):
        asyncio.run(resolve(host, 993))


@pytest.mark.parametrize("networks", [["127.0.0.0/8"], ["10.0.0.0/8", "127.0.0.1"]])
def test_an_allowed_network_is_resolved_to_the_address_to_connect_to(networks):
    assert resolve_now("127.1", 993, networks) == "127.0.0.1"
    assert asyncio.run(resolve("127.1", 993, networks)) == "127.0.0.1"
    assert resolve_now("::ffff:127.0.0.1", 993, networks) == "::ffff:127.0.0.1"
    with pytest.raises(Forbidden):
        resolve_now("127.1", 993, ["127.0.0.2/32"])


@pytest.mark.parametrize("host", ["", "a" * 64 + ".example", "nul\0", "a..b"])
def test_what_does_not_resolve_is_a_source_error(host):
    with pytest.raises(SourceError, match="does not resolve"):
        resolve_now(host, 443)
    with pytest.raises(SourceError, match="does not resolve"):
        asyncio.run(resolve(host, 443))


def test_a_network_that_is_none_is_a_config_error():
    with pytest.raises(ConfigError, match="CIDR"):
        fetcher(["10.0.0.1/8"])
    with pytest.raises(ConfigError, match="CIDR"):
        resolve_now("8.8.8.8", 443, ["intranet"])


def test_metadata_names_are_refused_by_where_they_lead(monkeypatch):
    names(monkeypatch, ["169.254.169.254"])
    with pytest.raises(Forbidden, match=r"169\.254\.169\.254"):
        asyncio.run(fetch_one("http://metadata.google.internal/computeMetadata/v1/"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_a_private_host_is_refused(status):
    async def scenario():
        async with Site(ok()).at(PRIVATE) as private:
            with pytest.raises(Forbidden, match=PRIVATE):
                await answer_of(Site(redirect(f"{private.url}/secret", status)))
            return private.connections

    assert asyncio.run(scenario()) == 0


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "data:text/plain,x", "gopher://127.0.0.1/", "http://u:p@127.0.0.1/",
     "http://127.0.0.1:0/", "http:\\\\127.0.0.2/", "http://[::1", "//127.0.0.2\\@127.0.0.1/"],
)  # fmt: skip
def test_a_redirect_to_no_web_address_is_refused(location):
    site = Site(redirect(location))
    with pytest.raises(Forbidden):
        asyncio.run(answer_of(site))
    assert site.connections == 1


def test_redirects_end():
    site = Site(redirect("/again"))
    with pytest.raises(SourceError, match="more than 5 redirects"):
        asyncio.run(answer_of(site))
    assert len(site.requests) == 6


def test_a_redirect_within_the_site_is_followed_and_its_end_is_named():
    async def scenario():
        async with Site(ok(b"end")).at() as end:
            answer = await answer_of(Site(redirect(f"{end.url}/a b#part")))
            return answer, end.url

    answer, url = asyncio.run(scenario())
    assert (answer.url, answer.content, answer.status) == (f"{url}/a%20b", b"end", 200)


def test_a_name_that_changes_its_address_is_checked_each_time(monkeypatch):
    """DNS rebinding: what is connected to is the address that was checked."""

    async def scenario():
        async with Site(ok(b"open")).at() as site, Site(ok()).at(PRIVATE, site.port) as private:
            url = f"http://rebind.test:{site.port}/"
            calls = names(monkeypatch, [ALLOWED], [PRIVATE])
            assert (await fetch_one(url)).content == b"open"
            assert calls == ["rebind.test"]
            with pytest.raises(Forbidden, match=PRIVATE):
                await fetch_one(url)
            return private.connections

    assert asyncio.run(scenario()) == 0


def test_a_name_with_one_private_address_among_others_is_refused(monkeypatch):
    async def scenario():
        async with Site(ok()).at() as site:
            names(monkeypatch, [ALLOWED, PRIVATE])
            with pytest.raises(Forbidden, match=PRIVATE):
                await fetch_one(f"http://mixed.test:{site.port}/")
            return site.connections

    assert asyncio.run(scenario()) == 0


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://{host}/", "gopher://{host}/", "data:text/html,x", "",
     "javascript:alert(1)", "unix:///run/docker.sock", "http+unix://%2Frun%2Fdocker.sock/", "//x/",
     "http://user:pass@{host}/", "http://user@{host}/", "http://@{host}/", "http://:@{host}/",
     "http://{host}\\@8.8.8.8/", "http://8.8.8.8\\@{host}/", "http:\\\\{host}/",
     "http://{host}\t/", "\nhttp://{host}/", "http://{host}/ x", "http://{host}/\r\nHost: x",
     "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://127.0.0.1:80:80/", "http://[::1/",
     "http:///path", "http://127.0.0.1./", "http://8.8.8.8@{host}#@8.8.8.8/", "http://\0@{host}/"],
)  # fmt: skip
def test_what_parsers_could_read_differently_is_never_contacted(url):
    async def scenario():
        async with Site(ok()).at() as site:
            with pytest.raises(Forbidden) as caught:
                await fetch_one(url.replace("{host}", f"{ALLOWED}:{site.port}"))
            assert "pass" not in str(caught.value).replace("password", "")
            return site.connections

    assert asyncio.run(scenario()) == 0


def test_a_look_alike_name_is_shown_in_ascii(monkeypatch):
    names(monkeypatch, [PRIVATE])
    with pytest.raises(Forbidden, match=r"xn--pple-43d\.com"):
        asyncio.run(fetch_one("http://\u0430pple.com/"))


@pytest.mark.parametrize("port", [21, 22, 25, 5432, 6333, 6379, 9200])
def test_only_web_ports_of_public_hosts_are_contacted(monkeypatch, port):
    names(monkeypatch, ["8.8.8.8"])
    connected = []

    async def connect(self, host, port, *args):
        connected.append((host, port))
        raise httpcore.ConnectError("played")

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    with pytest.raises(Forbidden, match="not a web port"):
        asyncio.run(fetch_one(f"http://public.test:{port}/"))
    assert connected == []
    with pytest.raises(SourceError, match="played"):
        asyncio.run(fetch_one("https://public.test/"))
    assert connected == [("8.8.8.8", 443)]


@pytest.mark.parametrize("headers", [b"Content-Length: 999999\r\n\r\n", b"\r\n"])
def test_a_body_that_drips_for_ever_ends_at_the_total_time(headers):
    site = Site(b"HTTP/1.1 200 OK\r\n" + headers, endless=b".", pause=0.02)
    with pytest.raises(SourceError, match=r"in full within 0\.5 s"):
        asyncio.run(answer_of(site, timeout=0.5))


def test_a_server_that_says_nothing_ends_at_the_total_time():
    with pytest.raises(SourceError, match=r"in full within 0\.3 s"):
        asyncio.run(answer_of(Site(endless=b"", answer=b"HTTP/1.1 100 Go\r\n\r\nContent-Length"),
                              timeout=0.3))  # fmt: skip


def test_headers_without_end_are_refused():
    with pytest.raises(SourceError, match="cannot be read"):
        asyncio.run(answer_of(Site(b"HTTP/1.1 200 OK\r\n", endless=b"X: " + b"y" * 4000)))


def test_more_than_the_cap_is_refused_and_no_longer_read():
    site = Site(b"HTTP/1.1 200 OK\r\n\r\n", endless=b"x" * 10_000)
    with pytest.raises(DocumentRejected, match="more than 100,000 bytes") as caught:
        asyncio.run(answer_of(site, max_bytes=100_000))
    assert caught.value.reason == "too_large"


def test_exactly_the_cap_is_read_and_one_more_is_not():
    assert asyncio.run(answer_of(Site(ok(b"x" * 100)), max_bytes=100)).content == b"x" * 100
    with pytest.raises(DocumentRejected):
        asyncio.run(answer_of(Site(ok(b"x" * 101)), max_bytes=100))


def test_a_body_longer_than_declared_is_cut_where_it_said():
    site = Site(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", endless=b"x" * 10_000)
    assert asyncio.run(answer_of(site)).content == b"x" * 1000


def test_a_body_shorter_than_declared_is_no_document():
    site = Site(b"HTTP/1.1 200 OK\r\nContent-length: 1000\r\n\r\nonly this")
    with pytest.raises(SourceError, match="cannot be read"):
        asyncio.run(answer_of(site))


def test_a_gzip_bomb_is_refused_before_it_fills_memory():
    bomb = gzip.compress(bytes(300_000_000), compresslevel=9, mtime=0)
    assert len(bomb) < 1_000_000
    site = Site(ok(bomb, "Content-Encoding: gzip"))
    tracemalloc.start()
    try:
        with pytest.raises(DocumentRejected, match="more than 1,000,000 bytes"):
            asyncio.run(answer_of(site, max_bytes=1_000_000))
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_gzip_that_gives_nothing_is_held_to_what_is_received():
    empty = gzip.compress(b"", mtime=0) * 1000
    with pytest.raises(DocumentRejected, match="more than 10,000 bytes"):
        asyncio.run(answer_of(Site(ok(empty, "Content-Encoding: gzip")), max_bytes=10_000))


def test_gzip_is_read_in_one_member_and_in_several():
    parts = gzip.compress(b"one ", mtime=0) + gzip.compress(b"two", mtime=0)
    for encoding in ("gzip", "x-gzip", "GZIP"):
        answer = asyncio.run(answer_of(Site(ok(parts, f"Content-Encoding: {encoding}"))))
        assert answer.content == b"one two"


@pytest.mark.parametrize(
    ("body", "encoding", "says"),
    [(gzip.compress(b"x" * 1000, mtime=0)[:-9], "gzip", "cut short"), (b"plain", "gzip", "damaged"),
     (b"\x8b\x00\x80", "br", "not asked"), (zlib.compress(b"x"), "deflate", "not asked"),
     (gzip.compress(gzip.compress(b"x", mtime=0), mtime=0), "gzip, gzip", "not asked")],
)  # fmt: skip
def test_an_encoding_that_cannot_be_trusted_is_a_source_error(body, encoding, says):
    with pytest.raises(SourceError, match=says):
        asyncio.run(answer_of(Site(ok(body, f"Content-Encoding: {encoding}"))))


@pytest.mark.parametrize("status", [204, 304, 401, 404, 410, 429, 451, 500, 503])
def test_every_status_is_an_answer(status):
    answer = f'HTTP/1.1 {status} X\r\nETag: "a"\r\nContent-Length: 0\r\n\r\n'
    response = asyncio.run(answer_of(Site(answer.encode())))
    assert (response.status, response.headers["etag"]) == (status, '"a"')


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"", b"HTTP/0.9 hi", b"SSH-2.0-x\r\n"])
def test_what_is_no_http_is_a_source_error(answer):
    with pytest.raises(SourceError, match="cannot be read"):
        asyncio.run(answer_of(Site(answer)))


def test_a_refused_connection_is_a_source_error_and_the_query_stays_out_of_it():
    async def scenario():
        async with Site().at() as site:
            url = site.url
        await fetch_one(f"{url}/page?token=hush")

    with pytest.raises(SourceError, match="/page cannot be read") as caught:
        asyncio.run(scenario())
    assert "hush" not in str(caught.value)


CREDENTIALS = {"auth": ("me", "pw"), "headers": {"Cookie": "a=1", "Private-Token": "t"}}


def test_credentials_stay_with_their_host():
    async def scenario():
        async with Site(ok()).at(PRIVATE) as other:
            site = Site(redirect(f"{other.url}/x"))
            await answer_of(site, networks=["127.0.0.0/8"], sent=CREDENTIALS)
            return site.requests[0].lower(), other.requests[0].lower()

    first, second = asyncio.run(scenario())
    for name in ("authorization:", "cookie:", "private-token:"):
        assert name in first
        assert name not in second
    assert "user-agent: ratchet" in second


def test_credentials_stay_with_their_port_and_within_the_site_they_stay():
    async def scenario():
        async with Site(ok()).at() as other:
            site = Site(redirect(f"{other.url}/x"))
            await answer_of(site, sent=CREDENTIALS)
            looping = Site(redirect("/x"))
            with pytest.raises(SourceError):
                await answer_of(looping, sent=CREDENTIALS)
            return other.requests[0], looping.requests[1]

    other, same = asyncio.run(scenario())
    assert "authorization:" not in other.lower()
    assert "authorization: basic bWU6cHc=".lower() in same.lower()


def test_cookies_are_never_kept():
    async def scenario():
        site = Site(ok(b"x", "Set-Cookie: session=1; Path=/"))
        async with site.at(), fetcher([f"{ALLOWED}/32"]) as http:
            await http.get(site.url)
            await http.get(site.url)
        return site

    site = asyncio.run(scenario())
    assert site.connections == 1
    assert len(site.requests) == 2
    assert "cookie" not in site.requests[1].lower()


@pytest.mark.parametrize("status", [307, 308])
def test_a_body_is_repeated_within_the_origin_and_nowhere_else(status):
    async def scenario():
        async with Site(ok()).at(PRIVATE) as other:
            site = Site(redirect(f"{other.url}/x", status))
            sent = {"data": {"client_secret": "hush"}}
            with pytest.raises(Forbidden, match="repeated elsewhere"):
                await answer_of(site, networks=["127.0.0.0/8"], method="POST", sent=sent)
            looping = Site(redirect("/x", status))
            with pytest.raises(SourceError):
                await answer_of(looping, method="POST", sent=sent)
            return other.connections, looping.requests[1]

    connections, repeated = asyncio.run(scenario())
    assert connections == 0
    assert repeated.startswith("POST /x")
    assert repeated.endswith("client_secret=hush")


def test_after_see_other_the_body_is_left_behind():
    async def scenario():
        async with Site(ok()).at() as other:
            await answer_of(Site(redirect(other.url, 303)), method="POST", sent={"json": {"a": 1}})
            return other.requests[0]

    request = asyncio.run(scenario())
    assert request.startswith("GET / ")
    assert request.endswith("\r\n\r\n")


def test_parameters_join_those_of_the_url():
    site = Site(ok())
    asyncio.run(answer_of(site, path="/s?a=1", sent={"params": {"b": "x y"}}))
    assert site.requests[0].startswith("GET /s?a=1&b=x")


def test_proxies_of_the_environment_do_not_serve_the_fetcher(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert asyncio.run(answer_of(Site(ok()))).content == b"hello"


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
        self.certificate = self._issue(self.name, self.key, [], 1, authority=True)

    def _issue(self, subject, key, names, days, authority=False):
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def server(self, folder, name, days=1):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "site")])
        certificate = self._issue(subject, key, [x509.DNSName(name)], days)
        path = folder / "server.pem"
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        path.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
            + certificate.public_bytes(pem)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def trusting(self):
        pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)


@pytest.mark.parametrize(
    ("named", "days", "trusted", "says"),
    [("site.test", 1, True, None), ("site.test", 1, False, "certificate verify failed"),
     ("site.test", -1, True, "expired"), ("other.test", 1, True, "mismatch")],
)  # fmt: skip
def test_tls_is_verified_by_name_though_connected_by_address(
    monkeypatch, tmp_path, named, days, trusted, says
):
    authority = Authority()
    names(monkeypatch, [ALLOWED])
    if trusted:
        monkeypatch.setattr(fetch, "_tls", authority.trusting)

    async def scenario():
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        site = Site(ok(b"sealed"))
        async with site.at(tls=authority.server(tmp_path, named, days)):
            return (await fetch_one(f"https://site.test:{site.port}/")).content, site.requests

    if says is None:
        assert asyncio.run(scenario())[0] == b"sealed"
    else:
        with pytest.raises(SourceError, match=says):
            asyncio.run(scenario())


@pytest.mark.parametrize(
    ("address", "network", "allowed"),
    [
        ("169.254.169.254", "0.0.0.0/0", False),
        ("169.254.169.254", "169.254.169.254/32", True),
        ("169.254.169.254", "169.254.0.0/16", True),
        ("::ffff:169.254.169.254", "0.0.0.0/0", False),
        ("::ffff:169.254.169.254", "::/0", False),
        ("fd00:ec2::254", "fc00::/7", False),
        ("fd00:ec2::254", "fd00:ec2::254/128", True),
        ("fd00:ec2::1", "fc00::/7", True),
        ("10.1.2.3", "0.0.0.0/0", True),
    ],
)
def test_metadata_is_allowed_by_its_own_name_only(
    address: str, network: str, allowed: bool
) -> None:
    assert within(ip_address(address), parsed([network])) is allowed
