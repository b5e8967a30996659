"""Sessions for vendors' SDKs reach what the fetcher reaches; our errors pass requests' own."""

import asyncio
import gzip
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from rag.egress import fetch, session
from rag.errors import ConfigError, DocumentRejected, Forbidden, SourceError
from tests.test_egress import (
    ALLOWED,
    FORBIDDEN_HOSTS,
    PRIVATE,
    Authority,
    Site,
    names,
    ok,
    redirect,
)


async def ask(url, method="GET", networks=(f"{ALLOWED}/32",), sent=None, **limits):
    def blocking():
        with session(networks, **({"timeout": 20} | limits)) as http:
            return http.request(method, url, **(sent or {}))

    return await asyncio.to_thread(blocking)


async def answer_of(site, path="/", **options):
    async with site.at():
        return await ask(site.url + path, **options)


def test_an_answer_is_what_requests_gives():
    site = Site(ok(gzip.compress('{"a": "é"}'.encode()), "Content-Encoding: gzip",
                   "Content-Type: application/json", "X-Next: 2"))  # fmt: skip
    sent = {"params": {"q": "x y"}, "auth": ("me", "pw"), "headers": {"X-Mine": "1"}}
    answer = asyncio.run(answer_of(site, path="/s?a=1", sent=sent))
    assert (answer.status_code, answer.reason, answer.ok) == (200, "OK", True)
    assert (answer.json(), answer.headers["x-next"]) == ({"a": "é"}, "2")
    assert answer.url == f"{site.url}/s?a=1&q=x+y"
    assert site.requests[0].startswith("GET /s?a=1&q=x+y HTTP/1.1\r\n")
    assert "authorization: basic bwu6chc=" in site.requests[0].lower()
    assert "x-mine: 1" in site.requests[0].lower()


@pytest.mark.parametrize("sent", [{"json": {"a": 1}}, {"data": '{"a": 1}'}])
def test_a_body_is_sent_once_and_whole(sent):
    site = Site(ok())
    asyncio.run(answer_of(site, method="POST", sent=sent))
    head, _, body = site.requests[0].partition("\r\n\r\n")
    assert body == '{"a": 1}'
    assert head.lower().count("content-length: 8") == 1


@pytest.mark.parametrize("status", [404, 429, 500])
def test_an_error_status_is_an_answer_that_requests_can_raise(status):
    site = Site(f"HTTP/1.1 {status} X\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n".encode())
    answer = asyncio.run(answer_of(site))
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "3")
    with pytest.raises(requests.HTTPError, match=str(status)):
        answer.raise_for_status()


def test_a_streamed_answer_is_read_in_pieces():
    answer = asyncio.run(answer_of(Site(ok(b"abcdef")), sent={"stream": True}))
    assert list(answer.iter_content(4)) == [b"abcd", b"ef"]


def test_a_session_keeps_its_connection_and_serves_threads():
    async def scenario():
        site = Site(ok(b"x"))
        async with site.at():

            def blocking():
                with session([f"{ALLOWED}/32"]) as http:
                    http.get(site.url)
                    http.get(site.url)
                    kept = site.connections
                    with ThreadPoolExecutor(4) as pool:
                        bodies = list(pool.map(lambda _: http.get(site.url).content, range(20)))
                    return kept, bodies

            return await asyncio.to_thread(blocking)

    kept, bodies = asyncio.run(scenario())
    assert kept == 1
    assert bodies == [b"x"] * 20


@pytest.mark.parametrize("host", FORBIDDEN_HOSTS)
def test_no_way_to_write_a_private_address_reaches_it(host):
    says = "not a public address" if host.isascii() else "malformed"

    async def scenario():
        async with Site(ok()).at() as site:
            with pytest.raises(Forbidden, match=says):
                await ask(f"http://{host}:{site.port}/", networks=())
            return site.connections

    assert asyncio.run(scenario()) == 0


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://{host}/", "gopher://{host}/", "data:text/html,x", "",
     "http+unix://%2Frun%2Fdocker.sock/", "//x/", "http://user:pass@{host}/", "http://@{host}/",
     "http://{host}\\@8.8.8.8/", "http://8.8.8.8\\@{host}/", "http:\\\\{host}/", "\nhttp://{host}/",
     "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://[::1/", "http:///path",
     "http://127.0.0.1./"],
)  # fmt: skip
def test_what_parsers_could_read_differently_is_never_contacted(url):
    async def scenario():
        async with Site(ok()).at() as site:
            with pytest.raises(Forbidden):
                await ask(url.replace("{host}", f"{ALLOWED}:{site.port}"))
            return site.connections

    assert asyncio.run(scenario()) == 0


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/"])
def test_a_request_that_an_sdk_prepared_itself_is_checked_too(url):
    made = requests.PreparedRequest()
    made.method, made.url, made.headers = "GET", url, {}
    with session() as http, pytest.raises(Forbidden):
        http.send(made)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_a_private_host_is_refused(status):
    async def scenario():
        async with Site(ok()).at(PRIVATE) as private:
            with pytest.raises(Forbidden, match=PRIVATE):
                await answer_of(Site(redirect(f"{private.url}/secret", status)))
            return private.connections

    assert asyncio.run(scenario()) == 0


def test_redirects_end_and_lead_to_no_file():
    site = Site(redirect("/again"))
    with pytest.raises(SourceError, match="more than 5 redirects"):
        asyncio.run(answer_of(site))
    with pytest.raises(Forbidden):
        asyncio.run(answer_of(Site(redirect("file:///etc/passwd"))))


def test_a_name_that_changes_its_address_is_checked_each_time(monkeypatch):
    async def scenario():
        async with Site(ok(b"open")).at() as site, Site(ok()).at(PRIVATE, site.port) as private:
            url = f"http://rebind.test:{site.port}/"
            calls = names(monkeypatch, [ALLOWED], [PRIVATE])
            assert (await ask(url)).content == b"open"
            assert calls == ["rebind.test"]
            assert f"host: rebind.test:{site.port}" in site.requests[0].lower()
            with pytest.raises(Forbidden, match=PRIVATE):
                await ask(url)
            return private.connections

    assert asyncio.run(scenario()) == 0


@pytest.mark.parametrize("port", [22, 25, 5432, 6333])
def test_only_web_ports_of_public_hosts_are_contacted(monkeypatch, port):
    names(monkeypatch, ["8.8.8.8"])
    with pytest.raises(Forbidden, match="not a web port"):
        asyncio.run(ask(f"http://public.test:{port}/"))


def test_caps_hold_for_bytes_received_and_decompressed_and_for_time():
    endless = b"HTTP/1.1 200 OK\r\n\r\n"
    with pytest.raises(DocumentRejected, match="more than 100,000 bytes"):
        asyncio.run(answer_of(Site(endless, endless=b"x" * 10_000), max_bytes=100_000))
    bomb = ok(gzip.compress(bytes(50_000_000)), "Content-Encoding: gzip")
    with pytest.raises(DocumentRejected, match="more than 1,000,000 bytes"):
        asyncio.run(answer_of(Site(bomb), max_bytes=1_000_000))
    with pytest.raises(SourceError, match=r"in full within 0\.5 s"):
        asyncio.run(answer_of(Site(endless, endless=b".", pause=0.02), timeout=0.5))


def test_what_does_not_answer_is_a_source_error_and_no_error_of_requests():
    async def scenario():
        async with Site().at() as site:
            url = site.url
        await ask(f"{url}/page?token=hush")

    with pytest.raises(SourceError, match="/page cannot be read") as caught:
        asyncio.run(scenario())
    assert "hush" not in str(caught.value)


def test_credentials_stay_with_their_host():
    sent = {"auth": ("me", "pw"), "headers": {"Cookie": "a=1", "Private-Token": "t"}}

    async def scenario():
        async with Site(ok()).at(PRIVATE) as other:
            site = Site(redirect(f"{other.url}/x"))
            await answer_of(site, networks=["127.0.0.0/8"], sent=sent)
            posting = Site(redirect(f"{other.url}/x", 307))
            with pytest.raises(Forbidden, match="repeated elsewhere"):
                await answer_of(
                    posting, networks=["127.0.0.0/8"], method="POST", sent={"data": {"secret": "x"}}
                )
            return site.requests[0].lower(), [request.lower() for request in other.requests]

    first, others = asyncio.run(scenario())
    assert len(others) == 1
    for name in ("authorization:", "cookie:", "private-token:"):
        assert name in first
        assert name not in others[0]


def test_cookies_proxies_and_netrc_are_not_used(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text(f"machine {ALLOWED} login me password pw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def scenario():
        site = Site(ok(b"x", "Set-Cookie: session=1; Path=/"))
        async with site.at():

            def blocking():
                with session([f"{ALLOWED}/32"]) as http:
                    http.proxies = {"http": "http://127.0.0.1:9"}
                    http.get(site.url)
                    http.get(site.url)

            await asyncio.to_thread(blocking)
        return site.requests

    requested = asyncio.run(scenario())
    assert len(requested) == 2
    assert "cookie" not in requested[1].lower()
    assert "authorization" not in requested[0].lower()


@pytest.mark.parametrize(
    ("named", "trusted", "says"),
    [("site.test", True, None), ("site.test", False, "verify failed"),
     ("other.test", True, "mismatch")],
)  # fmt: skip
def test_tls_is_verified_by_name_even_if_an_sdk_says_otherwise(
    monkeypatch, tmp_path, named, trusted, says
):
    authority = Authority()
    names(monkeypatch, [ALLOWED])
    if trusted:
        monkeypatch.setattr(fetch, "_tls", authority.trusting)

    async def scenario():
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        site = Site(ok(b"sealed"))
        async with site.at(tls=authority.server(tmp_path, named)):
            return (await ask(f"https://site.test:{site.port}/", sent={"verify": False})).content

    if says is None:
        assert asyncio.run(scenario()) == b"sealed"
    else:
        with pytest.raises(SourceError, match=says):
            asyncio.run(scenario())


def test_a_network_that_is_none_is_a_config_error():
    with pytest.raises(ConfigError, match="CIDR"):
        session(["10.0.0.1/8"])
